import assert from 'node:assert/strict';
import { it } from 'node:test';
import { latencyBound, latencyBucket, ZONE_LATENCY_BUCKETS } from '../traffic/zone-counters.ts';
import { mergeSets, percentOf, setOfLatency, statisticOf } from './cloudwatch-statistics.ts';

it('percentiles go up to p100, and no further', () => {
  assert.deepEqual(['p0', 'p99.9', 'p100', 'p100.1', 'p', 'p-1', '99'].map(percentOf), [
    0,
    99.9,
    100,
    ...Array.from({ length: 4 }, () => undefined),
  ]);
});

it('where all values are one, every percentile is that; else those of latencies alone are known', () => {
  assert.equal(statisticOf({ count: 5, sum: 10, min: 2, max: 2 }, 'p90'), 2);
  assert.equal(statisticOf({ count: 5, sum: 10, min: 1, max: 3 }, 'p90'), undefined);
});

it('the least and the greatest of what is known bound the percentiles', () => {
  const of = (seconds: number) => setOfLatency({ sum: seconds, buckets: new Map([[latencyBucket(seconds), 1]]) });
  const [first, second] = [1.03 * latencyBound(40), 1.06 * latencyBound(40)];
  assert.equal(latencyBucket(first), latencyBucket(second));
  const both = mergeSets(of(first), of(second));
  assert.deepEqual([both.min, both.max], [first, second]);
  assert.deepEqual([statisticOf(both, 'p0'), statisticOf(both, 'p100')], [first, second]);
});

it('what took longer than the last bucket can tell is as long as all of it together says', () => {
  const last = ZONE_LATENCY_BUCKETS - 1;
  const long = 10 * latencyBound(last);
  const { max } = setOfLatency({ sum: 2 * long, buckets: new Map([[last, 2]]) });
  assert.equal(max, long);
});
