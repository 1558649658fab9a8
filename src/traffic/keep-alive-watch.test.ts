import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { KeepAliveWatch } from './keep-alive-watch.ts';
import type { TargetReport } from './snapshot.ts';

const HOUR_MS = 3_600_000;

function watching() {
  const clock = new FakeClock();
  const reports: TargetReport[] = [];
  const watch = new KeepAliveWatch(clock, (report) => reports.push(report));
  const target = { slot: 7, inService: true };
  /** One closing after `idleMs`, `laterMs` after the one before. */
  const closed = (idleMs: number, laterMs = 2000) => {
    clock.advance(laterMs);
    watch.closed(target, idleMs);
  };
  return { clock, watch, target, reports, closed };
}

test('the same idle time at three moments is a keep-alive timeout: the shortest is told', () => {
  const { reports, closed } = watching();
  closed(5040);
  closed(4990);
  assert.deepEqual(reports, []);
  closed(5800);
  assert.deepEqual(reports, [{ type: 'shortKeepAlive', slot: 7, idleMs: 4990 }]);
});

test('it is told once an hour, however often connections end', () => {
  const { reports, closed } = watching();
  for (let each = 0; each < 1800; each++) closed(5000);
  assert.equal(reports.length, 1);
  for (let each = 0; each < 10; each++) closed(5000);
  assert.equal(reports.length, 2);
});

test('a restart, which ends all connections at one moment, is no timeout', () => {
  const { reports, closed } = watching();
  for (let restart = 0; restart < 2; restart++) {
    for (let connection = 0; connection < 100; connection++) closed(5000, connection === 0 ? 60_000 : 5);
  }
  assert.deepEqual(reports, []);
});

test('idle times that have nothing in common are no timeout', () => {
  const { reports, closed } = watching();
  for (const idleMs of [2000, 9000, 20_000, 4000, 1000, 30_000, 3000, 12_000]) closed(idleMs);
  assert.deepEqual(reports, []);
});

test('a slow drift of idle times is no timeout', () => {
  const { reports, closed } = watching();
  for (let idleMs = 600; idleMs < 60_000; idleMs = Math.max(idleMs * 1.15, idleMs + 600)) closed(idleMs);
  assert.deepEqual(reports, []);
});

test('closings hours apart have nothing to do with each other', () => {
  const { reports, closed } = watching();
  for (let each = 0; each < 10; each++) closed(5000, HOUR_MS + 1);
  assert.deepEqual(reports, []);
});

test('a connection that ends right after its response is no timeout', () => {
  const { reports, closed } = watching();
  for (let each = 0; each < 10; each++) closed(100);
  assert.deepEqual(reports, []);
});

test('what an instance closes while it is out of service says nothing', () => {
  const { reports, closed, target } = watching();
  target.inService = false;
  for (let each = 0; each < 10; each++) closed(5000);
  assert.deepEqual(reports, []);
});

test('targets are looked at each for itself', () => {
  const { clock, watch, reports } = watching();
  for (let slot = 0; slot < 10; slot++) {
    clock.advance(2000);
    watch.closed({ slot, inService: true }, 5000);
  }
  assert.deepEqual(reports, []);
});
