/**
 * Every minute, what the traffic threads have counted since the last becomes points in the store: by load balancer and zone. The
 * counters outlive threads, and are read without asking any. Gauges are sampled every five seconds.
 */
import { messageOf } from '../kit/assert.ts';
import type { Clock, Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import { METRIC_DAYS } from '../model/limits.ts';
import type { SeriesPoint, SeriesStore } from '../store/series.ts';
import { COUNTER, SHARED, sharedCells, sumCounters, sumZones } from '../traffic/counters.ts';
import { ZONE_CELLS, ZONE_COUNTER, ZONE_LATENCY_BUCKETS } from '../traffic/zone-counters.ts';
import { COUNTS, GAUGES, kindsOf, type CountName, type GaugeName } from './cloudwatch-metrics.ts';
import {
  decodePoint,
  encodePoint,
  isEmptyPoint,
  mergeGauges,
  oneSample,
  mergePoints,
  type Gauge,
  type Point,
} from './cloudwatch-point.ts';
import { seriesKey } from './cloudwatch-series.ts';

const SAMPLE_MS = 5000;
const MINUTE_MS = 60_000;
const MINUTES_PER_DAY = 1440;
const PRUNE_MINUTES = 60;
/** A load balancer that is gone may still be draining: no longer than this. */
const GONE_MINUTES = 62;

/** A load balancer, as it runs now. */
export interface MetricsSource {
  readonly accountId: string;
  readonly region: string;
  readonly name: string;
  /** In the order in which the counters have them; the node stands in the first that is enabled. */
  readonly countedZones: readonly string[];
  readonly nodeZone: string;
  readonly crossZone: boolean;
  /** The same memory for as long as the load balancer is the same. */
  readonly counters: SharedArrayBuffer;
  readonly hosts: readonly { readonly zone: string; readonly healthy: boolean }[];
}

export interface CollectorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: SeriesStore;
  /** All load balancers; asked once a minute. */
  readonly sources: () => readonly MetricsSource[];
}

interface Followed {
  source: MetricsSource;
  /** What was counted up to the last point. */
  zones: Float64Array;
  whole: Float64Array;
  readonly gauges: Map<GaugeName, Gauge>;
  goneMinutes: number;
}

/** Zone cells that are counts of their own; up to spillover they have the numbers of COUNTER. */
const ZONE_COUNTS: readonly (readonly [cell: number, name: CountName])[] = [
  [COUNTER.requests, 'RequestCount'],
  [COUNTER.backend2xx, 'HTTPCode_Backend_2XX'],
  [COUNTER.backend3xx, 'HTTPCode_Backend_3XX'],
  [COUNTER.backend4xx, 'HTTPCode_Backend_4XX'],
  [COUNTER.backend5xx, 'HTTPCode_Backend_5XX'],
  [COUNTER.elb4xx, 'HTTPCode_ELB_4XX'],
  [COUNTER.elb5xx, 'HTTPCode_ELB_5XX'],
  [COUNTER.backendConnectionErrors, 'BackendConnectionErrors'],
  [COUNTER.spillover, 'SpilloverCount'],
  [ZONE_COUNTER.nonCompliant, 'DesyncMitigationMode_NonCompliant_Request_Count'],
];

export class CloudWatchCollector {
  readonly #options: CollectorOptions;
  readonly #followed = new Map<SharedArrayBuffer, Followed>();
  #minute: number;
  #minutesToPrune = 0;
  #timer: Timer | undefined;
  #failing = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#minute = this.#minuteNow();
  }

  start(): void {
    this.#arm();
  }

  /** Keeps what was counted of the minute that has begun; a start in the same minute adds to it. */
  stop(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.flush();
  }

  /** Writes what was counted since the last time, as of the minute that is under way. */
  flush(): void {
    this.#follow(this.#options.sources());
    const points = [...this.#followed.values()].flatMap((followed) => pointsOf(followed));
    this.#forgetGone();
    this.#try(() => {
      this.#options.store.write(this.#minute, points, mergeEncoded);
      if (this.#minutesToPrune-- > 0) return;
      this.#minutesToPrune = PRUNE_MINUTES;
      this.#options.store.prune(this.#minute - METRIC_DAYS * MINUTES_PER_DAY);
    });
  }

  /** A load balancer is about to go: it may have come since the sources were asked, and what it has counted is told all the same. */
  ending(source: MetricsSource): void {
    const { counters } = source;
    const hasCounted = [sumCounters(counters), sumZones(counters)].some((cells) => cells.some((cell) => cell !== 0));
    if (hasCounted || this.#followed.has(counters)) this.#followOne(source);
  }

  /** Every five seconds, and at the turn of the minute. */
  #arm(): void {
    const { clock } = this.#options;
    const delayMs = Math.min(SAMPLE_MS, MINUTE_MS - (clock.epochMs() % MINUTE_MS));
    this.#timer = clock.after(delayMs, () => {
      this.#arm();
      this.#tick();
    });
  }

  #minuteNow(): number {
    return Math.floor(this.#options.clock.epochMs() / MINUTE_MS);
  }

  #tick(): void {
    for (const followed of this.#followed.values()) sample(followed);
    const minute = this.#minuteNow();
    if (minute === this.#minute) return;
    this.flush();
    this.#minute = minute;
  }

  #follow(sources: readonly MetricsSource[]): void {
    for (const followed of this.#followed.values()) followed.goneMinutes++;
    for (const source of sources) this.#followOne(source);
    for (const followed of this.#followed.values()) {
      if (followed.goneMinutes > 0) followed.source = { ...followed.source, hosts: [] };
    }
  }

  /** Those that are gone, of which nothing more can come. */
  #forgetGone(): void {
    for (const [counters, { goneMinutes }] of this.#followed) {
      if (goneMinutes > GONE_MINUTES || (goneMinutes > 1 && isAtRest(counters))) this.#followed.delete(counters);
    }
  }

  #followOne(source: MetricsSource): void {
    const { counters } = source;
    let followed = this.#followed.get(counters);
    if (followed === undefined) {
      const [zones, whole] = [sumZones(counters).fill(0), sumCounters(counters).fill(0)];
      followed = { source, zones, whole, gauges: new Map(), goneMinutes: 0 };
      this.#followed.set(counters, followed);
      sample(followed);
    }
    followed.source = source;
    followed.goneMinutes = 0;
  }

  /** A full disk costs points, and nothing else; it is told once. */
  #try(write: () => void): void {
    const { log } = this.#options;
    try {
      write();
      if (this.#failing) log.info({}, 'metrics are kept again');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        log.error({ cause: messageOf(error) }, 'metrics of CloudWatch cannot be kept: points are lost');
      this.#failing = true;
    }
  }
}

function mergeEncoded(before: Uint8Array, more: Uint8Array): Uint8Array {
  const points = [before, more].map(decodePoint).filter((point) => point !== undefined);
  return encodePoint(points.reduce(mergePoints));
}

/** Open connections, of clients and to instances. */
function activeOf(counters: SharedArrayBuffer): number {
  const sum = sumCounters(counters);
  return sum[COUNTER.clientConnectionsActive]! + sum[COUNTER.backendConnectionsActive]!;
}

function isAtRest(counters: SharedArrayBuffer): boolean {
  return activeOf(counters) <= 0;
}

function sample({ source: { counters }, gauges }: Followed): void {
  const queue = Atomics.load(sharedCells(counters), SHARED.surgeQueueLength);
  const active = activeOf(counters);
  const add = (name: GaugeName, value: number): void =>
    void gauges.set(name, mergeGauges(gauges.get(name), oneSample(value)));
  add('SurgeQueueLength', Math.max(0, queue));
  add('EstimatedALBActiveConnectionCount', Math.max(0, active));
}

/** The points of the load balancer since the last ones, by zone and as a whole; those in which something happened. */
function pointsOf(followed: Followed): readonly SeriesPoint[] {
  const { source, gauges } = followed;
  const { countedZones, nodeZone, hosts } = source;
  const zones = sumZones(source.counters);
  const whole = sumCounters(source.counters);
  const points: SeriesPoint[] = [];
  const add = (zone: string, point: Point): void => {
    if (!isEmptyPoint(point))
      points.push({ key: seriesKey(source, zone), kinds: kindsOf(point), body: encodePoint(point) });
  };
  for (const zone of new Set([...countedZones, nodeZone, ...hosts.map((host) => host.zone)])) {
    const at = countedZones.indexOf(zone);
    const point = at < 0 ? EMPTY : zonePoint(zones, followed.zones, at * ZONE_CELLS);
    add(zone, { ...point, gauges: zoneGauges(source, zone, gauges) });
  }
  add('', wholePoint(whole, followed));
  followed.zones = zones;
  followed.whole = whole;
  gauges.clear();
  return points;
}

const EMPTY: Point = { counts: new Map(), gauges: new Map() };

function zonePoint(now: Float64Array, before: Float64Array, first: number): Point {
  const since = (cell: number): number => now[first + cell]! - before[first + cell]!;
  const counts = new Map<number, number>();
  for (const [cell, name] of ZONE_COUNTS) if (since(cell) > 0) counts.set(COUNTS.indexOf(name), since(cell));
  const buckets = new Map<number, number>();
  for (let bucket = 0; bucket < ZONE_LATENCY_BUCKETS; bucket++) {
    const observations = since(ZONE_COUNTER.latencyBuckets + bucket);
    if (observations > 0) buckets.set(bucket, observations);
  }
  const latency = buckets.size === 0 ? {} : { latency: { sum: since(ZONE_COUNTER.latencySum), buckets } };
  return { counts, gauges: new Map(), ...latency };
}

function zoneGauges({ hosts, nodeZone }: MetricsSource, zone: string, sampled: Followed['gauges']): Point['gauges'] {
  const gauges = hostCounts(hosts.filter((host) => host.zone === zone));
  const queue = sampled.get('SurgeQueueLength');
  if (zone === nodeZone && queue !== undefined && queue.max > 0) gauges.set(GAUGES.indexOf('SurgeQueueLength'), queue);
  return gauges;
}

function hostCounts(hosts: MetricsSource['hosts']): Map<number, Gauge> {
  if (hosts.length === 0) return new Map();
  const healthy = hosts.filter((host) => host.healthy).length;
  return new Map([
    [GAUGES.indexOf('HealthyHostCount'), oneSample(healthy)],
    [GAUGES.indexOf('UnHealthyHostCount'), oneSample(hosts.length - healthy)],
  ]);
}

/**
 * What is told of the load balancer as a whole: the estimates of what an Application Load Balancer would cost, and its hosts
 * where each node serves those of all zones.
 */
function wholePoint(now: Float64Array, { source, whole: before, gauges: sampled }: Followed): Point {
  const since = (cell: number): number => now[cell]! - before[cell]!;
  const connections = since(COUNTER.clientConnections) + since(COUNTER.backendConnections);
  const bytes = since(COUNTER.receivedBytes) + since(COUNTER.sentBytes);
  const counts = new Map<number, number>();
  if (connections > 0) counts.set(COUNTS.indexOf('EstimatedALBNewConnectionCount'), connections);
  if (bytes > 0) counts.set(COUNTS.indexOf('EstimatedProcessedBytes'), bytes);
  const active = sampled.get('EstimatedALBActiveConnectionCount');
  const gauges = hostCounts(source.crossZone ? source.hosts : []);
  if (active !== undefined && active.max > 0) gauges.set(GAUGES.indexOf('EstimatedALBActiveConnectionCount'), active);
  return { counts, gauges };
}
