import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBalancerMetrics, metricsText, processMetrics } from '../../test/support/metrics.ts';
import { COUNTER, counterRow, makeCounters, observeLatency, SHARED, sharedCells } from '../traffic/counters.ts';
import { readScrape, type Scrape } from './top-scrape.ts';
import { makeView, quantile, type View } from './top-view.ts';

interface Done {
  readonly requests?: number;
  readonly seconds?: readonly number[];
  readonly backend5xx?: number;
  readonly elb5xx?: number;
  readonly queue?: number;
}

/** A scrape `atSeconds` of a process that has done so much since it was started. */
function scraped(atSeconds: number, done: Readonly<Record<string, Done>>, startTimeSeconds = 1): Scrape {
  const loadBalancers = Object.entries(done).map(([name, { requests = 0, seconds = [], queue = 0, ...rest }]) => {
    const counters = makeCounters(2);
    const row = counterRow(counters, 1);
    row[COUNTER.requests] = requests;
    row[COUNTER.backend5xx] = rest.backend5xx ?? 0;
    row[COUNTER.elb5xx] = rest.elb5xx ?? 0;
    sharedCells(counters)[SHARED.surgeQueueLength] = queue;
    for (const each of seconds) observeLatency(row, each);
    return loadBalancerMetrics({ name, counters });
  });
  const process = processMetrics();
  const usage = { ...process.usage, startTimeSeconds };
  return readScrape(metricsText({ process: { ...process, usage }, loadBalancers }), atSeconds * 1000, 100);
}

function namesOf(view: View): string[] {
  return view.loadBalancers.map(({ name }) => name);
}

test('rates are what was added, per second that passed', () => {
  const before = scraped(10, { web: { requests: 100, backend5xx: 4 } });
  const after = scraped(14, { web: { requests: 500, backend5xx: 4, elb5xx: 2 }, api: { requests: 40 } });
  const { loadBalancers, total } = makeView(before, after, 'name');
  const [api, web] = loadBalancers;
  assert.deepEqual([api!.requests, web!.requests, total.requests], [10, 100, 110]);
  assert.deepEqual([web!.codes['5xx'], web!.codes['elb 5xx'], web!.errors], [0, 0.5, 0.5]);
});

test('there are no rates before the second scrape, but levels', () => {
  const view = makeView(undefined, scraped(10, { web: { requests: 100, seconds: [0.2], queue: 7 } }), 'name');
  const [web] = view.loadBalancers;
  assert.deepEqual([web!.requests, web!.errors, web!.p99, web!.queue], [undefined, undefined, undefined, 7]);
  assert.equal(view.upSeconds, 99);
});

test('counters that were begun anew count from nothing', () => {
  const before = scraped(10, { web: { requests: 1000, seconds: [1, 1, 1] }, gone: { requests: 5 } });
  const again = makeView(before, scraped(12, { web: { requests: 10, seconds: [0.2] } }), 'name');
  assert.equal(again.loadBalancers[0]!.requests, 5);
  assert.ok(again.loadBalancers[0]!.p99!.seconds <= 0.25);
  const restarted = makeView(before, scraped(12, { web: { requests: 2000 } }, 11), 'name');
  assert.equal(restarted.loadBalancers[0]!.requests, 1000);
});

test('latencies are of the requests between the scrapes, in each and over all', () => {
  const slow = Array.from({ length: 100 }, () => 5);
  const before = scraped(0, { web: { seconds: slow }, api: {} });
  const after = scraped(1, {
    web: { seconds: [...slow, ...Array.from({ length: 99 }, () => 0.003)] },
    api: { seconds: [9] },
  });
  const { loadBalancers, total } = makeView(before, after, 'name');
  const web = loadBalancers[1]!;
  assert.ok(web.p50!.seconds > 0.0025 && web.p99!.seconds <= 0.005);
  assert.ok(total.p50!.seconds <= 0.005 && total.p99!.seconds <= 0.005);
  assert.ok(loadBalancers[0]!.p50!.seconds > 5);
});

test('quantiles lie within their bucket, evenly; past the last bound they are above it', () => {
  const buckets = [
    { bound: 1, count: 10 },
    { bound: 2, count: 30 },
    { bound: Infinity, count: 40 },
  ];
  assert.deepEqual(quantile(buckets, 0.25), { seconds: 1, above: false });
  assert.deepEqual(quantile(buckets, 0.5), { seconds: 1.5, above: false });
  assert.deepEqual(quantile(buckets, 0.99), { seconds: 2, above: true });
  assert.equal(quantile([], 0.5), undefined);
  assert.equal(quantile([{ bound: Infinity, count: 0 }], 0.5), undefined);
});

test('sorts by the most first, and by name where nothing tells them apart', () => {
  const idle = { web: {}, api: {}, shop: {} };
  const busy = {
    web: { requests: 10, seconds: [0.001], queue: 3 },
    api: { requests: 20, seconds: [3], elb5xx: 1 },
    shop: { requests: 10, seconds: [0.5], backend5xx: 9 },
  };
  const order = (sort: Parameters<typeof makeView>[2]) =>
    namesOf(makeView(scraped(0, idle), scraped(1, busy), sort)).join(' ');
  assert.equal(order('requests'), 'api shop web');
  assert.equal(order('latency'), 'api shop web');
  assert.equal(order('errors'), 'shop api web');
  assert.equal(order('queue'), 'web api shop');
  assert.equal(order('name'), 'api shop web');
});

test('instances out of service come first', () => {
  const instances = ['i-1', 'i-2', 'i-3'].map((instanceId) => ({ instanceId, inService: instanceId !== 'i-2' }));
  const targets = [80, 81].map((instancePort) => ({ instanceId: 'i-3', instancePort, outstanding: 2, connections: 4 }));
  const page = metricsText({ loadBalancers: [loadBalancerMetrics({ instances, targets })] });
  const [web] = makeView(undefined, readScrape(page, 0, 0), 'name').loadBalancers;
  assert.deepEqual([web!.healthy, web!.registered], [2, 3]);
  const shown = web!.instances.map(({ instanceId, port, outstanding }) => `${instanceId} ${port} ${outstanding}`);
  assert.deepEqual(shown, ['i-2  0', 'i-1  0', 'i-3 80 2', 'i-3 81 2']);
});
