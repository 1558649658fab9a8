/** Who takes all that there is of something: connections, memory, CPU. */
import { ATTACK_SECONDS, type Attack } from './attack.ts';
import { PATHS } from './servers.ts';

/** Opened and closed. */
const STORM_PER_SECOND = 20_000;
/** As long as others are watched, and the time that it takes until that begins. */
const STORM_COUNT = STORM_PER_SECOND * (ATTACK_SECONDS + 2);

const NOTHING = Buffer.alloc(0);
export const UNFINISHED = Buffer.from('GET / HTTP/1.1\r\nHost: www.example.test\r\nX-Slow: ');
const UNFINISHED_64_KB = Buffer.concat([
  UNFINISHED,
  ...Array.from({ length: 6 }, (_, n) => Buffer.from(`${'x'.repeat(10_000)}\r\nX-${n}: `)),
]);
const REQUEST = Buffer.from(`GET ${PATHS.small} HTTP/1.1\r\nHost: www.example.test\r\n\r\n`);
/** The beginning of a handshake: what a record is announced with. */
const ANNOUNCED = Buffer.from('1603010200', 'hex');

/** What is tried, one after the other; `hello` is a ClientHello. */
export function attacks(hello: Buffer): readonly Attack[] {
  const crowd = { ratePerSecond: 4000 };
  const storm = { count: STORM_COUNT, ratePerSecond: STORM_PER_SECOND };
  return [
    { ...crowd, name: 'slow heads', count: 10_000, first: UNFINISHED, drip: { text: 'x', everyMs: 5000 } },
    { ...crowd, name: 'silent clients', count: 5000, first: NOTHING },
    { name: 'heads of 64 KB', count: 3000, ratePerSecond: 1000, first: UNFINISHED_64_KB },
    {
      name: 'heads of 64 KB that come and go',
      count: 8000,
      ratePerSecond: 1000,
      first: UNFINISHED_64_KB,
      leave: { afterMs: 500, how: 'reset' },
    },
    { ...crowd, name: 'handshakes announced', count: 2000, first: ANNOUNCED, secure: true },
    { ...crowd, name: 'handshakes not gone on with', count: 5000, first: hello, secure: true },
    { ...crowd, name: 'handshakes, all at once', count: 3000, first: hello, together: true, secure: true },
    { ...crowd, name: 'heads of 64 KB, all at once', count: 3000, first: UNFINISHED_64_KB, together: true },
    { ...storm, name: 'storm, reset', first: NOTHING, leave: { afterMs: 0, how: 'reset' } },
    { ...storm, name: 'storm, closed', first: NOTHING, leave: { afterMs: 0, how: 'close' }, scattered: true },
    { ...storm, name: 'storm, asked and reset', first: REQUEST, leave: { afterMs: 0, how: 'reset' } },
  ];
}
