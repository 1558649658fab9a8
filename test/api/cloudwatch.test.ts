import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  paginateGetMetricData,
  paginateListMetrics,
  type CloudWatchClient,
  type GetMetricStatisticsCommandInput,
} from '@aws-sdk/client-cloudwatch';
import { decode } from 'cborg';
import { systemClock } from '../../src/kit/clock.ts';
import { silentLog } from '../../src/kit/log.ts';
import { COUNTS, kindsOf } from '../../src/observe/cloudwatch-metrics.ts';
import { encodePoint, type Point } from '../../src/observe/cloudwatch-point.ts';
import { CloudWatchSeries, seriesKey } from '../../src/observe/cloudwatch-series.ts';
import { openSeriesStore } from '../../src/store/series.ts';
import { latencyBucket } from '../../src/traffic/zone-counters.ts';
import { ApiHarness, KEY, OTHER_ACCOUNT } from '../support/api.ts';
import { cloudWatchClient, PROTOCOLS } from '../support/cloudwatch.ts';
import { signedRequest } from '../support/sign.ts';

const MINUTE = Math.floor(systemClock.epochMs() / 60_000) - 60;
const at = (minute: number): Date => new Date((MINUTE + minute) * 60_000);
const WINDOW = { StartTime: at(0), EndTime: at(30) };
const WEB = [{ Name: 'LoadBalancerName', Value: 'web' }];
const ELB = { Namespace: 'AWS/ELB' };

const store = openSeriesStore(':memory:', silentLog);
let harness: ApiHarness;
const clients: CloudWatchClient[] = [];

function clientOf(protocol: string, credentials = KEY): CloudWatchClient {
  const client = cloudWatchClient(harness.endpoint, protocol, credentials);
  clients.push(client);
  return client;
}

function put(minute: number, name: string, zone: string, requests: number, latencies: readonly number[] = []): void {
  const buckets = new Map<number, number>();
  for (const latency of latencies) buckets.set(latencyBucket(latency), (buckets.get(latencyBucket(latency)) ?? 0) + 1);
  const sum = latencies.reduce((total, latency) => total + latency, 0);
  const point: Point = {
    counts: new Map([[COUNTS.indexOf('RequestCount'), requests]]),
    gauges: new Map([[0, { count: 1, sum: 2, min: 2, max: 2 }]]),
    ...(latencies.length === 0 ? {} : { latency: { sum, buckets } }),
  };
  const key = seriesKey({ accountId: KEY.accountId, region: 'us-east-1', name }, zone);
  store.write(MINUTE + minute, [{ key, kinds: kindsOf(point), body: encodePoint(point) }], (_, more) => more);
}

before(async () => {
  put(0, 'web', 'us-east-1a', 10, [0.1]);
  put(0, 'web', 'us-east-1b', 5);
  put(3, 'web', 'us-east-1a', 2, [0.1, 0.2, 0.4, 0.8]);
  put(3, 'shop', 'us-east-1a', 7);
  harness = await ApiHarness.start({ metrics: new CloudWatchSeries(store) });
});
after(async () => {
  for (const client of clients) client.destroy();
  await harness.stop();
  store.close();
});

function statistics(more: Partial<GetMetricStatisticsCommandInput> = {}): GetMetricStatisticsCommand {
  const common = { ...ELB, ...WINDOW, MetricName: 'RequestCount', Period: 60, Dimensions: WEB };
  const wanted = more.ExtendedStatistics === undefined ? { Statistics: ['Sum' as const] } : {};
  return new GetMetricStatisticsCommand({ ...common, ...wanted, ...more });
}

for (const protocol of PROTOCOLS) {
  describe(`CloudWatch over ${protocol}`, () => {
    it('GetMetricStatistics: points in which something happened, by load balancer, zone, both or neither', async () => {
      const client = clientOf(protocol);
      const sums = async (Dimensions: GetMetricStatisticsCommandInput['Dimensions'], Period = 60) => {
        const { Datapoints = [] } = await client.send(statistics({ Dimensions, Period }));
        return Datapoints.map(({ Timestamp, Sum }) => [(Timestamp!.getTime() - at(0).getTime()) / 60_000, Sum]);
      };
      const zone = [{ Name: 'AvailabilityZone', Value: 'us-east-1a' }];
      assert.deepEqual(await sums(WEB), [
        [0, 15],
        [3, 2],
      ]);
      assert.deepEqual(await sums(zone), [
        [0, 10],
        [3, 9],
      ]);
      assert.deepEqual(await sums([...WEB, ...zone]), [
        [0, 10],
        [3, 2],
      ]);
      assert.deepEqual(await sums([]), [
        [0, 15],
        [3, 9],
      ]);
      assert.deepEqual(await sums(WEB, 300), [[0, 17]]);
      assert.deepEqual(await sums([{ Name: 'TargetGroup', Value: 'x' }]), []);
    });

    it('GetMetricStatistics, GetMetricData: one point of a month, whatever of it there is', async () => {
      const client = clientOf(protocol);
      const month = { StartTime: new Date(at(30).getTime() - 30 * 86_400_000), EndTime: at(30) };
      const Period = 30 * 86_400;
      const { Datapoints } = await client.send(statistics({ ...month, Period }));
      assert.deepEqual(Datapoints, [{ Timestamp: month.StartTime, Sum: 17, Unit: 'Count' }]);
      const Metric = { ...ELB, MetricName: 'RequestCount', Dimensions: WEB };
      const queries = [{ Id: 'a', MetricStat: { Metric, Period, Stat: 'Sum' } }];
      const data = await client.send(new GetMetricDataCommand({ ...month, MetricDataQueries: queries }));
      assert.deepEqual(data.MetricDataResults?.[0]?.Values, [17]);
    });

    it('GetMetricStatistics: every statistic, with its unit', async () => {
      const client = clientOf(protocol);
      const all = ['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'] as const;
      const counted = await client.send(statistics({ Statistics: [...all], EndTime: at(1) }));
      assert.equal(counted.Label, 'RequestCount');
      assert.deepEqual(counted.Datapoints, [
        { Timestamp: at(0), SampleCount: 15, Average: 1, Sum: 15, Minimum: 1, Maximum: 1, Unit: 'Count' },
      ]);
      const percentiles = { MetricName: 'Latency', ExtendedStatistics: ['p50', 'p99.9'], StartTime: at(3) };
      const { Datapoints: [point] = [] } = await client.send(statistics(percentiles));
      assert.equal(point?.Unit, 'Seconds');
      assert.ok(Math.abs(point.ExtendedStatistics!['p50']! - 0.2) < 0.03);
      assert.ok(Math.abs(point.ExtendedStatistics!['p99.9']! - 0.8) < 0.1);
      const average = await client.send(
        statistics({ MetricName: 'Latency', Statistics: ['Average'], StartTime: at(3) }),
      );
      assert.ok(Math.abs(average.Datapoints![0]!.Average! - 0.375) < 1e-9);
      const both = { ...percentiles, Statistics: ['Sum' as const] };
      const { Datapoints: [withBoth] = [] } = await client.send(statistics(both));
      assert.equal(withBoth?.Sum, 1.5);
      assert.deepEqual(withBoth.ExtendedStatistics, point.ExtendedStatistics);
      const unit = await client.send(statistics({ Unit: 'Seconds' }));
      assert.deepEqual(unit.Datapoints, [], 'in another unit there are none');
    });

    it('GetMetricData: metrics and arithmetic, newest first unless asked otherwise, in pages', async () => {
      const client = clientOf(protocol);
      const Metric = { ...ELB, MetricName: 'RequestCount', Dimensions: WEB };
      const queries = [
        { Id: 'm1', MetricStat: { Metric, Period: 60, Stat: 'Sum' } },
        { Id: 'e1', Expression: 'm1 / PERIOD(m1)', Label: 'per second' },
        { Id: 'e2', Expression: 'SUM(METRICS())', ReturnData: false },
      ];
      const input = { ...WINDOW, MetricDataQueries: queries };
      const { MetricDataResults = [], Messages } = await client.send(new GetMetricDataCommand(input));
      assert.deepEqual(
        MetricDataResults.map(({ Id, Label, Timestamps, Values, StatusCode }) => [
          Id,
          Label,
          Timestamps,
          Values,
          StatusCode,
        ]),
        [
          ['m1', 'RequestCount', [at(3), at(0)], [2, 15], 'Complete'],
          ['e1', 'per second', [at(3), at(0)], [2 / 60, 15 / 60], 'Complete'],
        ],
      );
      assert.deepEqual(Messages ?? [], []);
      const found: (number | undefined)[] = [];
      let pages = 0;
      const ascending = { ...input, ScanBy: 'TimestampAscending' as const, MaxDatapoints: 3 };
      for await (const page of paginateGetMetricData({ client }, ascending)) {
        found.push(...(page.MetricDataResults ?? []).flatMap(({ Values = [] }) => Values));
        pages++;
      }
      assert.deepEqual(found, [15, 2, 15 / 60, 2 / 60]);
      assert.equal(pages, 2);
    });

    it('ListMetrics: what there is, filtered; of others nothing', async () => {
      const client = clientOf(protocol);
      const { Metrics = [] } = await client.send(new ListMetricsCommand({ MetricName: 'Latency', ...ELB }));
      const shown = Metrics.map(({ Dimensions = [] }) => Dimensions.map(({ Value }) => Value).join());
      assert.deepEqual(shown.sort(), ['', 'us-east-1a', 'web', 'web,us-east-1a']);
      const shop = await client.send(
        new ListMetricsCommand({ Dimensions: [{ Name: 'LoadBalancerName', Value: 'shop' }] }),
      );
      assert.deepEqual(
        [...new Set(shop.Metrics?.map(({ MetricName = '' }) => MetricName))].toSorted((a, b) => a.localeCompare(b)),
        ['HealthyHostCount', 'RequestCount'],
      );
      const others = await clientOf(protocol, OTHER_ACCOUNT).send(new ListMetricsCommand({}));
      assert.deepEqual(others.Metrics ?? [], []);
      for await (const page of paginateListMetrics({ client }, { RecentlyActive: 'PT3H' }))
        assert.ok(page.Metrics!.length > 8);
    });
  });
}

/** A signed call that no SDK has made. */
async function post(path: string, headers: Readonly<Record<string, string>>, body = ''): Promise<Response> {
  const host = new URL(harness.endpoint).host;
  const { accessKeyId, secretAccessKey } = KEY;
  const common = { accessKeyId, secretAccessKey, timeMs: systemClock.epochMs(), service: 'monitoring' };
  const { rawHeaders } = signedRequest({ ...common, target: path, body, headers: { Host: host, ...headers } });
  const sent: [string, string][] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) sent.push([rawHeaders[at]!, rawHeaders[at + 1]!]);
  return fetch(harness.endpoint + path, { method: 'POST', headers: sent.filter(([name]) => name !== 'Host'), body });
}

/** What an error calls itself. */
function typeOf(error: unknown): string {
  assert.ok(typeof error === 'object' && error !== null);
  return String(Reflect.get(error, '__type'));
}

describe('CloudWatch by hand', () => {
  it('Query: XML with its request id; maps as entries', async () => {
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const window = `StartTime=${at(3).toISOString()}&EndTime=${at(4).toISOString()}&Period=60`;
    const metric = 'Namespace=AWS%2FELB&MetricName=Latency&ExtendedStatistics.member.1=p50';
    const response = await post('/', type, `Action=GetMetricStatistics&Version=2010-08-01&${metric}&${window}`);
    const text = await response.text();
    assert.equal(response.status, 200);
    assert.match(text, /<GetMetricStatisticsResponse xmlns="http:\/\/monitoring\.amazonaws\.com\/doc\/2010-08-01\/">/);
    assert.match(text, /<ExtendedStatistics>\s*<entry>\s*<key>p50<\/key>\s*<value>0\.\d+<\/value>\s*<\/entry>/);
    assert.match(text, /<RequestId>/);
  });

  it('Query: a time without a zone is in UTC, as old clients write it', async () => {
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const [from, to] = [at(3), at(4)].map((time) => time.toISOString().slice(0, 19));
    const metric = 'Namespace=AWS%2FELB&MetricName=RequestCount&Statistics.member.1=Sum&Period=60';
    const body = `Action=GetMetricStatistics&Version=2010-08-01&${metric}&StartTime=${from}&EndTime=${to}`;
    assert.match(await (await post('/', type, body)).text(), /<Sum>9\.0<\/Sum>/);
  });

  it('JSON 1.0: the target in a header, times as seconds; the code of the Query protocol goes along with an error', async () => {
    const target = {
      'X-Amz-Target': 'GraniteServiceVersion20100801.ListMetrics',
      'Content-Type': 'application/x-amz-json-1.0',
    };
    const good = await post('/', target, '{"MetricName":"Latency"}');
    assert.equal(good.headers.get('content-type'), 'application/x-amz-json-1.0');
    const statistics = { ...target, 'X-Amz-Target': 'GraniteServiceVersion20100801.GetMetricStatistics' };
    const window = { StartTime: at(3).getTime() / 1000, EndTime: at(4).getTime() / 1000, Period: 60 };
    const wanted = { ...ELB, ...window, MetricName: 'RequestCount', Statistics: ['Sum'] };
    const text = await (await post('/', statistics, JSON.stringify(wanted))).text();
    assert.match(text, /"Sum":9\.0,/, 'a double is written as one');
    const bad = await post('/', target, '{"RecentlyActive":"PT1H"}');
    assert.equal(bad.status, 400);
    assert.equal(bad.headers.get('x-amzn-query-error'), 'InvalidParameterValue;Sender');
    assert.match(typeOf(await bad.json()), /InvalidParameterValueException$/);
  });

  it('CBOR: paths of its own, the protocol in a header; what is not there is said in CBOR', async () => {
    const headers = { 'smithy-protocol': 'rpc-v2-cbor', 'Content-Type': 'application/cbor' };
    const path = '/service/GraniteServiceVersion20100801/operation/';
    const good = await post(`${path}ListMetrics`, headers);
    assert.equal(good.status, 200);
    assert.equal(good.headers.get('smithy-protocol'), 'rpc-v2-cbor');
    assert.ok((decode(Buffer.from(await good.arrayBuffer())) as { Metrics: unknown[] }).Metrics.length > 8);
    for (const wrong of [`${path}PutMetricData`, '/service/Other/operation/ListMetrics', '/elsewhere']) {
      const bad = await post(wrong, headers);
      assert.equal(bad.status, 400);
      assert.match(typeOf(decode(Buffer.from(await bad.arrayBuffer()))), /UnknownOperationException$/);
    }
    const unsigned = await fetch(`${harness.endpoint}${path}ListMetrics`, { method: 'POST', headers });
    assert.equal(unsigned.status, 400);
  });
});
