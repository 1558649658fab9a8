import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../kit/clock.ts';
import { silentLog } from '../kit/log.ts';
import { present } from '../kit/assert.ts';
import { openSeriesStore, type SeriesStore } from '../store/series.ts';
import { COUNTER, counterRow, makeCounters, SHARED, sharedCells, zoneBlock } from '../traffic/counters.ts';
import { observeZoneLatency, ZONE_CELLS, ZONE_COUNTER } from '../traffic/zone-counters.ts';
import { CloudWatchCollector, type MetricsSource } from './cloudwatch-collector.ts';
import { METRICS } from './cloudwatch-metrics.ts';
import { decodePoint, encodePoint, mergePoints, type Point } from './cloudwatch-point.ts';
import { CloudWatchSeries, seriesKey, type Dimensions } from './cloudwatch-series.ts';
import { statisticOf } from './cloudwatch-statistics.ts';

const OWNER = { accountId: '000000000000', region: 'us-east-1' };
const START = Date.UTC(2026, 0, 1) / 1000;
const MINUTE = 60_000;

class Lab {
  readonly clock = new FakeClock();
  readonly store: SeriesStore = openSeriesStore(':memory:', silentLog);
  readonly series = new CloudWatchSeries(this.store);
  counters = makeCounters(2);
  hosts: { zone: string; healthy: boolean }[] = [];
  crossZone = false;
  isThere = true;
  collector: CloudWatchCollector;

  constructor() {
    this.collector = this.#collect();
  }

  #collect(): CloudWatchCollector {
    const made = new CloudWatchCollector({
      clock: this.clock,
      log: silentLog,
      store: this.store,
      sources: () => (this.isThere ? [this.source()] : []),
    });
    made.start();
    return made;
  }

  restart(): void {
    this.collector.stop();
    this.collector = this.#collect();
  }

  source(): MetricsSource {
    const { counters, hosts, crossZone } = this;
    return { ...OWNER, name: 'web', countedZones: ['a', 'b'], nodeZone: 'a', crossZone, counters, hosts };
  }

  /** Counts in zone `a` (0) or `b` (1), in a thread. */
  count(thread: number, zone: number, cell: number, by: number): void {
    const block = zoneBlock(this.counters, thread);
    block[zone * ZONE_CELLS + cell]! += by;
  }

  /** Values by minutes since the start. */
  read(metric: string, statistic: string, dimensions: Dimensions, period = 60): Record<number, number | undefined> {
    const window = { start: START, end: START + 3600, period };
    const slices = this.series.slices(OWNER, present(METRICS.get(metric), metric), dimensions, window);
    let slice = slices.next();
    while (slice.done !== true) slice = slices.next();
    const sets = slice.value;
    return Object.fromEntries(Array.from(sets, ([at, set]) => [(at - START) / 60, statisticOf(set, statistic)]));
  }
}

describe('points of CloudWatch', () => {
  it('hold what was counted in their minute, of all threads, by zone and together; nothing where nothing happened', () => {
    const lab = new Lab();
    lab.count(0, 0, COUNTER.requests, 3);
    lab.clock.advance(MINUTE);
    lab.clock.advance(MINUTE);
    lab.count(0, 0, COUNTER.requests, 2);
    lab.count(1, 1, COUNTER.requests, 5);
    lab.count(1, 1, ZONE_COUNTER.nonCompliant, 1);
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('RequestCount', 'Sum', {}), { 0: 3, 2: 7 });
    assert.deepEqual(lab.read('RequestCount', 'Sum', { zone: 'b' }), { 2: 5 });
    assert.deepEqual(lab.read('RequestCount', 'Sum', { loadBalancer: 'web', zone: 'a' }), { 0: 3, 2: 2 });
    assert.deepEqual(lab.read('RequestCount', 'Sum', { loadBalancer: 'other' }), {});
    assert.deepEqual(lab.read('RequestCount', 'Sum', { loadBalancer: 'web' }, 300), { 0: 10 });
    assert.deepEqual(lab.read('RequestCount', 'Average', {}), { 0: 1, 2: 1 });
    assert.deepEqual(lab.read('DesyncMitigationMode_NonCompliant_Request_Count', 'SampleCount', {}), { 2: 1 });
    assert.deepEqual(lab.read('SpilloverCount', 'Sum', {}), {});
  });

  it('of one minute are one, though weir was started again in it; the counters begin anew then', () => {
    const lab = new Lab();
    lab.count(0, 0, COUNTER.backend2xx, 3);
    lab.clock.advance(20_000);
    lab.restart();
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('HTTPCode_Backend_2XX', 'Sum', {}), { 0: 3 + 3 }, 'the memory of the test is the same');
  });

  it('say how many hosts are healthy while there are any', () => {
    const lab = new Lab();
    lab.hosts = [
      { zone: 'a', healthy: true },
      { zone: 'a', healthy: false },
      { zone: 'b', healthy: true },
    ];
    lab.clock.advance(MINUTE);
    lab.hosts = [];
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('HealthyHostCount', 'Maximum', { zone: 'a' }), { 0: 1 });
    assert.deepEqual(lab.read('UnHealthyHostCount', 'Maximum', { zone: 'b' }), { 0: 0 });
    assert.deepEqual(lab.read('HealthyHostCount', 'Average', { loadBalancer: 'web' }), { 0: 1 });
  });

  it('count the hosts of all zones together where nodes serve them all, by zone as ever', () => {
    const lab = new Lab();
    lab.hosts = [
      { zone: 'a', healthy: true },
      { zone: 'a', healthy: false },
      { zone: 'b', healthy: true },
    ];
    lab.clock.advance(MINUTE);
    lab.crossZone = true;
    lab.clock.advance(MINUTE);
    const whole = { loadBalancer: 'web' };
    assert.deepEqual(lab.read('HealthyHostCount', 'Average', whole), { 0: 1, 1: 2 });
    assert.deepEqual(lab.read('HealthyHostCount', 'Maximum', {}), { 0: 1, 1: 2 });
    assert.deepEqual(lab.read('UnHealthyHostCount', 'Minimum', whole), { 0: 0, 1: 1 });
    assert.deepEqual(lab.read('UnHealthyHostCount', 'SampleCount', whole), { 0: 2, 1: 1 });
    assert.deepEqual(lab.read('HealthyHostCount', 'Maximum', { ...whole, zone: 'a' }), { 0: 1, 1: 1 });
    assert.deepEqual(lab.read('UnHealthyHostCount', 'Maximum', { zone: 'b' }), { 0: 0, 1: 0 });
  });

  it('have the highest and the lowest of what was sampled', () => {
    const lab = new Lab();
    lab.clock.advance(MINUTE);
    const cells = sharedCells(lab.counters);
    lab.clock.advance(5000);
    cells[SHARED.surgeQueueLength] = 7;
    lab.clock.advance(5000);
    cells[SHARED.surgeQueueLength] = 2;
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('SurgeQueueLength', 'Maximum', { zone: 'a' })[1], 7);
    assert.deepEqual(lab.read('SurgeQueueLength', 'Minimum', { loadBalancer: 'web' })[1], 0);
    assert.deepEqual(lab.read('SurgeQueueLength', 'Sum', { zone: 'b' }), {});
    cells[SHARED.surgeQueueLength] = 0;
    lab.clock.advance(2 * MINUTE);
    assert.equal(lab.read('SurgeQueueLength', 'Maximum', { zone: 'a' })[3], undefined, 'what was is not what is');
  });

  it('estimate what another load balancer would count, of the load balancer as a whole', () => {
    const lab = new Lab();
    const row = counterRow(lab.counters, 1);
    row[COUNTER.clientConnections] = 3000;
    row[COUNTER.receivedBytes] = 30_000_000;
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('EstimatedALBNewConnectionCount', 'Sum', { loadBalancer: 'web' }), { 0: 3000 });
    assert.deepEqual(lab.read('EstimatedProcessedBytes', 'Sum', {}), { 0: 30_000_000 });
    assert.deepEqual(lab.read('EstimatedALBConsumedLCUs', 'Maximum', { loadBalancer: 'web' }), { 0: 2 });
    assert.deepEqual(lab.read('EstimatedProcessedBytes', 'Sum', { zone: 'a' }), {});
  });

  it('keep what a load balancer counted up to its end', () => {
    const lab = new Lab();
    lab.clock.advance(MINUTE);
    lab.count(0, 1, COUNTER.requests, 4);
    lab.isThere = false;
    lab.clock.advance(MINUTE);
    lab.count(0, 1, COUNTER.requests, 1);
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('RequestCount', 'Sum', {}), { 1: 4, 2: 1 });
  });

  it('are told of a load balancer that has come and gone within a minute, and of the next one of its name', () => {
    const lab = new Lab();
    lab.isThere = false;
    lab.clock.advance(MINUTE);
    lab.count(0, 0, COUNTER.requests, 4);
    lab.collector.ending(lab.source());
    lab.counters = makeCounters(2);
    lab.isThere = true;
    lab.count(1, 0, COUNTER.requests, 5);
    lab.clock.advance(MINUTE);
    lab.count(1, 0, COUNTER.requests, 1);
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('RequestCount', 'Sum', { loadBalancer: 'web' }), { 1: 9, 2: 1 });
  });

  it('are looked for no longer than a load balancer that is gone has connections', () => {
    const lab = new Lab();
    const row = counterRow(lab.counters, 0);
    row[COUNTER.clientConnectionsActive] = 1;
    lab.clock.advance(MINUTE);
    lab.isThere = false;
    for (let minute = 0; minute < 5; minute++) lab.clock.advance(MINUTE);
    lab.count(0, 0, COUNTER.requests, 2);
    row[COUNTER.clientConnectionsActive] = 0;
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('RequestCount', 'Sum', {}), { 6: 2 }, 'the minute in which the last has gone');
    lab.count(0, 0, COUNTER.requests, 4);
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('RequestCount', 'Sum', {}), { 6: 2 });
    lab.counters = makeCounters(2);
    lab.collector.ending(lab.source());
    lab.count(0, 0, COUNTER.requests, 4);
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('RequestCount', 'Sum', {}), { 6: 2 }, 'one that has counted nothing is not followed');
  });

  it('are of the minutes of the clock, whenever weir was started', () => {
    const lab = new Lab();
    lab.clock.advance(2500);
    lab.restart();
    lab.clock.advance(MINUTE - 2500);
    lab.count(0, 0, COUNTER.requests, 4);
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('RequestCount', 'Sum', {}), { 1: 4 });
  });

  it('are not there for what has not happened: a queue in which nobody waited, hosts of a load balancer that is gone', () => {
    const lab = new Lab();
    lab.hosts = [{ zone: 'a', healthy: true }];
    lab.clock.advance(MINUTE);
    lab.isThere = false;
    lab.count(0, 0, COUNTER.requests, 1);
    lab.clock.advance(MINUTE);
    assert.deepEqual(lab.read('RequestCount', 'Sum', {}), { 1: 1 });
    assert.deepEqual(lab.read('HealthyHostCount', 'Maximum', {}), { 0: 1 });
    for (const name of [
      'SurgeQueueLength',
      'EstimatedALBActiveConnectionCount',
      'Latency',
      'EstimatedProcessedBytes',
    ]) {
      assert.deepEqual(lab.read(name, 'Maximum', {}), {}, name);
    }
  });

  it('estimate by what is largest: new connections, active ones or bytes, each of both sides', () => {
    const lab = new Lab();
    const row = counterRow(lab.counters, 0);
    const units = () => Object.values(lab.read('EstimatedALBConsumedLCUs', 'Maximum', {})).at(-1);
    row[COUNTER.clientConnections] = 4000;
    row[COUNTER.backendConnections] = 500;
    lab.clock.advance(MINUTE);
    assert.equal(units(), 3);
    row[COUNTER.clientConnectionsActive] = 6000;
    row[COUNTER.backendConnectionsActive] = 6000;
    lab.clock.advance(MINUTE);
    assert.equal(units(), 4);
    row[COUNTER.receivedBytes] = 50_000_000;
    row[COUNTER.sentBytes] = 50_000_000;
    lab.clock.advance(MINUTE);
    assert.equal(units(), 6);
    assert.deepEqual(lab.read('EstimatedProcessedBytes', 'Sum', {}), { 2: 100_000_000 });
    assert.deepEqual(lab.read('EstimatedProcessedBytes', 'Maximum', {}), { 2: 100_000_000 });
    assert.deepEqual(lab.read('EstimatedALBNewConnectionCount', 'Sum', {}), { 0: 4500 });
  });

  it('are looked for an hour, and no longer, after a load balancer has gone whose connections never end', () => {
    const lab = new Lab();
    counterRow(lab.counters, 0)[COUNTER.clientConnectionsActive] = 1;
    lab.clock.advance(MINUTE);
    lab.isThere = false;
    for (const minutes of [60, 10]) {
      for (let minute = 0; minute < minutes; minute++) lab.clock.advance(MINUTE);
      lab.count(0, 0, COUNTER.requests, 1);
    }
    lab.clock.advance(MINUTE);
    const requests = METRICS.get('RequestCount')!;
    const slices = lab.series.slices(OWNER, requests, {}, { start: START, end: START + 7200, period: 7200 });
    let slice = slices.next();
    while (slice.done !== true) slice = slices.next();
    assert.deepEqual(
      [...slice.value.values()].map(({ sum }) => sum),
      [1],
    );
  });

  it('of one load balancer as a whole keep none of its zones from another', () => {
    const lab = new Lab();
    const hosts = METRICS.get('HealthyHostCount')!;
    const body = encodePoint({ counts: new Map(), gauges: new Map([[0, { count: 1, sum: 2, min: 2, max: 2 }]]) });
    const keys = [seriesKey({ ...OWNER, name: 'a' }, ''), seriesKey({ ...OWNER, name: 'b' }, 'zone')];
    lab.store.write(
      START / 60,
      keys.map((key) => ({ key, kinds: hosts.kinds, body })),
      (before) => before,
    );
    assert.deepEqual(lab.read('HealthyHostCount', 'Sum', {}), { 0: 4 });
  });

  it('go after fifteen days', () => {
    const lab = new Lab();
    lab.count(0, 0, COUNTER.requests, 4);
    lab.clock.advance(MINUTE);
    assert.equal(lab.series.list(OWNER, START).length, 4);
    const pass = (days: number) => {
      lab.clock.jumpEpoch(days * 86_400_000);
      for (let minute = 0; minute < 62; minute++) lab.clock.advance(MINUTE);
      return lab.series.list(OWNER, 0).length;
    };
    assert.deepEqual([pass(14.9), pass(0.1)], [4, 0]);
  });

  it('cost nothing but themselves when the disk is full, and it is told once', () => {
    const lab = new Lab();
    const told: string[] = [];
    let full = true;
    const store: SeriesStore = {
      ...lab.store,
      write: (...rest) => (full ? assert.fail('database or disk is full') : lab.store.write(...rest)),
      prune: () => undefined,
    };
    const log = { ...silentLog, error: (_: object, message: string) => void told.push(message) };
    const collector = new CloudWatchCollector({ clock: lab.clock, log, store, sources: () => [lab.source()] });
    collector.flush();
    collector.flush();
    assert.equal(told.length, 1);
    full = false;
    lab.count(0, 0, COUNTER.requests, 4);
    collector.flush();
    assert.deepEqual(lab.read('RequestCount', 'Sum', {}), { 0: 4 });
  });
});

describe('the list of metrics', () => {
  it('has each once, under all dimensions that its points can be found under', () => {
    const lab = new Lab();
    const [requests, bytes] = [
      present(METRICS.get('RequestCount'), ''),
      present(METRICS.get('EstimatedProcessedBytes'), ''),
    ];
    const names = Array.from({ length: 30 }, (_, index) => `web-${index}`);
    const points = names.flatMap((name) => [
      { key: seriesKey({ ...OWNER, name }, ''), kinds: bytes.kinds, body: Uint8Array.of(1) },
      { key: seriesKey({ ...OWNER, name }, 'b'), kinds: requests.kinds, body: Uint8Array.of(1) },
      { key: seriesKey({ ...OWNER, name }, 'a'), kinds: requests.kinds, body: Uint8Array.of(1) },
    ]);
    lab.store.write(START / 60, points, (before) => before);
    const listed = lab.series
      .list(OWNER, START)
      .filter(({ name }) => name === requests.name || name === bytes.name)
      .map(({ name, dimensions: { loadBalancer = '', zone = '' } }) => `${name} ${loadBalancer} ${zone}`);
    const expected = [
      ...['', ...names].map((name) => `${bytes.name} ${name} `),
      ...['', ...names].flatMap((name) => ['', 'a', 'b'].map((zone) => `${requests.name} ${name} ${zone}`)),
    ];
    assert.deepEqual(listed.toSorted(), expected.toSorted());
    assert.deepEqual(lab.series.list(OWNER, START + 60), []);
  });
});

describe('percentiles of latency', () => {
  it('lie within 13 % of what they are, the rest of the statistics exact or as near', () => {
    const seconds = fc.double({ min: 0.0002, max: 100, noNaN: true });
    fc.assert(
      fc.property(fc.array(seconds, { minLength: 1, maxLength: 200 }), (latencies) => {
        const lab = new Lab();
        for (const [index, each] of latencies.entries())
          observeZoneLatency(zoneBlock(lab.counters, index % 2), 0, each);
        lab.clock.advance(MINUTE);
        const sorted = latencies.toSorted((a, b) => a - b);
        const near = (statistic: string, wanted: number): void => {
          const found = lab.read('Latency', statistic, {})[0]!;
          assert.ok(Math.abs(found - wanted) <= 0.13 * wanted, `${statistic} is ${found}, not about ${wanted}`);
        };
        for (const percent of [50, 90, 99.9])
          near(`p${percent}`, sorted[Math.ceil((percent / 100) * sorted.length) - 1]!);
        near('Minimum', sorted[0]!);
        near('Maximum', sorted.at(-1)!);
        assert.equal(lab.read('Latency', 'SampleCount', {})[0], latencies.length);
        const sum = latencies.reduce((total, each) => total + each, 0);
        assert.ok(Math.abs(lab.read('Latency', 'Sum', {})[0]! - sum) < 1e-9 * sum);
        lab.store.close();
      }),
      { numRuns: 30 },
    );
  });
});

describe('a point', () => {
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const small = fc.integer({ min: 0, max: 2 ** 40 });
  const gauge = fc.tuple(small, small, small, small).map(([count, sum, min, max]) => ({ count, sum, min, max }));
  const point: fc.Arbitrary<Point> = fc
    .record({
      counts: fc.array(fc.tuple(fc.nat({ max: 11 }), number), { maxLength: 12 }).map((entries) => new Map(entries)),
      gauges: fc.array(fc.tuple(fc.nat({ max: 3 }), gauge), { maxLength: 4 }).map((entries) => new Map(entries)),
      buckets: fc.array(fc.tuple(fc.nat({ max: 153 }), small), { maxLength: 20 }).map((entries) => new Map(entries)),
      sum: fc.double({ noNaN: true }),
    })
    .map(({ counts, gauges, buckets, sum }) => ({
      counts,
      gauges,
      ...(buckets.size === 0 ? {} : { latency: { sum, buckets } }),
    }));

  it('is read as it was written', () => {
    fc.assert(fc.property(point, (given) => assert.deepEqual(decodePoint(encodePoint(given)), given)));
  });

  it('is none when its bytes are damaged, and ends all the same', () => {
    fc.assert(
      fc.property(point, fc.nat(), fc.uint8Array({ maxLength: 40 }), (given, cut, garbage) => {
        const bytes = encodePoint(given);
        const half = bytes.subarray(0, cut % bytes.length);
        for (const damaged of [half, Buffer.concat([half, garbage]), Buffer.concat([bytes, garbage]), garbage]) {
          decodePoint(damaged);
        }
      }),
    );
    const bytes = encodePoint({ counts: new Map([[0, 300]]), gauges: new Map() });
    assert.equal(decodePoint(bytes.subarray(0, -1)), undefined, 'a number without its end');
    assert.equal(decodePoint(Uint8Array.of(2)), undefined, 'another version');
  });

  it('is as large as the documentation says: at most 200 bytes in a busy minute', () => {
    const counts = new Map(Array.from({ length: 10 }, (_, place) => [place, 60_000]));
    const buckets = new Map(Array.from({ length: 30 }, (_, bucket) => [bucket + 20, 2000]));
    const host = { count: 1, sum: 10, min: 10, max: 10 };
    const gauges = new Map([0, 1, 2].map((place) => [place, host]));
    assert.ok(encodePoint({ counts, gauges, latency: { sum: 1, buckets } }).length <= 200);
  });

  it('and another of its minute are one, whichever comes first', () => {
    fc.assert(
      fc.property(point, point, (a, b) => {
        const [left, right] = [mergePoints(a, b), mergePoints(b, a)];
        assert.deepEqual(left.counts, right.counts, 'maps are equal in any order');
        assert.deepEqual(left.gauges, right.gauges);
      }),
    );
  });
});
