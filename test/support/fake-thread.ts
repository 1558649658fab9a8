/**
 * A traffic thread that carries no traffic, for tests of supervision with real workers. It binds what it is told, and
 * misbehaves when a load balancer's name says so:
 * - `crash`: dies at every start; `crash-once`: dies the first time that it is told of
 * - `hang-once`: stands still the first time; `exhaust-once`: runs out of memory
 */
import { createServer, type Server } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../src/kit/clock.ts';
import { counterRow, COUNTER, THREAD_COUNTER, THREAD_ROW_CELLS } from '../../src/traffic/counters.ts';
import type {
  CompiledLoadBalancer,
  ControlMessage,
  ThreadMessage,
  ThreadSettings,
} from '../../src/traffic/snapshot.ts';

const settings = workerData as ThreadSettings;
const row = new Float64Array(
  settings.threadCounters,
  settings.thread * THREAD_ROW_CELLS * Float64Array.BYTES_PER_ELEMENT,
  THREAD_ROW_CELLS,
);
const servers = new Map<string, Server>();
const held: unknown[] = [];

const say = (message: ThreadMessage): void => parentPort!.postMessage(message);

function misbehave({ name, counters }: CompiledLoadBalancer): void {
  const own = counterRow(counters, settings.thread);
  const first = own[COUNTER.requests]!++ === 0;
  if (name === 'crash' || (name === 'crash-once' && first)) throw new Error('told to crash');
  if (name === 'hang-once' && first) for (;;) own[COUNTER.sentBytes]!++;
  if (name === 'exhaust-once' && first) for (;;) held.push(Array.from({ length: 100_000 }, () => ({})));
}

/** Binds what is new and closes what is gone; connections are answered with the number of the thread. */
async function listen(loadBalancer: CompiledLoadBalancer): Promise<void> {
  const wanted = new Map(loadBalancer.listeners.map((listener) => [`${listener.address} ${listener.port}`, listener]));
  for (const [key, server] of servers) if (!wanted.has(key)) server.close();
  for (const [key, { address, port }] of wanted) {
    if (servers.has(key)) continue;
    const server = createServer((socket) => socket.end(String(settings.thread)));
    servers.set(key, server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port, reusePort: true }, resolve);
    });
  }
}

let turn: Promise<void> = Promise.resolve();

async function handle(message: ControlMessage): Promise<void> {
  if (message.type === 'stop') return say({ type: 'stopped' });
  if (message.type === 'cut') return undefined;
  for (const loadBalancer of message.upserts) {
    await listen(loadBalancer);
    misbehave(loadBalancer);
  }
  row[THREAD_COUNTER.revision] = message.revision;
  return say({ type: 'applied', revision: message.revision, failures: [] });
}

parentPort!.on('message', (message: ControlMessage) => {
  turn = turn.then(() => handle(message));
});
systemClock.every(100, () => row[THREAD_COUNTER.heartbeat]!++);
say({ type: 'ready' });
