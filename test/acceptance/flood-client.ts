/**
 * The program that `Flood` starts. On Node's TCP handles: a connection on a socket of `node:net` costs so much that the
 * flood would be the first to be exhausted. Its one argument is a `FloodPlan` in JSON; it writes `begun`, `gathered` when all
 * clients have been opened, and at its end (SIGTERM) one line of figures.
 */
import { MessageChannel } from 'node:worker_threads';
import { present } from '../../src/kit/assert.ts';
import { systemClock } from '../../src/kit/clock.ts';
import {
  nodeInternals,
  type ConnectRequest,
  type StreamHandle,
  type TcpHandle,
} from '../../src/transport/node-internals.ts';
import type { FloodFigures, FloodPlan } from './flood.ts';

const TICK_MS = 1;
/** In one tick: those that are up want to be seen to before more come. */
const OPENED_AT_ONCE = 100;
const LARGEST_SEGMENT = 1400;

interface Dialler extends TcpHandle {
  bind(address: string, port: number): number;
}

const plan = JSON.parse(process.argv[2] ?? '{}') as FloodPlan;
const first = Buffer.from(plan.first, 'base64');
const drip = Buffer.from(plan.drip?.text ?? '');
const internals = present(nodeInternals(), 'the TCP handles of Node');
const { TCP, TCPConnectWrap, WriteWrap, socketType, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } =
  internals;
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Below those that the system gives by itself (ip(7), ip_local_port_range), and not the same for all floods. */
const PORTS = { first: 10_000, count: 22_000 };

function portOf(index: number): number {
  return PORTS.first + ((process.pid * 1009 + index) % PORTS.count);
}

const counts = { offered: 0, connected: 0, failed: 0, ended: 0, answered: 0, segments: 0, payloadBytes: 0 };
/** From the dial to the first byte. */
const answersUs: number[] = [];
const clients = new Set<Client>();
/** In the order in which they leave. */
let leaving: Client[] = [];
let left = 0;
let offeredMs = 0;
let gathered = false;

class Client {
  readonly #tcp = new TCP(socketType) as Dialler;
  readonly #dialledMs = systemClock.monotonicMs();
  #open = true;
  #up = false;
  #writing = false;
  #answered = false;
  leavesMs = Infinity;

  dial(): void {
    const { host, port, sources } = plan;
    const index = counts.offered++;
    const source = sources[index % sources.length];
    clients.add(this);
    const request = new TCPConnectWrap();
    request.context = this;
    request.oncomplete = onConnect;
    const status = source === undefined ? 0 : this.#tcp.bind(source, portOf(Math.floor(index / sources.length)));
    if ((status || this.#tcp.connect(request, host, port)) !== 0) this.#fail();
  }

  #fail(): void {
    counts.failed++;
    this.#close();
  }

  connected(status: number): void {
    if (!this.#open) return;
    if (status !== 0) {
      this.#fail();
      return;
    }
    counts.connected++;
    if (plan.together !== true) this.#send(first);
    if (plan.leave?.afterMs === 0) {
      this.leave();
      return;
    }
    this.#up = true;
    this.#tcp.context = this;
    this.#tcp.onread = onRead;
    this.#tcp.useUserBuffer(readBuffer);
    this.#tcp.readStart();
    if (plan.leave === undefined) return;
    this.leavesMs = systemClock.monotonicMs() + plan.leave.afterMs;
    leaving.push(this);
  }

  say(bytes: Buffer): void {
    if (this.#up) this.#send(bytes);
  }

  #send(bytes: Buffer): void {
    if (!this.#open || this.#writing || bytes.length === 0) return;
    const request = new WriteWrap();
    request.buffer = bytes;
    request.oncomplete = () => (this.#writing = false);
    if (this.#tcp.writeBuffer(request, bytes) !== 0) return;
    this.#writing = streamBaseState[kLastWriteWasAsync] === 1;
    counts.segments += Math.ceil(bytes.length / LARGEST_SEGMENT);
    counts.payloadBytes += bytes.length;
  }

  read(count: number): void {
    if (count < 0) {
      counts.ended++;
      this.#close();
    } else if (count > 0 && !this.#answered) {
      this.#answered = true;
      counts.answered++;
      this.noteWait();
    }
  }

  /** Whoever has no answer at the end has waited for as long as that. */
  noteWait(): void {
    answersUs.push((systemClock.monotonicMs() - this.#dialledMs) * 1000);
  }

  get unanswered(): boolean {
    return !this.#answered;
  }

  leave(): void {
    if (this.#open && (plan.leave?.how === 'close' || this.#tcp.reset() !== 0)) this.#close();
    this.#forget();
  }

  #close(): void {
    if (this.#open) this.#tcp.close();
    this.#forget();
  }

  #forget(): void {
    this.#open = false;
    clients.delete(this);
  }
}

function onConnect(this: ConnectRequest, status: number): void {
  (this.context as Client).connected(status);
}

function onRead(this: StreamHandle): undefined {
  (this.context as Client).read(streamBaseState[kReadBytesOrError]!);
}

const startMs = systemClock.monotonicMs();

function tick(): void {
  const nowMs = systemClock.monotonicMs();
  const due = Math.min(plan.count, ((nowMs - startMs) * plan.ratePerSecond) / 1000);
  for (let opened = 0; opened < OPENED_AT_ONCE && counts.offered < due; opened++) new Client().dial();
  if (counts.offered === plan.count && offeredMs === 0) offeredMs = nowMs - startMs;
  while (left < leaving.length && leaving[left]!.leavesMs <= nowMs) leaving[left++]!.leave();
  if (left > 10_000) {
    leaving = leaving.slice(left);
    left = 0;
  }
  if (!gathered && counts.connected + counts.failed === plan.count) {
    gathered = true;
    if (plan.together === true) for (const client of clients) client.say(first);
    console.log('gathered');
  }
}

let dripping = clients.values();
let drips = 0;

/** Each of them at its time, spread over the whole of `everyMs`. */
function dripOn(everyMs: number): void {
  const due = ((systemClock.monotonicMs() - startMs) * plan.count) / everyMs;
  for (; drips < due; drips++) {
    let next = dripping.next();
    if (next.done) next = (dripping = clients.values()).next();
    next.value?.say(drip);
  }
}

function figures(): FloodFigures {
  const sorted = Float64Array.from(answersUs).sort();
  const at = (share: number): number => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
  const tookMs = offeredMs === 0 ? systemClock.monotonicMs() - startMs : offeredMs;
  return { ...counts, offeredMs: tookMs, p50Us: at(0.5), p99Us: at(0.99) };
}

function end(): never {
  for (const client of clients) {
    if (client.unanswered) client.noteWait();
    client.leave();
  }
  console.log(`figures ${JSON.stringify(figures())}`);
  process.exit(0);
}

process.on('SIGTERM', end);
// Neither the timers of the clock nor a signal keep a process alive.
new MessageChannel().port1.on('message', () => undefined);
systemClock.every(TICK_MS, tick);
console.log('begun');
const { everyMs } = plan.drip ?? {};
if (everyMs !== undefined) systemClock.every(TICK_MS, () => dripOn(everyMs));
