/** Everything that there is only so much of: descriptors, memory, connections a second, CPU; and who takes it all. */
import { HTTP_PORT } from '../../../bench/addresses.ts';
import { issue } from '../../support/issued.ts';
import { clientHello } from '../../support/tls.ts';
import {
  amplification,
  ATTACK_SECONDS,
  attackTable,
  demandBounds,
  endure,
  HTTPS_PORT,
  type Attack,
  type Endured,
} from '../attack.ts';
import { endureFewDescriptors } from '../few-descriptors.ts';
import type { AcceptanceRun, Lab } from '../lab.ts';
import { measureLatency } from '../latency.ts';
import { setApart } from '../pinning.ts';
import { NGINX_PORT, PATHS, startNginx } from '../servers.ts';
import { WeirUnderTest } from '../weir.ts';

/** For all threads and control each: little more than they need for themselves. */
const HEAP_MB = 128;
const IDLE_TIMEOUT_S = 60;
const MAX_AMPLIFICATION = 100;
/** Opened and closed. */
const STORM_PER_SECOND = 20_000;
/** As long as others are watched, and the time that it takes until that begins. */
const STORM_COUNT = STORM_PER_SECOND * (ATTACK_SECONDS + 2);

const DESCRIPTORS = 256;
const CROWD_ON_DESCRIPTORS = 600;
const THREADS_ON_DESCRIPTORS = 2;

const NOTHING = Buffer.alloc(0);
const UNFINISHED = Buffer.from('GET / HTTP/1.1\r\nHost: www.example.test\r\nX-Slow: ');
const UNFINISHED_64_KB = Buffer.concat([
  UNFINISHED,
  ...Array.from({ length: 6 }, (_, n) => Buffer.from(`${'x'.repeat(10_000)}\r\nX-${n}: `)),
]);
const REQUEST = Buffer.from(`GET ${PATHS.small} HTTP/1.1\r\nHost: www.example.test\r\n\r\n`);
/** The beginning of a handshake: what a record is announced with. */
const ANNOUNCED = Buffer.from('1603010200', 'hex');

function attacks(hello: Buffer): readonly Attack[] {
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

export const exhaustion: AcceptanceRun = {
  name: 'exhaustion',
  about: `${DESCRIPTORS} descriptors, a small heap, 10000 slow clients, heads of 64 KB, a storm of connections: bounded, and nobody else notices`,
  needs: ['nginx', 'wrk', 'taskset', 'chrt'],
  limitSeconds: 420,
  async run(lab) {
    const { peer: cpus } = setApart(lab);
    const [instance = ''] = lab.addresses.backends;
    await startNginx(lab, 'one', [instance]);
    await endureAttacks(lab, instance, cpus);
    const threads = THREADS_ON_DESCRIPTORS;
    const weir = await WeirUnderTest.start(lab, { name: 'few', threads, maxDescriptors: DESCRIPTORS, cpus });
    await create(weir, instance);
    const plan = { weir, instance, threads, descriptors: DESCRIPTORS, clients: CROWD_ON_DESCRIPTORS };
    await endureFewDescriptors(lab, { ...plan, first: UNFINISHED });
  },
};

async function create(weir: WeirUnderTest, instance: string): Promise<void> {
  const certificate = await weir.importCertificate(issue({ key: 'rsa-2048' }));
  await weir.create({
    name: 'web',
    listeners: [
      { protocol: 'HTTP', port: HTTP_PORT, instancePort: NGINX_PORT },
      { protocol: 'HTTPS', port: HTTPS_PORT, instancePort: NGINX_PORT, certificate },
    ],
    instances: [instance],
    healthCheck: {
      Target: `HTTP:${NGINX_PORT}${PATHS.health}`,
      Interval: 5,
      Timeout: 4,
      HealthyThreshold: 2,
      UnhealthyThreshold: 10,
    },
    idleTimeoutSeconds: IDLE_TIMEOUT_S,
  });
}

async function endureAttacks(lab: Lab, instance: string, cpus: readonly number[] | undefined): Promise<void> {
  const nodeFlags = [`--max-old-space-size=${HEAP_MB}`];
  const weir = await WeirUnderTest.start(lab, { threads: cpus?.length ?? 2, nodeFlags, cpus });
  await create(weir, instance);
  // The first requests are what a weir learns to be fast with.
  await measureLatency(lab, ATTACK_SECONDS);
  const all: Endured[] = [];
  for (const attack of attacks(await clientHello())) {
    const endured = await endure(lab, weir, attack);
    all.push(endured);
    demandBounds(lab, endured);
  }
  lab.figures.attach(attackTable(all));
  const most = Math.max(...all.map((endured) => amplification(endured) ?? 0));
  const bound = `< ${MAX_AMPLIFICATION}`;
  lab.figures.demand('worst amplification', most.toFixed(1), bound, most < MAX_AMPLIFICATION);
  const restarts = await weir.metric('weir_thread_restarts_total');
  lab.figures.demand(`threads lost, with a heap of ${HEAP_MB} MB`, restarts, '0', restarts === 0);
  await weir.demandSoundEnd(lab);
}
