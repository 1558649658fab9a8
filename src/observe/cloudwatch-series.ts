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

export class CloudWatchSeries {
  readonly #store: SeriesStore;

  constructor(store: SeriesStore) {
    this.#store = store;
  }

  /** The statistic sets of the periods in which anything happened, by their beginning in epoch seconds, in order. */
  read(
    owner: Owner,
    definition: MetricDefinition,
    dimensions: Dimensions,
    window: Window,
  ): ReadonlyMap<number, StatisticSet> {
    const { start, end, period } = window;
    const sets = new Map<number, StatisticSet>();
    // Minutes that the load balancer tells as a whole: that series comes before those of its zones.
    let whole = new Set<number>();
    let of = '';
    for (const series of this.#of(owner, dimensions)) {
      if ((series.kinds & definition.kinds) === 0) continue;
      const { loadBalancer, zone } = placeOf(series);
      if (loadBalancer !== of) [of, whole] = [loadBalancer, new Set()];
      for (const { minute, body } of this.#store.read(series.id, Math.ceil(start / 60), Math.ceil(end / 60))) {
        const set = definition.of(decodePoint(body));
        if (set === undefined || whole.has(minute)) continue;
        if (zone === '') whole.add(minute);
        const at = start + Math.floor((minute * 60 - start) / period) * period;
        sets.set(at, mergeSets(sets.get(at), set));
      }
    }
    return new Map([...sets].sort(([a], [b]) => a - b));
  }

  /** Metrics that have points from `since` (an epoch second) on, in a fixed order. */
  list(owner: Owner, since: number): readonly Metric[] {
    const found = new Map<string, Metric>();
    for (const series of this.#store.list(prefixOf(owner))) {
      if (series.last * 60 < since) continue;
      const { loadBalancer, zone } = placeOf(series);
      const named = [...METRICS.values()].filter(({ kinds }) => (kinds & series.kinds) !== 0);
      for (const { name } of named) {
        for (const dimensions of dimensionsOf(loadBalancer, zone)) {
          found.set(JSON.stringify([name, dimensions.loadBalancer ?? '', dimensions.zone ?? '']), { name, dimensions });
        }
      }
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, metric]) => metric);
  }

  #of(owner: Owner, { loadBalancer, zone }: Dimensions): readonly Series[] {
    const prefix = prefixOf(owner) + (loadBalancer === undefined ? '' : `${loadBalancer}/`);
    return this.#store.list(prefix).filter((series) => zone === undefined || placeOf(series).zone === zone);
  }
}

function prefixOf({ accountId, region }: Owner): string {
  return `${accountId}/${region}/`;
}

/** Under which dimensions the points of a series can be found. */
function dimensionsOf(loadBalancer: string, zone: string): readonly Dimensions[] {
  const whole = [{}, { loadBalancer }];
  return zone === '' ? whole : [...whole, { zone }, { loadBalancer, zone }];
}
