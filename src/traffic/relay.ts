/**
 * Bytes both ways between a client and a back end, unmodified: half-close kept, backpressure both
 * ways, at most one pending write a side. Serves TCP listeners, and HTTP connections after a switch of protocols.
 */
import { WheelEntry, type Timed } from '../kit/timer-wheel.ts';
import { CONNECT_TIMEOUT_MS, SURGE_PATIENCE_MS } from '../model/limits.ts';
import { NOBODY } from '../transport/connection-common.ts';
import type { Connection } from '../transport/transport.ts';
import { proxyLine } from '../wire/proxy-protocol.ts';
import type { ThreadContext } from './context.ts';
import { COUNTER } from './counters.ts';
import { reportHandshake } from './handshake-report.ts';
import { HeldBytes } from './held-bytes.ts';
import type { HttpTarget } from './http-backend.ts';
import type { ClientSession, ListenerRuntime } from './listener.ts';
import type { LogEntry } from './log-entry.ts';
import { StreamLog } from './log-stream.ts';
import { RelaySide } from './relay-side.ts';
import type { Waiter } from './surge-queue.ts';
import type { TargetConnection } from './target.ts';

export class Relay implements ClientSession, TargetConnection, Timed, Waiter {
  readonly bound = false;
  sessionPlace = -1;
  zone = 0;
  connectionPlace = -1;
  readonly #context: ThreadContext;
  readonly #listener: ListenerRuntime;
  readonly #timer = new WheelEntry(this);
  readonly #client: RelaySide;
  #target: HttpTarget | undefined;
  #backend: RelaySide | undefined;
  #connected = false;
  #tried: HttpTarget[] | undefined;
  #held: HeldBytes | undefined;
  /** Counted in the surge queue. */
  #queued = false;
  /** It was an HTTP connection before. */
  #switched = false;
  #backendCounted = false;
  #requestCounted = false;
  #dialledMs = 0;
  /** Undefined where nothing is logged, and when the line has been written. */
  log: StreamLog | undefined;

  /** Takes over a client connection. With a `target` its requests have been counted there already. */
  constructor(context: ThreadContext, listener: ListenerRuntime, target: HttpTarget | undefined, client: Connection) {
    this.#context = context;
    this.#listener = listener;
    this.#target = target;
    this.#client = new RelaySide(this, client, COUNTER.receivedBytes);
    listener.sessions.add(this);
    this.count(COUNTER.clientConnectionsActive, 1);
  }

  /** A new connection of a TCP listener: chooses an instance and connects, client bytes waiting in the kernel. */
  start(): void {
    this.count(COUNTER.clientConnections, 1);
    this.#client.connection.pause();
    this.zone = this.#listener.balancer.chooseZone();
    this.log = StreamLog.begin(this.#context, this.#listener, this.#client.connection);
    this.touch();
    this.#dial();
  }

  get lane(): number {
    return this.#listener.laneOf(this.zone);
  }

  isClient(side: RelaySide): boolean {
    return side === this.#client;
  }

  #dial(): void {
    const { settings, surgeQueue } = this.#listener.loadBalancer;
    const capacity = settings.maxConnectionsPerTarget;
    const { balancer } = this.#listener;
    const waitsBehind = capacity !== Infinity && surgeQueue.isBusy(this.lane);
    const target = waitsBehind ? undefined : balancer.roundRobin(this.zone, this.#tried, capacity);
    if (target === undefined || (capacity !== Infinity && !target.beginWithin(capacity))) {
      const atCapacity = capacity !== Infinity && balancer.roundRobin(this.zone, this.#tried, Infinity) !== undefined;
      if (!atCapacity) this.#end();
      else if (!this.#enterQueue()) this.#spillOver();
      else {
        surgeQueue.standInLine(this);
        // Who reads hears that a client has gone. One read is kept for the instance.
        if (this.#held === undefined) this.#client.connection.resume();
      }
      return;
    }
    this.#client.connection.pause();
    if (capacity === Infinity) target.begin();
    this.#target = target;
    target.opened(this);
    this.#enterQueue();
    this.count(COUNTER.backendConnections, 1);
    this.#countBackend();
    const connection = this.#context.transport.connect(target.host, target.port, NOBODY, target.tls);
    const side: RelaySide = new RelaySide(this, connection, COUNTER.sentBytes);
    side.peer = this.#client;
    this.#client.peer = side;
    this.#backend = side;
    this.#dialledMs = this.#context.clock.monotonicMs();
    this.log?.dialled();
    this.#context.wheel.arm(this.#timer, this.#queued ? CONNECT_TIMEOUT_MS : SURGE_PATIENCE_MS);
  }

  /** Counts among those that wait, once; false: the queue is full. */
  #enterQueue(): boolean {
    return (this.#queued ||= this.#listener.loadBalancer.surgeQueue.enter());
  }

  #spillOver(): void {
    this.#listener.loadBalancer.countInZone(this.#nodeCells, COUNTER.spillover);
    this.#end();
  }

  #leaveQueue(): void {
    if (this.#queued) this.#listener.loadBalancer.surgeQueue.leave();
    this.#queued = false;
  }

  /** First in line: is there capacity now? */
  proceed(): boolean {
    this.#dial();
    return this.#target !== undefined || !this.#queued;
  }

  /** The client has sent this while it stands in line. Over `node:net` what was read at once comes in pieces. */
  hold(bytes: Buffer, start: number, end: number): void {
    if (this.#held === undefined) this.#held = new HeldBytes(bytes, start, end);
    else this.#held.append(bytes, start, end);
    this.#client.connection.pause();
  }

  #countBackend(): void {
    this.#backendCounted = true;
    this.count(COUNTER.backendConnectionsActive, 1);
  }

  /**
   * Joins two connections that are up; `held` is what the client has sent meanwhile, `ended`: it sends no more. `entry`: of
   * the request that has made them one.
   */
  join(backend: Connection, held: HeldBytes | undefined, ended: boolean, entry: LogEntry | undefined): void {
    this.#target?.opened(this);
    this.log = StreamLog.join(this.#context, entry);
    this.#countBackend();
    this.#switched = true;
    const side = new RelaySide(this, backend, COUNTER.sentBytes);
    side.peer = this.#client;
    this.#client.peer = side;
    this.#backend = side;
    if (held !== undefined) {
      this.#client.bytes += held.end - held.start;
      this.send(backend, held.bytes, held.start, held.end);
    }
    this.connected();
    if (ended) this.#client.onEnd();
  }

  connected(): void {
    this.#leaveQueue();
    this.#connected = true;
    if (!this.#switched) {
      const { zoneCells } = this.#target!;
      this.#countRequest(zoneCells);
      // CloudWatch's latency of a TCP listener is how long the connection to the instance takes.
      const seconds = (this.#context.clock.monotonicMs() - this.#dialledMs) / 1000;
      this.#listener.loadBalancer.observeLatency(zoneCells, seconds);
    }
    this.log?.connected(this.#target);
    this.touch();
    if (this.#listener.compiled.proxyProtocol && !this.#switched) this.#sendProxyLine();
    this.#sendHeld();
    if (!this.#backend!.connection.pending) this.#client.connection.resume();
  }

  /** What came while the client stood in line, its end too. */
  #sendHeld(): void {
    if (this.#held !== undefined) {
      this.send(this.#backend!.connection, this.#held.bytes, this.#held.start, this.#held.end);
      this.log?.sent(true);
      this.#held = undefined;
    }
    if (this.#client.ended) this.#backend!.connection.end();
  }

  /** Tells the back end whose connection it is, ahead of the first byte. */
  #sendProxyLine(): void {
    const { remoteAddress, localAddress, remotePort, localPort } = this.#client.connection;
    const { outbox } = this.#context;
    outbox.text(proxyLine(remoteAddress, localAddress, remotePort, localPort));
    this.#backend!.connection.send(outbox);
  }

  idleTimeoutChanged(byMs: number): void {
    // While a connection to an instance is being made that has its own time.
    if (this.#connected || this.#target === undefined) this.#context.wheel.shift(this.#timer, byMs);
  }

  touch(): void {
    this.#context.wheel.arm(this.#timer, this.#listener.loadBalancer.settings.idleTimeoutMs);
  }

  count(cell: number, by: number): void {
    this.#listener.loadBalancer.counters[cell]! += by;
  }

  /** Once: in the zone of the instance, as requests over HTTP are, or in that of the node where none was reached. */
  #countRequest(zoneCells: number): void {
    if (!this.#requestCounted) this.#listener.loadBalancer.countInZone(zoneCells, COUNTER.requests);
    this.#requestCounted = true;
  }

  /** Where the cells of the zone begin that the client's connection was given. */
  get #nodeCells(): number {
    return this.#listener.loadBalancer.zoneCells(this.#listener.loadBalancer.settings.zones[this.zone]);
  }

  send(to: Connection, bytes: Buffer, start: number, end: number): void {
    const { outbox } = this.#context;
    outbox.copy(bytes, start, end);
    to.send(outbox);
  }

  /** Both sides have ended and everything is on its way: done. */
  sideEnded(): void {
    const backend = this.#backend;
    if (backend === undefined || !backend.ended || !this.#client.ended) return;
    if (!backend.connection.pending && !this.#client.connection.pending) this.#end();
  }

  /** A connection broke. Before the back end was up another instance is tried; later both go. */
  lost(side: RelaySide, code: string): void {
    if (side !== this.#client && !this.#connected) return this.#nextInstance(code);
    // A reset, so that the other peer does not take what it got for all there was.
    side.peer?.connection.reset();
    this.#close();
  }

  #nextInstance(code = ''): void {
    const target = this.#target!;
    reportHandshake(this.#context, target.slot, code);
    this.#listener.loadBalancer.countInZone(target.zoneCells, COUNTER.backendConnectionErrors);
    this.#backend?.connection.destroy();
    this.#releaseTarget();
    this.#client.peer = undefined;
    (this.#tried ??= []).push(target);
    this.touch();
    this.#dial();
  }

  onTimeout(): void {
    if (this.#connected || this.#target === undefined) this.#end();
    else if (this.#queued) this.#nextInstance();
    else this.#spillOver();
  }

  drain(): void {}

  cut(): void {
    // Who is still being connected is cut for its instance's sake, unless the listener has gone: there may be others.
    if (!this.#connected && this.#target !== undefined && !this.#listener.draining) return this.#nextInstance();
    this.#client.connection.reset();
    this.#backend?.connection.reset();
    this.#close();
  }

  #end(): void {
    this.#client.leave();
    this.#backend?.leave();
    this.#close();
  }

  #releaseTarget(): void {
    this.#backend = undefined;
    if (this.#target === undefined) return;
    this.#target.gone(this);
    this.#target.finish();
    this.#target = undefined;
    if (this.#backendCounted) this.count(COUNTER.backendConnectionsActive, -1);
    this.#backendCounted = false;
  }

  #close(): void {
    this.#context.wheel.remove(this.#timer);
    if (!this.#switched) this.#countRequest(this.#nodeCells);
    if (this.#listener.sessions.delete(this)) this.count(COUNTER.clientConnectionsActive, -1);
    this.log?.end(this.#client.bytes, this.#backend?.bytes ?? 0);
    this.log = undefined;
    this.#releaseTarget();
    const { surgeQueue } = this.#listener.loadBalancer;
    surgeQueue.stepOut(this);
    this.#leaveQueue();
    surgeQueue.serve();
  }
}
