/**
 * One back-end target as one thread sees it: where it is, its shared counts, and this thread's connections to it.
 * Outlives snapshots: a deregistered target stays until its last connection is gone.
 */
import { Roster } from '../kit/roster.ts';
import type { LoadBalancerId, Protocol } from '../model/load-balancer.ts';
import type { ClientTls } from '../transport/transport.ts';
import { Phrase } from '../wire/phrase.ts';
import type { CountLog } from './count-log.ts';
import type { CompiledTarget } from './snapshot.ts';
import { slotIndex, TARGET_STATE, type TargetPage } from './target-table.ts';

/** A connection to a target, of either layer. */
export interface TargetConnection {
  /** In the connections of its target. */
  connectionPlace: number;
  /** The target is taken away: end now. */
  cut(): void;
}

/** An HTTP connection that waits for its next request. */
export interface IdleConnection {
  idleIndex: number;
}

export class Target<Idle extends IdleConnection = IdleConnection> {
  readonly loadBalancer: LoadBalancerId;
  readonly slot: number;
  readonly instanceId: string;
  readonly host: string;
  readonly port: number;
  readonly zone: string;
  readonly protocol: Protocol;
  /** How connections to it are encrypted, where they are. */
  readonly tls: ClientTls | undefined;
  /** Open connections of this thread. */
  readonly connections = new Roster<'connectionPlace', TargetConnection>('connectionPlace');
  /** Pooled connections, the latest used last. */
  readonly idle: Idle[] = [];
  /** A listener routes to it. */
  routed = true;
  readonly page: TargetPage;
  /** As the access log names it: `10.0.0.1:80`. */
  readonly logName: Phrase;
  /** Of its load balancer: who balances hears of its counts. */
  log: CountLog;
  /** Where its zone's cells begin (zone-counters.ts). */
  zoneCells = 0;
  /** Monotonic time since when this thread has known it to be in service (traffic/slow-start.ts). */
  servingSinceMs: number | undefined;
  /** The part of a request that it has earned in its slow start. */
  credit = 0;
  readonly #cells: Int32Array;
  readonly #index: number;
  readonly #thread: number;

  constructor(
    loadBalancer: LoadBalancerId,
    compiled: CompiledTarget,
    protocol: Protocol,
    tls: ClientTls | undefined,
    page: TargetPage,
    log: CountLog,
    thread: number,
  ) {
    this.tls = tls;
    this.loadBalancer = loadBalancer;
    this.slot = compiled.slot;
    this.instanceId = compiled.instanceId;
    this.host = compiled.host;
    this.port = compiled.port;
    this.zone = compiled.zone;
    this.protocol = protocol;
    this.logName = new Phrase(`${compiled.host}:${compiled.port}`);
    this.page = page;
    this.log = log;
    this.#cells = page.cells;
    this.#index = slotIndex(compiled.slot);
    this.#thread = thread;
  }

  get inService(): boolean {
    return this.#cells[this.#index] === TARGET_STATE.inService;
  }

  /** Requests in flight (layer 4: connections), over all threads. */
  get outstanding(): number {
    return this.page.outstanding(this.#index);
  }

  /** Open connections over all threads. */
  get totalConnections(): number {
    return this.page.connections(this.#index);
  }

  begin(): void {
    this.page.addOutstanding(this.#index, this.#thread, 1);
    this.log.append(this.slot);
  }

  /** Counts one more request if there are `expected` now, in whatever thread. */
  beginAt(expected: number): boolean {
    if (!this.page.addOutstandingAt(this.#index, this.#thread, expected)) return false;
    this.log.append(this.slot);
    return true;
  }

  /** Counts one more request unless there are `capacity` already, in whatever thread. */
  beginWithin(capacity: number): boolean {
    this.begin();
    if (this.outstanding <= capacity) return true;
    this.finish();
    return false;
  }

  finish(): void {
    this.page.addOutstanding(this.#index, this.#thread, -1);
    this.log.append(this.slot);
  }

  opened(connection: TargetConnection): void {
    this.connections.add(connection);
    this.page.addConnections(this.#index, this.#thread, 1);
  }

  gone(connection: TargetConnection): void {
    if (this.connections.delete(connection)) this.page.addConnections(this.#index, this.#thread, -1);
  }

  pushIdle(connection: Idle): void {
    connection.idleIndex = this.idle.push(connection) - 1;
  }

  popIdle(): Idle | undefined {
    const connection = this.idle.pop();
    if (connection !== undefined) connection.idleIndex = -1;
    return connection;
  }

  /** Takes a connection out of the pool, wherever it stands. */
  removeIdle(connection: Idle): void {
    const index = connection.idleIndex;
    if (index === -1) return;
    connection.idleIndex = -1;
    const last = this.idle.pop()!;
    if (last === connection) return;
    last.idleIndex = index;
    this.idle[index] = last;
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const connection of this.connections) connection.cut();
  }
}
