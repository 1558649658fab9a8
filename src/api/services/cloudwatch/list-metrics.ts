/** ListMetrics: what there are points of. */
import { METRIC_DAYS } from '../../../model/limits.ts';
import { NAMESPACE } from '../../../observe/cloudwatch-metrics.ts';
import type { Dimensions } from '../../../observe/cloudwatch-series.ts';
import type { Structure } from '../../codec/value.ts';
import { cloudWatchFault } from './model.ts';
import type { CloudWatchFault, DimensionFilter, ListMetricsInput } from './model.ts';
import { choiceProblem, inOneMessage, sizeProblem } from './rules.ts';
import type { Context } from './rules.ts';

const PAGE_SIZE = 500;
const MAX_FILTERS = 10;
const RECENT_SECONDS = 3 * 3600;
const KEPT_SECONDS = METRIC_DAYS * 86_400;

export function listMetrics(input: ListMetricsInput, context: Context): Structure | CloudWatchFault {
  const { Namespace: namespace = NAMESPACE, MetricName: name, Dimensions: filters = [], NextToken: token } = input;
  const first = token === undefined ? 0 : readToken(token);
  const problem = inOneMessage([
    choiceProblem('RecentlyActive', input.RecentlyActive, ['PT3H']),
    sizeProblem('Dimensions', filters, MAX_FILTERS),
    first === undefined ? 'Request parameter NextToken is invalid: give that of the page before.' : undefined,
  ]);
  if (first === undefined || problem !== undefined) return cloudWatchFault('InvalidParameterValue', problem ?? '');
  const since = context.nowMs / 1000 - (input.RecentlyActive === undefined ? KEPT_SECONDS : RECENT_SECONDS);
  const all = namespace === NAMESPACE ? (context.metrics?.list(context.owner, since) ?? []) : [];
  const wanted = all.filter(
    (metric) =>
      (name === undefined || metric.name === name) && filters.every((filter) => fits(metric.dimensions, filter)),
  );
  const next = first + PAGE_SIZE;
  return {
    Metrics: wanted.slice(first, next).map((metric) => ({
      Namespace: NAMESPACE,
      MetricName: metric.name,
      Dimensions: describe(metric.dimensions),
    })),
    ...(next < wanted.length ? { NextToken: tokenOf(next) } : {}),
  };
}

function describe({ loadBalancer, zone }: Dimensions): readonly Structure[] {
  return [
    ...(loadBalancer === undefined ? [] : [{ Name: 'LoadBalancerName', Value: loadBalancer }]),
    ...(zone === undefined ? [] : [{ Name: 'AvailabilityZone', Value: zone }]),
  ];
}

/** Whether the dimension is there, with that value where one is named. */
function fits({ loadBalancer, zone }: Dimensions, { Name, Value }: DimensionFilter): boolean {
  const is = Name === 'LoadBalancerName' ? loadBalancer : Name === 'AvailabilityZone' ? zone : undefined;
  return is !== undefined && (Value === undefined || Value === is);
}

/** Where the next page begins. */
export function tokenOf(position: number): string {
  return Buffer.from(`from ${position}`).toString('base64url');
}

/** Undefined for what is no token of ours. */
export function readToken(token: string): number | undefined {
  const position = /^from (\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  return position === undefined ? undefined : Number(position);
}
