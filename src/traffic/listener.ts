/** A load balancer and its listeners as one thread runs them. Both outlive snapshots: what changes is swapped in. */
import { assert } from '../kit/assert.ts';
import type { Clock } from '../kit/clock.ts';
import { Roster } from '../kit/roster.ts';
import { networkContains, parseIp } from '../kit/ip.ts';
import { isTls } from '../model/load-balancer.ts';
import { ExtraSockets } from '../transport/extra-sockets.ts';
import type { Addressed, ListeningSocket } from '../transport/transport.ts';
import type { RequestOrigin } from '../wire/log-request.ts';
import { Phrase } from '../wire/phrase.ts';
import { Balancer } from './balancer.ts';
import { CountLog } from './count-log.ts';
import {
  COUNTER,
  counterRow,
  observeLatency,
  SHARED,
  sharedCells,
  SURGE_LANES,
  threadsOf,
  zoneBlock,
} from './counters.ts';
import type { HttpTarget } from './http-backend.ts';
import { ListenerTls } from './listener-tls.ts';
import type { CompiledListener, CompiledLoadBalancer } from './snapshot.ts';
import { StickySessions } from './stickiness.ts';
import { SurgeQueue } from './surge-queue.ts';
import { observeZoneLatency, zoneCellsOf } from './zone-counters.ts';

/** A client connection of either layer, as its listener sees it. */
export interface ClientSession {
  /** In the sessions of its listener. */
  sessionPlace: number;
  /** The number of the zone that it was given (Balancer). */
  zone: number;
  /** The idle timeout is longer by so much (shorter, where it is negative), also while it runs. */
  idleTimeoutChanged(byMs: number): void;
  /** The listener is gone or the process stops: finish what is in flight, begin nothing new. */
  drain(): void;
  /** End now. */
  cut(): void;
}

export class LoadBalancerRuntime {
  settings: CompiledLoadBalancer;
  readonly counters: Float64Array;
  /** What this thread counts by zone (zone-counters.ts). */
  readonly zoneCounters: Float64Array;
  readonly shared: Int32Array;
  readonly listeners = new Map<string, ListenerRuntime>();

  readonly countLog: CountLog;
  readonly surgeQueue: SurgeQueue;
  readonly extraSockets: ExtraSockets;
  readonly #threads: number;

  constructor(settings: CompiledLoadBalancer, thread: number, clock: Clock) {
    this.settings = settings;
    this.counters = counterRow(settings.counters, thread);
    this.zoneCounters = zoneBlock(settings.counters, thread);
    this.shared = sharedCells(settings.counters);
    this.#threads = threadsOf(settings.counters);
    this.countLog = new CountLog(this.shared, this.#threads);
    this.surgeQueue = new SurgeQueue(settings.counters, thread, clock);
    this.extraSockets = new ExtraSockets(this.shared, SHARED.extraSockets);
  }

  /**
   * May idle connections to instances wait for their next request? With a cap on connections they count, and other
   * threads cannot use them.
   */
  get mayRest(): boolean {
    return this.settings.maxConnectionsPerTarget === Infinity || this.#threads === 1;
  }

  /** Counts one more, over all and in the zone whose cells begin there. */
  countInZone(zoneCells: number, cell: number): void {
    this.counters[cell]!++;
    this.zoneCounters[zoneCells + cell]!++;
  }

  /** How long an instance took to answer, or (layer 4) to take the connection: over all and in its zone. */
  observeLatency(zoneCells: number, seconds: number): void {
    observeLatency(this.counters, seconds);
    observeZoneLatency(this.zoneCounters, zoneCells, seconds);
  }

  /** Where the cells of a zone begin in {@link zoneCounters}. */
  zoneCells(zone: string | undefined): number {
    return zoneCellsOf(this.settings.countedZones, zone);
  }
}

export class ListenerRuntime {
  readonly loadBalancer: LoadBalancerRuntime;
  compiled: CompiledListener;
  targets: readonly HttpTarget[];
  balancer: Balancer<HttpTarget>;
  readonly tls: ListenerTls | undefined;
  /** Undefined where requests are routed each on its own. */
  sticky: StickySessions | undefined;
  socket: ListeningSocket | undefined;
  /** Why the socket is not there. */
  failure: string | undefined;
  /** No new request begins. */
  draining = false;
  readonly sessions = new Roster<'sessionPlace', ClientSession>('sessionPlace');
  /** The lines that every request gets, behind the client's address. */
  readonly forwardedLines: string;
  /** As the access log names it in request lines. */
  readonly origin: RequestOrigin;
  readonly #clock: Clock;

  constructor(
    loadBalancer: LoadBalancerRuntime,
    compiled: CompiledListener,
    targets: readonly HttpTarget[],
    ordinal: number,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.loadBalancer = loadBalancer;
    this.compiled = compiled;
    this.targets = targets;
    this.tls =
      compiled.tls === undefined ? undefined : new ListenerTls(compiled.tls, loadBalancer.counters, this.admits);
    this.balancer = this.#makeBalancer(ordinal);
    this.#updateStickiness();
    const scheme = isTls(compiled.protocol) ? 'https' : 'http';
    this.origin = { scheme: new Phrase(`${scheme}://`), port: new Phrase(`:${compiled.port}`) };
    this.forwardedLines = `X-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Port: ${compiled.port}\r\n\r\n`;
  }

  #makeBalancer(ordinal: number): Balancer<HttpTarget> {
    const { settings, shared, countLog } = this.loadBalancer;
    const { zones, crossZone, slowStartMs } = settings;
    return new Balancer({
      targets: this.targets,
      zones,
      crossZone,
      slowStartMs,
      clock: this.#clock,
      shared,
      log: countLog,
      ordinal,
    });
  }

  /** Takes over a new snapshot of the same listener. */
  update(compiled: CompiledListener, targets: readonly HttpTarget[], ordinal: number): void {
    assert(listenerKey(compiled) === listenerKey(this.compiled), 'a listener keeps its key');
    if (compiled.tls !== undefined) this.tls?.update(compiled.tls);
    this.compiled = compiled;
    this.targets = targets;
    const { zones } = this.balancer;
    this.balancer = this.#makeBalancer(ordinal);
    this.#keepZones(zones);
    this.#updateStickiness();
  }

  /** Who is connected stays in its zone, whatever number that has now; where it is gone, another one is given. */
  #keepZones(before: readonly string[]): void {
    const { zones } = this.balancer;
    if (zones.length === before.length && zones.every((zone, number) => zone === before[number])) return;
    for (const session of this.sessions) {
      const number = zones.findIndex((zone) => zone === before[session.zone]);
      session.zone = number === -1 ? this.balancer.chooseZone() : number;
    }
  }

  /** The lane of the surge queue for who wants the instances of this listener in `zone` (Balancer). */
  laneOf(zone: number): number {
    const { listeners, zones, crossZone } = this.loadBalancer.settings;
    const ports = new Set(listeners.map(({ instancePort }) => instancePort));
    const place = Math.max(0, [...ports].indexOf(this.compiled.instancePort));
    return (crossZone ? place : place * zones.length + zone) % SURGE_LANES;
  }

  /**
   * Do the security groups let this client in? One that is not let in is counted. Without groups its address is not asked for yet: that
   * tells later whether it is still there (HttpClient).
   */
  admits = (client: Addressed): boolean => {
    const { ingress } = this.compiled;
    if (ingress === undefined) return true;
    const address = parseIp(client.remoteAddress);
    // Whoever has no address any more is gone already.
    if (address === undefined) return false;
    if (ingress.some((network) => networkContains(network, address))) return true;
    this.loadBalancer.counters[COUNTER.refusedConnections]!++;
    return false;
  };

  #updateStickiness(): void {
    const { instancePort, stickiness } = this.compiled;
    if (this.sticky?.serves(this.compiled) !== true) {
      this.sticky =
        stickiness === undefined
          ? undefined
          : new StickySessions(this.loadBalancer.settings.id, instancePort, stickiness);
    }
    this.sticky?.update(this.targets);
  }

  drain(): void {
    this.draining = true;
    this.socket?.close();
    this.socket = undefined;
    for (const session of this.sessions) session.drain();
  }

  cut(): void {
    for (const session of this.sessions) session.cut();
  }
}

/** What makes two listeners the same: everything that a connection accepted there depends on. */
export function listenerKey(listener: CompiledListener): string {
  return `${listener.address} ${listener.port} ${listener.protocol} ${listener.instanceProtocol}`;
}
