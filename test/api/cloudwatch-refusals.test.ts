/** What CloudWatch refuses, with AWS's codes and in AWS's words, whichever protocol carries them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  PutMetricDataCommand,
  type CloudWatchClient,
  type MetricDataQuery,
} from '@aws-sdk/client-cloudwatch';
import { silentLog } from '../../src/kit/log.ts';
import { CloudWatchSeries } from '../../src/observe/cloudwatch-series.ts';
import { openSeriesStore } from '../../src/store/series.ts';
import { ApiHarness } from '../support/api.ts';
import { cloudWatchClient, PROTOCOLS } from '../support/cloudwatch.ts';

const START = new Date('2026-11-22T10:00:00Z');
const LATER = new Date('2026-11-22T11:00:00Z');
const WINDOW = { StartTime: START, EndTime: LATER };
const METRIC = { Namespace: 'AWS/ELB', MetricName: 'RequestCount' };
const STATISTICS = { ...METRIC, ...WINDOW, Period: 60, Statistics: ['Sum' as const] };
const STAT = { Metric: METRIC, Period: 60, Stat: 'Sum' };
const UNITS = /^The parameter Unit must be a value in the set \[ Seconds, .*, None \]\.$/;

let harness: ApiHarness;
let client: CloudWatchClient;
before(async () => void (harness = await ApiHarness.start({})));
after(() => harness.stop());

/** What the protocols besides Query call the codes; JSON has them in a header as well, which its client goes by. */
const CODES: Readonly<Record<string, string>> = {
  InvalidParameterCombinationException: 'InvalidParameterCombination',
  InvalidParameterValueException: 'InvalidParameterValue',
  MissingRequiredParameterException: 'MissingParameter',
  ValidationException: 'ValidationError',
};

/** Code and message of the refusal. */
async function refusal(call: Promise<unknown>): Promise<readonly [code: string, message: string]> {
  const error = await call.then(
    () => assert.fail('it was not refused'),
    (each: unknown) => each,
  );
  assert.ok(error instanceof Error);
  const { Code } = error as Error & { readonly Code?: string };
  return [Code ?? CODES[error.name] ?? error.name, error.message];
}

async function assertRefused(call: Promise<unknown>, code: string, message: string | RegExp): Promise<void> {
  const [foundCode, found] = await refusal(call);
  assert.equal(foundCode, code);
  if (typeof message === 'string') assert.equal(found, message);
  else assert.match(found, message);
}

const statistics = (more: object) => client.send(new GetMetricStatisticsCommand({ ...STATISTICS, ...more }));
const data = (queries: readonly object[], more: object = {}) =>
  client.send(new GetMetricDataCommand({ ...WINDOW, MetricDataQueries: [...queries] as MetricDataQuery[], ...more }));

for (const protocol of PROTOCOLS) {
  describe(`CloudWatch over ${protocol}`, () => {
    before(() => void (client = cloudWatchClient(harness.endpoint, protocol)));
    after(() => client.destroy());

    for (const [more, code, message] of [
      [
        { Namespace: undefined, Period: undefined },
        'MissingParameter',
        'The parameter Namespace is required.\nThe parameter Period is required.',
      ],
      [
        { Dimensions: [{ Name: 'LoadBalancerName' }] },
        'MissingParameter',
        'The parameter Dimensions.member.1.Value is required.',
      ],
      [
        { Statistics: undefined },
        'InvalidParameterCombination',
        'At least one of the parameters Statistics and ExtendedStatistics must be specified.',
      ],
      [
        { Statistics: ['Sum', 'p99'] },
        'InvalidParameterValue',
        'The parameter Statistics.member.2 must be a value in the set [ SampleCount, Average, Sum, Minimum, Maximum ].',
      ],
      [
        { ExtendedStatistics: ['tm90'] },
        'InvalidParameterValue',
        /^The value tm90 for parameter ExtendedStatistics\.member\.1 is not supported/,
      ],
      [
        { ExtendedStatistics: Array.from({ length: 11 }, (_, percent) => `p${percent}`) },
        'InvalidParameterValue',
        'The collection ExtendedStatistics must not have a size greater than 10.',
      ],
      [{ Unit: 'Parsecs' }, 'InvalidParameterValue', UNITS],
      [{ Period: 90 }, 'InvalidParameterValue', /^The parameter Period must be a multiple of 60/],
      [{ Period: 0 }, 'InvalidParameterValue', /^The parameter Period must be a multiple of 60/],
      [{ EndTime: START }, 'InvalidParameterValue', 'The parameter StartTime must not equal parameter EndTime.'],
      [
        { EndTime: new Date(START.getTime() + 999) },
        'InvalidParameterValue',
        'The parameter StartTime must not equal parameter EndTime.',
      ],
      [
        { StartTime: LATER, EndTime: START },
        'InvalidParameterValue',
        'The parameter StartTime must be less than the parameter EndTime.',
      ],
      [
        { EndTime: new Date(START.getTime() + 1_441 * 60_000) },
        'InvalidParameterCombination',
        'You have requested up to 1,441 datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.',
      ],
    ] as const) {
      it(`GetMetricStatistics: ${String(message).slice(0, 60)}`, () => assertRefused(statistics(more), code, message));
    }

    for (const [queries, message, more] of [
      [[], 'The parameter MetricDataQueries is required.'],
      [[{ ReturnData: true }], 'The parameter MetricDataQueries.member.1.Id is required.'],
      [
        [{ Id: 'a', MetricStat: { ...STAT, Metric: { MetricName: 'Latency' } } }],
        'The parameter MetricDataQueries.member.1.MetricStat.Metric.Namespace is required.',
      ],
      [
        [{ Id: 'a', Expression: 'b' }, { Id: 'b' }],
        'The parameter MetricDataQueries.member.2.MetricStat is required, or an Expression.',
      ],
      [
        [{ Id: 'a', Expression: 'a', MetricStat: STAT }],
        /\.Expression and MetricDataQueries\.member\.1\.MetricStat are mutually exclusive/,
      ],
      [
        [{ Id: 'A-1', MetricStat: STAT }],
        'The value A-1 for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.',
      ],
      [
        [
          { Id: 'a', MetricStat: STAT },
          { Id: 'a', MetricStat: STAT },
        ],
        'The values for parameter id in MetricDataQueries are not unique.',
      ],
      [
        [
          { Id: 'a', MetricStat: { ...STAT, Stat: 'None' } },
          { Id: 'b', MetricStat: { ...STAT, Stat: 'Mean' } },
        ],
        'The value None for parameter MetricDataQueries.member.1.MetricStat.Stat is not a valid statistic.\nThe value Mean for parameter MetricDataQueries.member.2.MetricStat.Stat is not a valid statistic.',
      ],
      [
        [{ Id: 'a', MetricStat: { ...STAT, Period: 90 } }],
        /^The parameter MetricDataQueries\.member\.1\.MetricStat\.Period must be a multiple of 60/,
      ],
      [[{ Id: 'a', MetricStat: STAT, ReturnData: false }], 'At least one query must return data.'],
      [
        [{ Id: 'a', MetricStat: STAT }],
        'The parameter StartTime must not equal parameter EndTime.',
        { EndTime: START },
      ],
      [
        [{ Id: 'a', MetricStat: STAT }],
        'The parameter StartTime must be less than the parameter EndTime.',
        { StartTime: LATER, EndTime: START },
      ],
      [
        [{ Id: 'a', MetricStat: STAT }],
        'The parameter ScanBy must be a value in the set [ TimestampDescending, TimestampAscending ].',
        { ScanBy: 'Newest' },
      ],
      [
        [{ Id: 'a', MetricStat: STAT }],
        'The parameter MaxDatapoints must be from 1 to 100800.',
        { MaxDatapoints: 100_801 },
      ],
      [[{ Id: 'a', Expression: 'a + 1' }], /^Error in expression 'a': .*refers to itself/],
      [
        [
          { Id: 'a', Expression: 'b' },
          { Id: 'b', Expression: 'a' },
        ],
        "Error in expression 'a': it refers to itself.",
      ],
      [[{ Id: 'a', Expression: 'SEARCH(1)' }], /^Error in expression 'a': weir has no function SEARCH/],
    ] as const) {
      it(`GetMetricData: ${String(message).slice(0, 80)}`, () =>
        assertRefused(data(queries, more), 'ValidationError', message));
    }

    it('tokens that were not given, and actions that weir does not have', async () => {
      const list = (input: object) => client.send(new ListMetricsCommand(input));
      await assertRefused(list({ NextToken: 'x' }), 'InvalidParameterValue', /^Request parameter NextToken is invalid/);
      await assertRefused(
        list({ RecentlyActive: 'PT1H' }),
        'InvalidParameterValue',
        'The parameter RecentlyActive must be a value in the set [ PT3H ].',
      );
      await assertRefused(
        data([{ Id: 'a', MetricStat: STAT }], { NextToken: 'x' }),
        'InvalidNextToken',
        /NextToken 'x'/,
      );
      const put = new PutMetricDataCommand({ Namespace: 'x', MetricData: [{ MetricName: 'y' }] });
      assert.match(
        (await refusal(client.send(put)))[1],
        /operation.*weir has GetMetricData, GetMetricStatistics, ListMetrics/,
      );
    });
  });
}

class BusySeries extends CloudWatchSeries {
  override get isBusy(): boolean {
    return true;
  }
}

it('ServiceUnavailable: data while too many read already; the list of metrics is given', async () => {
  const store = openSeriesStore(':memory:', silentLog);
  const busy = await ApiHarness.start({ metrics: new BusySeries(store) });
  client = cloudWatchClient(busy.endpoint, 'CBOR');
  const message = 'Too many requests at the same time; please try again.';
  await assertRefused(statistics({}), 'ServiceUnavailableException', message);
  await assertRefused(data([{ Id: 'a', MetricStat: STAT }]), 'ServiceUnavailableException', message);
  await client.send(new ListMetricsCommand({}));
  client.destroy();
  await busy.stop();
  store.close();
});
