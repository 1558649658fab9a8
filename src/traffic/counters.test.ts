import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  COUNTER,
  counterRow,
  DURATION_BUCKETS,
  DURATION_SUM,
  forgetGauges,
  LATENCY_BUCKETS,
  makeCounters,
  observeDuration,
  observeLatency,
  ROW_CELLS,
  SHARED,
  sharedCells,
  sumCounters,
} from './counters.ts';

test('each thread writes a row of its own, and their sum is what is read', () => {
  const counters = makeCounters(3);
  for (let thread = 0; thread < 3; thread++) {
    const row = counterRow(counters, thread);
    assert.equal(row.length, ROW_CELLS);
    for (let cell = 0; cell < ROW_CELLS; cell++) row[cell] = (thread + 1) * 1000 + cell;
  }
  sharedCells(counters).fill(-1);
  const sum = sumCounters(counters);
  for (let cell = 0; cell < ROW_CELLS; cell++) assert.equal(sum[cell], 6000 + 3 * cell);
});

test('gauges of a dead thread count nothing any more, what it counted stays', () => {
  const counters = makeCounters(2);
  for (const thread of [0, 1]) counterRow(counters, thread).fill(7);
  sharedCells(counters)[SHARED.surgeQueueLength] = 14;
  forgetGauges(counters, 1);
  forgetGauges(counters, 1);
  const gauges: number[] = [
    COUNTER.surgeQueueLength,
    COUNTER.clientConnectionsActive,
    COUNTER.backendConnectionsActive,
  ];
  const [living, dead] = [counterRow(counters, 0), counterRow(counters, 1)];
  for (let cell = 0; cell < ROW_CELLS; cell++) {
    assert.equal(living[cell], 7);
    assert.equal(dead[cell], gauges.includes(cell) ? 0 : 7);
  }
  assert.equal(sharedCells(counters)[SHARED.surgeQueueLength], 7, 'places in the surge queue are free again');
});

test('a duration is in the bucket whose bound it does not exceed, and in none of the latency', () => {
  for (const [index, bound] of LATENCY_BUCKETS.entries()) {
    const row = counterRow(makeCounters(1), 0);
    observeDuration(row, bound);
    observeDuration(row, bound * 1.000001);
    const cells = [...row.entries()].filter(([, value]) => value !== 0).map(([cell]) => cell);
    assert.deepEqual(cells, [DURATION_SUM, DURATION_BUCKETS + index, DURATION_BUCKETS + index + 1]);
  }
});

test('a latency is in the bucket whose bound it does not exceed', () => {
  for (const [index, bound] of LATENCY_BUCKETS.entries()) {
    const row = counterRow(makeCounters(1), 0);
    observeLatency(row, bound);
    assert.equal(row[COUNTER.latencyBuckets + index], 1, `${bound} s`);
    observeLatency(row, bound * 1.000001);
    assert.equal(row[COUNTER.latencyBuckets + index + 1], 1, `above ${bound} s`);
    assert.equal(row[COUNTER.latencyCount], 2);
    assert.ok(Math.abs(row[COUNTER.latencySum]! - 2 * bound) < bound / 1000);
  }
});
