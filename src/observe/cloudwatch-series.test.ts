import assert from 'node:assert/strict';
import { it } from 'node:test';
import { present } from '../kit/assert.ts';
import { silentLog } from '../kit/log.ts';
import { openSeriesStore, type Series, type SeriesStore, type StoredPoint } from '../store/series.ts';
import { METRICS } from './cloudwatch-metrics.ts';
import { encodePoint } from './cloudwatch-point.ts';
import { CloudWatchSeries, seriesKey } from './cloudwatch-series.ts';

const OWNER = { accountId: '000000000000', region: 'us-east-1' };
const REQUESTS = present(METRICS.get('RequestCount'), 'RequestCount');
const LOAD_BALANCERS = 30;
const MINUTES = 2000;
/** Of one turn of the event loop: what a slice holds, and the last series that it takes. */
const MAX_POINTS = 720 + 360;

/** A request every minute at each load balancer. */
class BusyStore implements Pick<SeriesStore, 'list' | 'read'> {
  /** Points read since this was set to 0. */
  given = 0;

  list(): Series[] {
    return Array.from({ length: LOAD_BALANCERS }, (_, id) => {
      const key = seriesKey({ ...OWNER, name: `lb-${id}` }, 'us-east-1a');
      return { id, key, kinds: REQUESTS.kinds, last: MINUTES - 1 };
    });
  }

  *read(_id: number, from: number, to: number): Iterable<StoredPoint> {
    const body = encodePoint({ counts: new Map([[0, 1]]), gauges: new Map() });
    for (let minute = from; minute < to; minute++) {
      this.given++;
      yield { minute, body };
    }
  }
}

it('millions of points are read a few at a time, however many read and however long the window', async () => {
  const store = new BusyStore();
  const series = new CloudWatchSeries(store as unknown as SeriesStore);
  const window = { start: 0, end: Number.MAX_SAFE_INTEGER, period: 60 * MINUTES };
  let [most, turns, reading] = [0, 0, true];
  const look = (): void => {
    most = Math.max(most, store.given);
    store.given = 0;
    turns++;
    if (reading) setImmediate(look);
  };
  const reads = Array.from({ length: 4 }, () => series.read(OWNER, REQUESTS, {}, window));
  look();
  const found = await Promise.all(reads);
  reading = false;
  for (const sets of found)
    assert.deepEqual(
      [...sets.values()].map(({ sum }) => sum),
      [LOAD_BALANCERS * MINUTES],
    );
  assert.ok(most <= MAX_POINTS, `${most} points in one turn of the event loop`);
  assert.ok(turns > (4 * LOAD_BALANCERS * MINUTES) / MAX_POINTS);
});

it('so many reads and no more are under way at once', async () => {
  const series = new CloudWatchSeries(new BusyStore() as unknown as SeriesStore);
  const window = { start: 0, end: 60, period: 60 };
  const reads: Promise<unknown>[] = [];
  while (!series.isBusy) reads.push(series.read(OWNER, REQUESTS, {}, window));
  assert.equal(reads.length, 256);
  await Promise.all(reads);
  assert.equal(series.isBusy, false);
});

it('a point that is damaged is as if it were not there', async (test) => {
  const store = openSeriesStore(':memory:', silentLog);
  test.after(() => store.close());
  const key = seriesKey({ ...OWNER, name: 'web' }, 'us-east-1a');
  const whole = encodePoint({ counts: new Map([[0, 300]]), gauges: new Map() });
  for (const [minute, body] of [whole, whole.subarray(0, -1), whole].entries()) {
    store.write(minute, [{ key, kinds: REQUESTS.kinds, body }], (before) => before);
  }
  const sets = await new CloudWatchSeries(store).read(OWNER, REQUESTS, {}, { start: 0, end: 180, period: 60 });
  assert.deepEqual(
    Array.from(sets, ([at, { sum }]) => [at, sum]),
    [
      [0, 300],
      [120, 300],
    ],
  );
});
