/** What CloudWatch tells, from requests of every kind over several threads to the SDK; against /metrics of the same weir. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { it, type TestContext } from 'node:test';
import {
  CloudWatchClient,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  type Dimension,
} from '@aws-sdk/client-cloudwatch';
import {
  CreateLoadBalancerCommand,
  ElasticLoadBalancingClient,
  ModifyLoadBalancerAttributesCommand,
  RegisterInstancesWithLoadBalancerCommand,
  waitUntilInstanceInService,
} from '@aws-sdk/client-elastic-load-balancing';
import { startWeir, type RunningWeir } from '../../src/cli/serve.ts';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { systemRandom } from '../../src/kit/random.ts';
import { KEY, testConfiguration } from '../support/api.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const THREADS = 3;
const PATHS = ['/200', '/200', '/200', '/302', '/404', '/500'];
const CLIENTS = 6;
const REQUESTS = 40;
const ZONES = ['us-east-1a', 'us-east-1b'];

/** Answers with the status that its path names; on two addresses of the same port. */
async function startBackends(test: TestContext): Promise<number> {
  let port = 0;
  for (const host of ['127.0.0.2', '127.0.0.3']) {
    const server = createServer(({ url = '' }, response) => void response.writeHead(Number(url.slice(1))).end('hello'));
    server.listen(port, host);
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    test.after(() => {
      server.close();
      server.closeAllConnections();
    });
  }
  return port;
}

async function start(test: TestContext, instancePort: number): Promise<RunningWeir> {
  const inventory = {
    'i-a': { address: '127.0.0.2', zone: ZONES[0]! },
    'i-b': { address: '127.0.0.3', zone: ZONES[1]! },
  };
  const configuration = testConfiguration({
    dataDir: temporaryDirectory(test),
    threads: THREADS,
    addresses: { 'internet-facing': ['127.45.0.0/24'], internal: ['127.45.1.0/24'] },
    instances: { inventory, allowReserved: false },
  });
  const environment = { WEIR_ACCESS_KEY_ID: KEY.accessKeyId, WEIR_SECRET_ACCESS_KEY: KEY.secretAccessKey };
  const options = { configure: () => configuration, environment, clock: systemClock, random: systemRandom };
  const weir = await startWeir(options);
  test.after(() => weir.stop(0));
  await weir.served();
  const client = { endpoint: weir.endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 };
  const elb = new ElasticLoadBalancingClient(client);
  test.after(() => elb.destroy());
  for (const [LoadBalancerName, port] of [
    ['web', instancePort],
    ['empty', 9],
  ] as const) {
    const http = { Protocol: 'HTTP', LoadBalancerPort: 8080, InstanceProtocol: 'HTTP', InstancePort: port };
    const tcp = { Protocol: 'TCP', LoadBalancerPort: 8081, InstanceProtocol: 'TCP', InstancePort: port };
    await elb.send(
      new CreateLoadBalancerCommand({ LoadBalancerName, Listeners: [http, tcp], AvailabilityZones: ZONES }),
    );
  }
  const CrossZoneLoadBalancing = { Enabled: false };
  const attributes = { LoadBalancerName: 'web', LoadBalancerAttributes: { CrossZoneLoadBalancing } };
  await elb.send(new ModifyLoadBalancerAttributesCommand(attributes));
  const Instances = [{ InstanceId: 'i-a' }, { InstanceId: 'i-b' }];
  await elb.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: 'web', Instances }));
  const waiting = { client: elb, maxWaitTime: 20, minDelay: 1, maxDelay: 1 };
  await waitUntilInstanceInService(waiting, { LoadBalancerName: 'web', Instances });
  return weir;
}

function addressOf(weir: RunningWeir, wanted: string): string {
  const found = weir.store
    .view()
    .list('load-balancer')
    .find(({ name }) => name === wanted);
  assert.ok(found);
  return found.address;
}

/** One client: requests of every kind over one connection. */
async function requests(host: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let number = 0; number < REQUESTS; number++) {
    const path = PATHS[number % PATHS.length]!;
    await new Promise<void>((resolve, reject) => {
      get({ host, port: 8080, path, agent }, (response) => response.resume().on('end', resolve)).on('error', reject);
    });
  }
  agent.destroy();
}

/** Sends `bytes` and reads to the end of the connection. */
async function exchange(host: string, port: number, bytes: string): Promise<string> {
  const socket = connect({ host, port });
  socket.end(bytes);
  return Buffer.concat(await socket.toArray()).toString('latin1');
}

/** Of all samples of a family with these labels, the sum. */
function sumOf(page: string, family: string, ...labels: readonly string[]): number {
  const lines = page.split('\n').filter((line) => line.startsWith(`${family}{`) || line.startsWith(`${family} `));
  const wanted = lines.filter((line) => labels.every((label) => line.includes(label)));
  return wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

it(`sums agree with /metrics after requests of every kind over ${THREADS} threads, by zone and together`, async (test) => {
  const weir = await start(test, await startBackends(test));
  const [web, empty] = [addressOf(weir, 'web'), addressOf(weir, 'empty')];
  await Promise.all(Array.from({ length: CLIENTS }, () => requests(web)));
  await exchange(web, 8080, 'GET /200 HTTP/1.1\r\n\r\nnonsense');
  await exchange(web, 8080, `${'X'.repeat(128)} / HTTP/1.1\r\nHost: a\r\n\r\n`);
  await exchange(web, 8080, 'GET /200 HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\nConnection: close\r\n\r\n');
  assert.match(await exchange(empty, 8080, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), / 503 /);
  for (let number = 0; number < 5; number++) {
    await exchange(web, 8081, 'GET /200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  }
  const page = await (await fetch(`${weir.endpoint}/metrics`)).text();
  weir.cloudWatch.flush();

  const nowMs = systemClock.epochMs();
  const window = { StartTime: new Date(nowMs - 1_800_000), EndTime: new Date(nowMs + 60_000), Namespace: 'AWS/ELB' };
  const cloudWatch = new CloudWatchClient({ endpoint: weir.endpoint, region: 'us-east-1', credentials: KEY });
  test.after(() => cloudWatch.destroy());
  const read = async (
    MetricName: string,
    Dimensions: Dimension[] = [],
    statistic: 'Sum' | 'SampleCount' | 'Maximum' = 'Sum',
  ) => {
    const input = { ...window, MetricName, Dimensions, Period: 3600, Statistics: [statistic] };
    const { Datapoints = [] } = await cloudWatch.send(new GetMetricStatisticsCommand(input));
    return Datapoints.reduce((sum, point) => sum + (point[statistic] ?? 0), 0);
  };
  const byCode = 'weir_backend_responses_total';
  const expected: Readonly<Record<string, number>> = {
    RequestCount: sumOf(page, 'weir_requests_total'),
    HTTPCode_Backend_2XX: sumOf(page, byCode, 'code="2xx"'),
    HTTPCode_Backend_3XX: sumOf(page, byCode, 'code="3xx"'),
    HTTPCode_Backend_4XX: sumOf(page, byCode, 'code="4xx"'),
    HTTPCode_Backend_5XX: sumOf(page, byCode, 'code="5xx"'),
    HTTPCode_ELB_4XX: sumOf(page, 'weir_error_responses_total', 'code="4xx"'),
    HTTPCode_ELB_5XX: sumOf(page, 'weir_error_responses_total', 'code="5xx"'),
    BackendConnectionErrors: sumOf(page, 'weir_backend_connection_errors_total'),
    SpilloverCount: sumOf(page, 'weir_spillover_total'),
    DesyncMitigationMode_NonCompliant_Request_Count: sumOf(page, 'weir_desync_requests_total'),
    EstimatedProcessedBytes: sumOf(page, 'weir_received_bytes_total') + sumOf(page, 'weir_sent_bytes_total'),
  };
  assert.ok(expected['RequestCount']! > CLIENTS * REQUESTS && expected['HTTPCode_ELB_4XX']! >= 2);
  assert.ok(expected['DesyncMitigationMode_NonCompliant_Request_Count']! >= 1 && expected['HTTPCode_ELB_5XX'] === 1);
  for (const [name, wanted] of Object.entries(expected)) {
    assert.equal(await read(name), wanted, name);
    if (name.startsWith('Estimated')) continue;
    const zones = await Promise.all(ZONES.map((Value) => read(name, [{ Name: 'AvailabilityZone', Value }])));
    assert.equal(zones[0]! + zones[1]!, wanted, `${name} by zone`);
    if (name === 'HTTPCode_Backend_2XX') assert.ok(zones[0]! > 0 && zones[1]! > 0, 'both zones have served');
  }
  assert.equal(await read('Latency', [], 'SampleCount'), sumOf(page, 'weir_latency_seconds_count'));
  const latency = await read('Latency');
  assert.ok(Math.abs(latency - sumOf(page, 'weir_latency_seconds_sum')) < 1e-6);

  const host = (Value: string) => [
    { Name: 'LoadBalancerName', Value: 'web' },
    { Name: 'AvailabilityZone', Value },
  ];
  assert.equal(await read('HealthyHostCount', host(ZONES[0]!), 'Maximum'), 1);
  assert.equal(await read('HealthyHostCount', host(ZONES[1]!), 'Maximum'), 1);
  const metric = (MetricName: string) => ({ Namespace: 'AWS/ELB', MetricName });
  const queries = [
    { Id: 'p', MetricStat: { Metric: metric('Latency'), Period: 3600, Stat: 'p99' } },
    { Id: 'r', MetricStat: { Metric: metric('RequestCount'), Period: 3600, Stat: 'Sum' }, ReturnData: false },
    { Id: 'b', MetricStat: { Metric: metric('HTTPCode_Backend_5XX'), Period: 3600, Stat: 'Sum' }, ReturnData: false },
    { Id: 'share', Expression: '100 * b / r' },
  ];
  const data = await cloudWatch.send(new GetMetricDataCommand({ ...window, MetricDataQueries: queries }));
  const [p99, share] = data.MetricDataResults!.map(({ Values = [] }) => Values[0]!);
  assert.ok(p99! > 0 && p99! < 60);
  assert.ok(Math.abs(share! - (100 * expected['HTTPCode_Backend_5XX']!) / expected['RequestCount']!) < 1e-9);
});

it('an instance that is down shows in BackendConnectionErrors of its zone by its health checks alone', async (test) => {
  const weir = await start(test, await startBackends(test));
  const client = { endpoint: weir.endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 };
  const [elb, cloudWatch] = [new ElasticLoadBalancingClient(client), new CloudWatchClient(client)];
  test.after(() => (elb.destroy(), cloudWatch.destroy()));
  const nowMs = systemClock.epochMs();
  const window = { StartTime: new Date(nowMs - 60_000), EndTime: new Date(nowMs + 600_000), Namespace: 'AWS/ELB' };
  const errors = async (name: string, zone: string): Promise<number> => {
    weir.cloudWatch.flush();
    const Dimensions = [
      { Name: 'LoadBalancerName', Value: name },
      { Name: 'AvailabilityZone', Value: zone },
    ];
    const asked = { ...window, MetricName: 'BackendConnectionErrors', Dimensions };
    const input = { ...asked, Period: 3600, Statistics: ['Sum' as const] };
    const { Datapoints = [] } = await cloudWatch.send(new GetMetricStatisticsCommand(input));
    return Datapoints.reduce((sum, point) => sum + (point.Sum ?? 0), 0);
  };
  const Instances = [{ InstanceId: 'i-b' }];
  await elb.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: 'empty', Instances }));
  while ((await errors('empty', ZONES[1]!)) === 0) await sleep(systemClock, 20);
  assert.equal(await errors('empty', ZONES[0]!), 0);
  for (const zone of ZONES) assert.equal(await errors('web', zone), 0, 'those that are up');
  const page = await (await fetch(`${weir.endpoint}/metrics`)).text();
  assert.ok(sumOf(page, 'weir_backend_connection_errors_total', 'load_balancer="empty"') >= 1);
  assert.equal(sumOf(page, 'weir_requests_total'), 0);
});
