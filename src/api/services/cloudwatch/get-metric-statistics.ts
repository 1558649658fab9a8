/** GetMetricStatistics: statistics of one metric. */
import { SIMPLE_STATISTICS, percentOf, statisticOf } from '../../../observe/cloudwatch-statistics.ts';
import type { StatisticSet } from '../../../observe/cloudwatch-statistics.ts';
import type { Structure } from '../../codec/value.ts';
import { Fault } from '../../fault.ts';
import { cloudWatchFault } from './model.ts';
import type { CloudWatchFault, GetMetricStatisticsInput } from './model.ts';
import { find, isStatistic, periodFault, periodsIn, readWindow, statisticFault } from './rules.ts';
import type { Context } from './rules.ts';

const MAX_DATAPOINTS = 1440;
const MAX_EXTENDED = 10;

export function getMetricStatistics(input: GetMetricStatisticsInput, context: Context): Structure | CloudWatchFault {
  const { Statistics: simple = [], ExtendedStatistics: extended = [], Period: period } = input;
  const fault = statisticsFault(simple, extended) ?? periodFault(period);
  if (fault !== undefined) return fault;
  const window = readWindow(input.StartTime, input.EndTime, period);
  if (window instanceof Fault) return window;
  if (periodsIn(window) > MAX_DATAPOINTS) return tooMany(periodsIn(window));
  const found = find(context, input, input.Unit, window);
  if (found instanceof Fault) return found;
  const points = found === undefined ? [] : [...found.sets];
  return {
    Label: input.MetricName,
    Datapoints: points.flatMap(([at, set]) => datapoint(at, set, found!.definition.unit, simple, extended)),
  };
}

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
  // Percentiles that cannot be told are no point.
  if (extended.length > 0 && Object.keys(percentiles).length === 0) return [];
  const more = extended.length === 0 ? {} : { ExtendedStatistics: percentiles };
  return [{ Timestamp: new Date(at * 1000), ...values(simple), Unit: unit, ...more }];
}

function statisticsFault(simple: readonly string[], extended: readonly string[]): CloudWatchFault | undefined {
  if (simple.length > 0 === extended.length > 0) {
    const message = 'Either Statistics or ExtendedStatistics must be given, and not both.';
    return cloudWatchFault('InvalidParameterCombination', message);
  }
  const isSimple = (name: string): boolean => SIMPLE_STATISTICS.some((each) => each === name);
  const wrong = simple.find((name) => !isSimple(name)) ?? extended.find((name) => percentOf(name) === undefined);
  if (wrong !== undefined || simple.some((name) => !isStatistic(name))) return statisticFault(wrong ?? '');
  if (extended.length <= MAX_EXTENDED) return undefined;
  return cloudWatchFault(
    'InvalidParameterValue',
    `The parameter ExtendedStatistics has more than ${MAX_EXTENDED} members.`,
  );
}

function tooMany(count: number): CloudWatchFault {
  return cloudWatchFault(
    'InvalidParameterCombination',
    `You have requested up to ${count.toLocaleString('en-US')} datapoints, which exceeds the limit of 1,440. You may reduce ` +
      'the datapoints requested by increasing Period, or decreasing the time range.',
  );
}
