/** From stored points to the series that CloudWatch describes: by dimensions, in periods. */
import type { Series, SeriesStore } from '../store/series.ts';
import { decodePoint } from './cloudwatch-point.ts';
import { METRICS, type MetricDefinition } from './cloudwatch-metrics.ts';
import { mergeSets, type StatisticSet } from './cloudwatch-statistics.ts';

/** Whose metrics. */
export interface Owner {
  readonly accountId: string;
  readonly region: string;
}

/** The dimensions of AWS/ELB; none of them: all load balancers together. */
export interface Dimensions {
  readonly loadBalancer?: string;
  readonly zone?: string;
}

export interface Metric {
  readonly name: string;
  readonly dimensions: Dimensions;
}

export interface Window {
  /** Epoch seconds; whole minutes. The end does not belong to it. */
  readonly start: number;
  readonly end: number;
  /** Seconds; whole minutes. Periods are counted from the start. */
  readonly period: number;
}

export function seriesKey({ accountId, region, name }: Owner & { readonly name: string }, zone: string): string {
  return `${accountId}/${region}/${name}/${zone}`;
}

interface Place {
  readonly loadBalancer: string;
  /** Empty: the load balancer as a whole. Where that tells a metric, the zones are not added up. */
  readonly zone: string;
}

function placeOf({ key }: Series): Place {
  const [, , loadBalancer = '', zone = ''] = key.split('/');
  return { loadBalancer, zone };
}

/** What is read at a time, each point some 10 µs: of one series, and of several. */
const SLICE_MINUTES = 360;
const SLICE_POINTS = 720;
/** *Ours*: reads under way at once. */
const MAX_READS = 256;

export class CloudWatchSeries {
  readonly #store: SeriesStore;
  #reading = 0;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(store: SeriesStore) {
    this.#store = store;
  }

  /** No more reads should begin. */
  get isBusy(): boolean {
    return this.#reading >= MAX_READS;
  }

  /**
   * The statistic sets of the periods in which anything happened, by their beginning in epoch seconds, in order. A fortnight
   * of all load balancers is millions of points: whoever shares the thread has a turn between two slices, and all reads that are
   * under way take turns, one slice for each turn of the event loop.
   */
  async read(
    owner: Owner,
    definition: MetricDefinition,
    dimensions: Dimensions,
    window: Window,
  ): Promise<ReadonlyMap<number, StatisticSet>> {
    this.#reading++;
    try {
      const slices = this.slices(owner, definition, dimensions, window);
      for (;;) {
        await this.#nextTurn();
        const slice = slices.next();
        if (slice.done === true) return slice.value;
      }
    } finally {
      this.#reading--;
    }
  }

  #nextTurn(): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(() => new Promise<void>((resolve) => setImmediate(resolve)));
    return this.#lastTurn;
  }

  /** The work of {@link read}, in slices. */
  *slices(
    owner: Owner,
    definition: MetricDefinition,
    dimensions: Dimensions,
    { start, end, period }: Window,
  ): Generator<undefined, ReadonlyMap<number, StatisticSet>> {
    const sets = new Map<number, StatisticSet>();
    // Minutes that the load balancer tells as a whole: that series comes before those of its zones.
    let whole = new Set<number>();
    let of = '';
    let points = 0;
    for (const series of this.#of(owner, dimensions)) {
      if ((series.kinds & definition.kinds) === 0) continue;
      const { loadBalancer, zone } = placeOf(series);
      if (loadBalancer !== of) [of, whole] = [loadBalancer, new Set()];
      const last = Math.min(Math.ceil(end / 60), series.last + 1);
      for (let from = Math.ceil(start / 60); from < last; from += SLICE_MINUTES) {
        for (const { minute, body } of this.#store.read(series.id, from, Math.min(last, from + SLICE_MINUTES))) {
          points++;
          const point = decodePoint(body);
          const set = point === undefined ? undefined : definition.of(point);
          if (set === undefined || whole.has(minute)) continue;
          if (zone === '') whole.add(minute);
          const at = start + Math.floor((minute * 60 - start) / period) * period;
          sets.set(at, mergeSets(sets.get(at), set));
        }
        if (points < SLICE_POINTS) continue;
        points = 0;
        yield;
      }
    }
    return new Map([...sets].sort(([a], [b]) => a - b));
  }

  /** Metrics that have points from `since` (an epoch second) on, in a fixed order. A thousand load balancers have fifty thousand. */
  list(owner: Owner, since: number): readonly Metric[] {
    const recent = this.#store.list(prefixOf(owner)).filter(({ last }) => last * 60 >= since);
    const places = recent.map((series) => ({ kinds: series.kinds, ...placeOf(series) }));
    const definitions = [...METRICS.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return definitions.flatMap(({ name, kinds }) =>
      dimensionsOf(places.filter((place) => (place.kinds & kinds) !== 0)).map((dimensions) => ({ name, dimensions })),
    );
  }

  #of(owner: Owner, { loadBalancer, zone }: Dimensions): readonly Series[] {
    const prefix = prefixOf(owner) + (loadBalancer === undefined ? '' : `${loadBalancer}/`);
    return this.#store.list(prefix).filter((series) => zone === undefined || placeOf(series).zone === zone);
  }
}

function prefixOf({ accountId, region }: Owner): string {
  return `${accountId}/${region}/`;
}

/** Under which dimensions the points of series at these places, those of one load balancer together, can be found. */
function dimensionsOf(places: readonly Place[]): readonly Dimensions[] {
  if (places.length === 0) return [];
  const zones = [...new Set(places.map(({ zone }) => zone))].filter((zone) => zone !== '').sort();
  const found: Dimensions[] = [{}, ...zones.map((zone) => ({ zone }))];
  let last: string | undefined;
  for (const { loadBalancer, zone } of places) {
    if (loadBalancer !== last) found.push({ loadBalancer });
    if (zone !== '') found.push({ loadBalancer, zone });
    last = loadBalancer;
  }
  return found;
}
