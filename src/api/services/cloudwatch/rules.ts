/** What the actions have alike: whose metric is meant, and in which window of time. */
import { METRIC_DAYS } from '../../../model/limits.ts';
import { METRICS, NAMESPACE } from '../../../observe/cloudwatch-metrics.ts';
import type { MetricDefinition } from '../../../observe/cloudwatch-metrics.ts';
import type { CloudWatchSeries, Dimensions, Owner, Window } from '../../../observe/cloudwatch-series.ts';
import { percentOf, SIMPLE_STATISTICS } from '../../../observe/cloudwatch-statistics.ts';
import type { StatisticSet } from '../../../observe/cloudwatch-statistics.ts';
import { shown } from '../../fault.ts';
import { cloudWatchFault } from './model.ts';
import type { CloudWatchFault, Dimension, Metric } from './model.ts';

/** What an action may know. */
export interface Context {
  /** Undefined where no metrics are kept. */
  readonly metrics: CloudWatchSeries | undefined;
  readonly owner: Owner;
  readonly nowMs: number;
}

const MINUTE = 60;
const DAY = 86_400;
const MAX_DIMENSIONS = 30;

/** `undefined`: these dimensions are none of AWS/ELB's, and there is no data for them. */
export function readDimensions(given: readonly Dimension[] = []): Dimensions | undefined | CloudWatchFault {
  if (given.length > MAX_DIMENSIONS) {
    return cloudWatchFault(
      'InvalidParameterValue',
      `The parameter Dimensions has more than ${MAX_DIMENSIONS} members.`,
    );
  }
  const dimensions: { loadBalancer?: string; zone?: string } = {};
  for (const { Name, Value } of given) {
    if (Name === '' || Value === '') {
      return cloudWatchFault('InvalidParameterValue', 'Name and Value of a dimension must not be empty.');
    }
    const known = Name === 'LoadBalancerName' ? 'loadBalancer' : Name === 'AvailabilityZone' ? 'zone' : undefined;
    if (known === undefined || dimensions[known] !== undefined) return undefined;
    dimensions[known] = Value;
  }
  return dimensions;
}

export function periodFault(period: number | undefined): CloudWatchFault | undefined {
  if (period === undefined || (period >= MINUTE && period % MINUTE === 0 && period <= DAY)) return undefined;
  return cloudWatchFault(
    'InvalidParameterValue',
    `The parameter Period must be a multiple of 60 from 60 to ${DAY}, not ${period}: points are of one minute.`,
  );
}

/** Whole minutes, as AWS rounds them; periods are counted from the start. */
export function readWindow(start: Date, end: Date, period: number): Window | CloudWatchFault {
  if (start >= end) {
    const message = 'The parameter StartTime must be less than the parameter EndTime.';
    return cloudWatchFault('InvalidParameterCombination', message);
  }
  const from = Math.floor(start.getTime() / 1000 / MINUTE) * MINUTE;
  return { start: from, end: Math.ceil(end.getTime() / 1000 / MINUTE) * MINUTE, period };
}

/** How many periods of the window can have a point: those that are kept. */
export function periodsIn({ start, end, period }: Window): number {
  return Math.ceil((end - start) / period);
}

export function isStatistic(statistic: string): boolean {
  return percentOf(statistic) !== undefined || SIMPLE_STATISTICS.some((simple) => simple === statistic);
}

export function statisticFault(statistic: string): CloudWatchFault {
  return cloudWatchFault(
    'InvalidParameterValue',
    `The value '${shown(statistic)}' is no statistic of weir: it has ${SIMPLE_STATISTICS.join(', ')}, and percentiles such as p99.9.`,
  );
}

export interface Found {
  readonly definition: MetricDefinition;
  readonly sets: ReadonlyMap<number, StatisticSet>;
}

/** The points of a metric; undefined where there is no such metric, which is no error. */
export function find(
  context: Context,
  metric: Metric,
  unit: string | undefined,
  window: Window,
): Found | undefined | CloudWatchFault {
  const dimensions = readDimensions(metric.Dimensions);
  const definition = METRICS.get(metric.MetricName ?? '');
  if (dimensions !== undefined && 'code' in dimensions) return dimensions;
  const isOther = metric.Namespace !== NAMESPACE || (unit !== undefined && unit !== definition?.unit);
  if (dimensions === undefined || definition === undefined || isOther || context.metrics === undefined)
    return undefined;
  // Nothing is older; a window from 1970 on would count many periods.
  const oldest = Math.floor(context.nowMs / 1000) - (METRIC_DAYS + 1) * DAY;
  const skipped = Math.max(0, Math.floor((oldest - window.start) / window.period));
  const kept = { ...window, start: window.start + skipped * window.period };
  return { definition, sets: context.metrics.read(context.owner, definition, dimensions, kept) };
}
