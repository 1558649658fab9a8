import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { busyLoadBalancer, fullMetricsText, metricsText } from '../../test/support/metrics.ts';
import { systemClock } from '../kit/clock.ts';
import { readScrape, scrape } from './top-scrape.ts';

test('reads from a page of ours everything that is shown', () => {
  const busy = busyLoadBalancer('shop', 2, 1);
  const stray = { instanceId: 'odd "\\ \n name', inService: false };
  const text = metricsText({ loadBalancers: [{ ...busy, instances: [...busy.instances, stray] }] });
  const { version, ready, threads, threadsUp, startTimeSeconds, loadBalancers } = readScrape(text, 5, 6);
  assert.deepEqual(
    { version, ready, threads, threadsUp, startTimeSeconds },
    {
      version: '1.2.3',
      ready: true,
      threads: 2,
      threadsUp: 2,
      startTimeSeconds: 1,
    },
  );
  const { latency, codes, instances, ...counts } = loadBalancers.get('shop')!;
  assert.deepEqual(counts, { requests: 3, queue: 0, spillover: 3, clientConnections: 3, backendConnections: 3 });
  assert.deepEqual(Object.fromEntries(codes), {
    '2xx': 3,
    '3xx': 3,
    '4xx': 3,
    '5xx': 3,
    other: 3,
    'elb 4xx': 3,
    'elb 5xx': 3,
  });
  assert.deepEqual(
    [latency.at(0), latency.at(-1)],
    [
      { bound: 0.0005, count: 3 },
      { bound: Infinity, count: 51 },
    ],
  );
  assert.deepEqual(instances.get('i-0'), {
    inService: true,
    ports: new Map([['80', { outstanding: 3, connections: 5 }]]),
  });
  assert.deepEqual(instances.get(stray.instanceId), { inService: false, ports: new Map() });
});

test('passes over what it does not know, in whatever state that is', () => {
  const text = `${fullMetricsText()}weir_later_total{x="1"} 7\n# more\n{"a"} } {\nweir_ready{ 1\n`;
  assert.equal(readScrape(text, 0, 0).loadBalancers.size, 2);
});

test('passes over lines that are too long to be ours, in no time', () => {
  const long = `weir_requests_total{${'a'.repeat(1_000_000)}} 1`;
  const text = `${fullMetricsText()}${long}\n${long}\n`;
  const { user } = process.cpuUsage();
  assert.equal(readScrape(text, 0, 0).loadBalancers.size, 2);
  assert.ok(process.cpuUsage().user - user < 2_000_000);
});

test('refuses a page of somebody else', () => {
  assert.throws(() => readScrape('process_start_time_seconds 1\nup 1\n', 0, 0), /no weir/);
});

/** The port of a server that answers with `answer`. */
async function served(test: TestContext, answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('gets the page over the network, and stamps it', async (t) => {
  const port = await served(t, (request, response) =>
    response.end(request.url === '/metrics' ? fullMetricsText() : ''),
  );
  const before = systemClock.monotonicMs();
  const { atMs, loadBalancers } = await scrape({ host: '127.0.0.1', port }, systemClock);
  assert.ok(atMs >= before && loadBalancers.size === 2);
});

test('says why there is nothing', async (t) => {
  const refusing = await served(t, (_request, response) => response.writeHead(404).end('no'));
  const breaking = await served(t, (_request, response) => response.socket!.destroy());
  const short = await served(t, (_request, response) => {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('weir_ready 1\n', () => response.socket!.destroy());
  });
  const endless = await served(t, (_request, response) => {
    const block = Buffer.alloc(4 * 1024 * 1024, 'x');
    const more = (): void => void response.write(block, (error) => (error ? undefined : more()));
    more();
  });
  const reason = (port: number) =>
    scrape({ host: '127.0.0.1', port }, systemClock).then(
      () => 'none',
      (error: Error) => error.message,
    );
  assert.match(await reason(refusing), /it answers 404/);
  assert.match(await reason(breaking), /ended the connection|hang up/);
  assert.match(await reason(short), /ended the connection|aborted/);
  assert.match(await reason(endless), /longer than 67108864 bytes/);
});
