/** GetMetricStatistics: statistics of one metric. */
import { SIMPLE_STATISTICS, percentOf, statisticOf } from '../../../observe/cloudwatch-statistics.ts';
import type { StatisticSet } from '../../../observe/cloudwatch-statistics.ts';
import type { Structure } from '../../codec/value.ts';
import { shown } from '../../fault.ts';
import { cloudWatchFault } from './model.ts';
import type { CloudWatchFault, GetMetricStatisticsInput } from './model.ts';
import {
  busyFault,
  choiceProblem,
  dimensionsProblem,
  find,
  inOneMessage,
  periodProblem,
  periodsIn,
  sizeProblem,
  timesProblem,
  unitProblem,
  windowOf,
} from './rules.ts';
import type { Context } from './rules.ts';

const MAX_DATAPOINTS = 1440;
const MAX_EXTENDED = 10;

export async function getMetricStatistics(
  input: GetMetricStatisticsInput,
  context: Context,
): Promise<Structure | CloudWatchFault> {
  const { Statistics: simple = [], ExtendedStatistics: extended = [], Period: period } = input;
  if (simple.length === 0 && extended.length === 0) {
    const message = 'At least one of the parameters Statistics and ExtendedStatistics must be specified.';
    return cloudWatchFault('InvalidParameterCombination', message);
  }
  const problem = inOneMessage(problemsOf(input));
  if (problem !== undefined) return cloudWatchFault('InvalidParameterValue', problem);
  const window = windowOf(input.StartTime, input.EndTime, period);
  if (periodsIn(window) > MAX_DATAPOINTS) return tooMany(periodsIn(window));
  const busy = busyFault(context);
  if (busy !== undefined) return busy;
  const found = await find(context, input, input.Unit, window);
  const points = found === undefined ? [] : [...found.sets];
  return {
    Label: input.MetricName,
    Datapoints: points.flatMap(([at, set]) => datapoint(at, set, found!.definition.unit, simple, extended)),
  };
}

/** The guide says that there may be either simple or extended statistics; CloudWatch takes both, and exporters ask for both. */
function datapoint(
  at: number,
  set: StatisticSet,
  unit: string,
  simple: readonly string[],
  extended: readonly string[],
): readonly Structure[] {
  const values = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, statisticOf(set, name)]).filter(([, value]) => value !== undefined));
  const percentiles = values(extended);
  const hasPercentiles = Object.keys(percentiles).length > 0;
  // Percentiles that cannot be told are no point.
  if (simple.length === 0 && !hasPercentiles) return [];
  const more = hasPercentiles ? { ExtendedStatistics: percentiles } : {};
  return [{ Timestamp: new Date(at * 1000), ...values(simple), Unit: unit, ...more }];
}

function problemsOf(input: GetMetricStatisticsInput): readonly (string | undefined)[] {
  const { Statistics: simple = [], ExtendedStatistics: extended = [] } = input;
  return [
    ...simple.map((name, index) => choiceProblem(`Statistics.member.${index + 1}`, name, SIMPLE_STATISTICS)),
    sizeProblem('Statistics', simple, SIMPLE_STATISTICS.length),
    ...extended.map(percentileProblem),
    sizeProblem('ExtendedStatistics', extended, MAX_EXTENDED),
    unitProblem('Unit', input.Unit),
    dimensionsProblem('Dimensions', input.Dimensions),
    periodProblem('Period', input.Period),
    timesProblem(input.StartTime, input.EndTime),
  ];
}

function percentileProblem(name: string, index: number): string | undefined {
  if (percentOf(name) !== undefined) return undefined;
  return (
    `The value ${shown(name)} for parameter ExtendedStatistics.member.${index + 1} is not supported: ` +
    'weir has percentiles, such as p99.9.'
  );
}

function tooMany(count: number): CloudWatchFault {
  return cloudWatchFault(
    'InvalidParameterCombination',
    `You have requested up to ${count.toLocaleString('en-US')} datapoints, which exceeds the limit of 1,440. You may reduce ` +
      'the datapoints requested by increasing Period, or decreasing the time range.',
  );
}
