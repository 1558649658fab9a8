/**
 * The program that {@link runNewcomers} starts: connections that come at a rate, ask once, and go when they have their answer. Its
 * one argument is a `NewcomersPlan` in JSON; it writes one line of figures.
 */
import { connect } from 'node:net';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { holdProcess } from '../../src/kit/hold.ts';
import type { NewcomersPlan } from './newcomers.ts';

/** One that is not answered within that is given up. */
const ANSWER_TIMEOUT_MS = 10_000;

const plan = JSON.parse(process.argv[2] ?? '{}') as NewcomersPlan;
const { host, port, sources } = plan;
const request = `GET ${plan.path} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`;
const latenciesUs: number[] = [];
let [opened, bytes, unanswered] = [0, 0, 0];

/** Resolves when the peer has answered and closed, or has not. */
function newcomer(): Promise<void> {
  return new Promise((resolve) => {
    const startMs = systemClock.monotonicMs();
    const localAddress = sources[opened++ % sources.length];
    const socket = connect({ host, port, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) });
    let answer = '';
    socket.setEncoding('latin1').write(request);
    socket.on('data', (text: string) => (answer += text));
    socket.on('error', () => undefined);
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.once('close', () => {
      bytes += answer.length;
      if (answer.startsWith('HTTP/1.1 200 ')) latenciesUs.push((systemClock.monotonicMs() - startMs) * 1000);
      else unanswered++;
      resolve();
    });
  });
}

const hold = holdProcess();
const startMs = systemClock.monotonicMs();
const all: Promise<void>[] = [];
while (all.length < plan.ratePerSecond * plan.seconds) {
  const dueMs = startMs + (all.length * 1000) / plan.ratePerSecond;
  const waitMs = dueMs - systemClock.monotonicMs();
  if (waitMs > 0) await sleep(systemClock, waitMs);
  all.push(newcomer());
}
await Promise.all(all);
hold.cancel();
const microseconds = Math.round((systemClock.monotonicMs() - startMs) * 1000);
const sorted = Float64Array.from(latenciesUs).sort();
const at = (share: number): number => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
const counts = `answered=${sorted.length} unanswered=${unanswered} bytes=${bytes}`;
console.log(`figures ${counts} microseconds=${microseconds} p50=${at(0.5)} p99=${at(0.99)}`);
