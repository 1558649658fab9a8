/**
 * The program that {@link runHandshakes} starts: connections that do a handshake, say goodbye and are followed by the
 * next one. Its one argument is a `HandshakePlan` in JSON; it writes one line of figures.
 */
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { systemClock } from '../../src/kit/clock.ts';
import type { HandshakePlan } from './handshakes.ts';

const plan = JSON.parse(process.argv[2] ?? '{}') as HandshakePlan;
const { version, ciphers, curve } = plan;
const secureContext = createSecureContext({ minVersion: version, maxVersion: version, ciphers, ecdhCurve: curve });
const latenciesUs: number[] = [];
const counts = { full: 0, resumed: 0, failed: 0 };
let opened = 0;

/** One handshake and the end of its connection; resolves with the session. */
function handshake(session: Buffer | undefined): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const startMs = systemClock.monotonicMs();
    const localAddress = plan.sources[opened++ % plan.sources.length];
    const socket: TLSSocket = connect({
      host: plan.host,
      port: plan.port,
      ...(localAddress === undefined ? {} : { localAddress }),
      secureContext,
      rejectUnauthorized: false,
      ...(session === undefined ? {} : { session }),
    });
    let made: Buffer | undefined;
    socket.once('secureConnect', () => {
      latenciesUs.push((systemClock.monotonicMs() - startMs) * 1000);
      counts[socket.isSessionReused() ? 'resumed' : 'full']++;
      made = socket.getSession();
      socket.end();
    });
    socket.once('error', () => counts.failed++);
    // The peer's goodbye has to be read.
    socket.resume();
    socket.once('close', () => resolve(made));
  });
}

// Where it is about resumption, one full handshake comes before what is measured.
const session = plan.resume ? await handshake(undefined) : undefined;
Object.assign(counts, { full: 0 });
latenciesUs.length = 0;
const startMs = systemClock.monotonicMs();
const endMs = startMs + plan.seconds * 1000;
const one = async (): Promise<void> => {
  while (systemClock.monotonicMs() < endMs) await handshake(session);
};
await Promise.all(Array.from({ length: plan.connections }, one));
const microseconds = Math.round((systemClock.monotonicMs() - startMs) * 1000);
const sorted = Float64Array.from(latenciesUs).sort();
const at = (share: number): number => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
const { full, resumed, failed } = counts;
console.log(
  `figures full=${full} resumed=${resumed} failed=${failed} microseconds=${microseconds} p50=${at(0.5)} p99=${at(0.99)}`,
);
