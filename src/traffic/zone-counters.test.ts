import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { COUNTER, counterRow, countUnreached, makeCounters, sumCounters, sumZones, zoneBlock } from './counters.ts';
import {
  countedZones,
  latencyBound,
  latencyBucket,
  MAX_COUNTED_ZONES,
  observeZoneLatency,
  ZONE_BLOCK_CELLS,
  ZONE_CELLS,
  ZONE_COUNTER,
  ZONE_LATENCY_BUCKETS,
  zoneCellsOf,
} from './zone-counters.ts';

it('a latency lies below the bound of its bucket and above that of the one before, at most an eighth apart', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 4000, noNaN: true }), (seconds) => {
      const bucket = latencyBucket(seconds);
      assert.ok(bucket >= 0 && bucket < ZONE_LATENCY_BUCKETS);
      assert.ok(seconds <= latencyBound(bucket) * (1 + 1e-12));
      if (bucket > 0) assert.ok(seconds > latencyBound(bucket - 1) * (1 - 1e-12));
    }),
  );
  assert.ok(latencyBound(1) / latencyBound(0) < 1.125);
  assert.ok(latencyBound(ZONE_LATENCY_BUCKETS - 2) > 4000, 'the longest idle timeout has a bucket with a bound');
  assert.equal(latencyBucket(1e9), ZONE_LATENCY_BUCKETS - 1);
});

it('every thread has cells of its own by zone, beside its row, and the sum is that of all threads', () => {
  const counters = makeCounters(3);
  for (let thread = 0; thread < 3; thread++) {
    counterRow(counters, thread).fill(1000);
    zoneBlock(counters, thread).forEach((_, cell, block) => (block[cell] = cell + thread));
  }
  const sum = sumZones(counters);
  assert.equal(sum.length, ZONE_BLOCK_CELLS);
  for (let cell = 0; cell < ZONE_BLOCK_CELLS; cell++) assert.equal(sum[cell], 3 * cell + 3);
  assert.ok(sumCounters(counters).every((cell) => cell === 3000));
});

it('a health check that came to no connection counts in its zone and in all, whatever threads have counted', () => {
  const counters = makeCounters(2);
  const cell = COUNTER.backendConnectionErrors;
  for (const thread of [0, 1]) {
    counterRow(counters, thread)[cell] = 10;
    zoneBlock(counters, thread)[ZONE_CELLS + cell] = 10;
  }
  countUnreached(counters, ZONE_CELLS);
  countUnreached(counters, 5 * ZONE_CELLS);
  assert.equal(sumCounters(counters)[cell], 22);
  const zones = sumZones(counters);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((zone) => zones[zone * ZONE_CELLS + cell]),
    [0, 21, 0, 0, 0, 1],
  );
});

it('a zone keeps its place, whatever is enabled and disabled; past the sixth they share one', () => {
  const first = countedZones([], ['a', 'b']);
  assert.deepEqual(first, ['a', 'b']);
  assert.deepEqual(countedZones(first, ['b']), ['a', 'b']);
  assert.deepEqual(countedZones(first, ['c', 'b']), ['a', 'b', 'c']);
  const many = countedZones(first, ['c', 'd', 'e', 'f', 'g', 'h']);
  assert.equal(many.length, MAX_COUNTED_ZONES);
  assert.equal(zoneCellsOf(many, 'c'), 2 * ZONE_CELLS);
  assert.equal(zoneCellsOf(many, 'h'), (MAX_COUNTED_ZONES - 1) * ZONE_CELLS);
  assert.equal(zoneCellsOf([], 'a'), 0);
});

it('latency is counted in its zone alone', () => {
  const block = zoneBlock(makeCounters(1), 0);
  observeZoneLatency(block, ZONE_CELLS, 0.25);
  observeZoneLatency(block, ZONE_CELLS, 0.5);
  assert.equal(block[ZONE_CELLS + ZONE_COUNTER.latencySum], 0.75);
  assert.equal(block[ZONE_CELLS + ZONE_COUNTER.latencyBuckets + latencyBucket(0.5)], 1);
  assert.ok(block.subarray(0, ZONE_CELLS).every((cell) => cell === 0));
});
