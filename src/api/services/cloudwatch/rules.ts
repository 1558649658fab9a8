/** What the actions have alike: what may be asked for, in CloudWatch's words, and the points of a metric in a window of time. */
import { METRIC_DAYS } from '../../../model/limits.ts';
import { METRICS, NAMESPACE } from '../../../observe/cloudwatch-metrics.ts';
import type { MetricDefinition } from '../../../observe/cloudwatch-metrics.ts';
import type { CloudWatchSeries, Dimensions, Owner, Window } from '../../../observe/cloudwatch-series.ts';
import { percentOf, SIMPLE_STATISTICS } from '../../../observe/cloudwatch-statistics.ts';
import type { StatisticSet } from '../../../observe/cloudwatch-statistics.ts';
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
/** Of seconds, about 68 years: scripts that want one point of a month, or of everything, ask for a period as long as that. */
const MAX_PERIOD = 2 ** 31 - 1;
const MAX_DIMENSIONS = 30;
const MAX_NAMED = 10;
const OF_DATA = ['Bytes', 'Kilobytes', 'Megabytes', 'Gigabytes', 'Terabytes'];
const OF_BITS = ['Bits', 'Kilobits', 'Megabits', 'Gigabits', 'Terabits'];
const RATES = [...OF_DATA, ...OF_BITS, 'Count'].map((unit) => `${unit}/Second`);
const UNITS = ['Seconds', 'Microseconds', 'Milliseconds', ...OF_DATA, ...OF_BITS, 'Percent', 'Count', ...RATES, 'None'];

/** What is wrong, all of it in one message, as CloudWatch has it; undefined: nothing. */
export function inOneMessage(problems: readonly (string | undefined)[]): string | undefined {
  const told = problems.filter((problem) => problem !== undefined);
  return told.length === 0 ? undefined : told.slice(0, MAX_NAMED).join('\n');
}

/** What is wrong with a value that must be one of `set`; undefined: nothing. `name` is the parameter's. */
export function choiceProblem(name: string, value: string | undefined, set: readonly string[]): string | undefined {
  if (value === undefined || set.includes(value)) return undefined;
  return `The parameter ${name} must be a value in the set [ ${set.join(', ')} ].`;
}

export function unitProblem(name: string, unit: string | undefined): string | undefined {
  return choiceProblem(name, unit, UNITS);
}

export function sizeProblem(name: string, list: readonly unknown[], max: number): string | undefined {
  return list.length <= max ? undefined : `The collection ${name} must not have a size greater than ${max}.`;
}

export function dimensionsProblem(name: string, given: readonly Dimension[] = []): string | undefined {
  return sizeProblem(name, given, MAX_DIMENSIONS);
}

export function periodProblem(name: string, period: number | undefined): string | undefined {
  if (period === undefined || (period >= MINUTE && period % MINUTE === 0 && period <= MAX_PERIOD)) return undefined;
  return `The parameter ${name} must be a multiple of 60, from 60 on: points are of one minute.`;
}

/** CloudWatch looks at whole seconds. */
export function timesProblem(start: Date, end: Date): string | undefined {
  const [from, to] = [secondOf(start), secondOf(end)];
  if (from === to) return 'The parameter StartTime must not equal parameter EndTime.';
  return from > to ? 'The parameter StartTime must be less than the parameter EndTime.' : undefined;
}

/** A simple one, or a percentile such as `p99.9`. */
export function isStatistic(statistic: string): boolean {
  return percentOf(statistic) !== undefined || SIMPLE_STATISTICS.some((simple) => simple === statistic);
}

/** Whole minutes, as AWS rounds them; periods are counted from the start. */
export function windowOf(start: Date, end: Date, period: number): Window {
  return {
    start: Math.floor(secondOf(start) / MINUTE) * MINUTE,
    end: Math.ceil(secondOf(end) / MINUTE) * MINUTE,
    period,
  };
}

function secondOf(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}

/** How many, the one that the end cuts off included. */
export function periodsIn({ start, end, period }: Window): number {
  return Math.ceil((end - start) / period);
}

/** Where too many read already, nothing more is begun. */
export function busyFault({ metrics }: Context): CloudWatchFault | undefined {
  if (metrics?.isBusy !== true) return undefined;
  return cloudWatchFault('ServiceUnavailable', 'Too many requests at the same time; please try again.');
}

export interface Found {
  readonly definition: MetricDefinition;
  readonly sets: ReadonlyMap<number, StatisticSet>;
}

/** The points of a metric; undefined where there is no such metric, which is no error. */
export async function find(
  context: Context,
  metric: Metric,
  unit: string | undefined,
  window: Window,
): Promise<Found | undefined> {
  const dimensions = readDimensions(metric.Dimensions);
  const definition = METRICS.get(metric.MetricName ?? '');
  const isOther = metric.Namespace !== NAMESPACE || (unit !== undefined && unit !== definition?.unit);
  if (dimensions === undefined || definition === undefined || isOther || context.metrics === undefined)
    return undefined;
  // Nothing is older; a window from 1970 on would count many periods.
  const oldest = Math.floor(context.nowMs / 1000) - (METRIC_DAYS + 1) * DAY;
  const skipped = Math.max(0, Math.floor((oldest - window.start) / window.period));
  const kept = { ...window, start: window.start + skipped * window.period };
  return { definition, sets: await context.metrics.read(context.owner, definition, dimensions, kept) };
}

/** `undefined`: these dimensions are none of AWS/ELB's, and there is no data for them. */
function readDimensions(given: readonly Dimension[] = []): Dimensions | undefined {
  const dimensions: { loadBalancer?: string; zone?: string } = {};
  for (const { Name, Value } of given) {
    const known = Name === 'LoadBalancerName' ? 'loadBalancer' : Name === 'AvailabilityZone' ? 'zone' : undefined;
    if (known === undefined || dimensions[known] !== undefined) return undefined;
    dimensions[known] = Value;
  }
  return dimensions;
}
