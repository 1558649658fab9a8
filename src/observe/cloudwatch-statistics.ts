/** Statistics of samples: what CloudWatch calls a statistic set, and percentiles where the samples are known well enough. */
import { latencyBound } from '../traffic/zone-counters.ts';
import { mergeGauges, type Gauge, type Latency } from './cloudwatch-point.ts';

export interface StatisticSet extends Gauge {
  /** Of a latency: observations by bucket. */
  readonly buckets?: ReadonlyMap<number, number>;
}

/** Things that were counted one by one: each is a sample of 1, as AWS has it. */
export function setOfCount(count: number): StatisticSet {
  return { count, sum: count, min: 1, max: 1 };
}

/** The least and the greatest are known as well as the buckets are fine; a single one is known exactly. */
export function setOfLatency({ sum, buckets }: Latency): StatisticSet {
  const used = [...buckets.keys()].sort((a, b) => a - b);
  let count = 0;
  for (const observations of buckets.values()) count += observations;
  const mean = sum / count;
  const [lowest, highest] = [used[0]!, used.at(-1)!];
  const min = count === 1 ? sum : Math.min(mean, lowerBound(lowest));
  const max = count === 1 ? sum : Math.max(mean, latencyBound(highest));
  return { count, sum, min, max, buckets };
}

/** Without buckets, and so without percentiles, where one of the two has none. */
export function mergeSets(a: StatisticSet | undefined, b: StatisticSet): StatisticSet {
  if (a === undefined) return b;
  const merged = mergeGauges(a, b);
  if (a.buckets === undefined || b.buckets === undefined) return merged;
  const buckets = new Map(a.buckets);
  for (const [bucket, count] of b.buckets) buckets.set(bucket, (buckets.get(bucket) ?? 0) + count);
  return { ...merged, buckets };
}

export const SIMPLE_STATISTICS = ['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'] as const;

/** The value of a statistic: a simple one, or `p99.9`; undefined where the samples do not tell it, as AWS leaves it out. */
export function statisticOf(set: StatisticSet, statistic: string): number | undefined {
  switch (statistic) {
    case 'SampleCount':
      return set.count;
    case 'Average':
      return set.sum / set.count;
    case 'Sum':
      return set.sum;
    case 'Minimum':
      return set.min;
    case 'Maximum':
      return set.max;
    default: {
      const percent = percentOf(statistic);
      return percent === undefined ? undefined : percentileOf(set, percent);
    }
  }
}

/** 99.9 for `p99.9`; undefined for what is no percentile. */
export function percentOf(statistic: string): number | undefined {
  const match = /^p(\d{1,3}(?:\.\d{1,10})?)$/.exec(statistic);
  const percent = Number(match?.[1]);
  return match !== null && percent <= 100 ? percent : undefined;
}

function percentileOf({ count, min, max, buckets }: StatisticSet, percent: number): number | undefined {
  if (min === max) return min;
  if (buckets === undefined) return undefined;
  const wanted = (percent / 100) * count;
  let below = 0;
  for (const [bucket, observations] of [...buckets].sort(([a], [b]) => a - b)) {
    if (below + observations < wanted) {
      below += observations;
      continue;
    }
    const [from, to] = [lowerBound(bucket), latencyBound(bucket)];
    const within = from + ((wanted - below) / observations) * (to - from);
    return Math.min(max, Math.max(min, within));
  }
  return max;
}

function lowerBound(bucket: number): number {
  return bucket === 0 ? 0 : latencyBound(bucket - 1);
}
