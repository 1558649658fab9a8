/** CloudWatch, as far as metrics of load balancers are read: over the Query protocol, JSON and CBOR alike. */
import type { Clock } from '../../../kit/clock.ts';
import type { CloudWatchSeries } from '../../../observe/cloudwatch-series.ts';
import type { Structure } from '../../codec/value.ts';
import type { Fault } from '../../fault.ts';
import type { Caller, CborService, QueryService } from '../../service.ts';
import { getMetricData } from './get-metric-data.ts';
import { getMetricStatistics } from './get-metric-statistics.ts';
import { listMetrics } from './list-metrics.ts';
import { cloudWatchModel, ERROR_NAMES } from './model.ts';
import type { Action, GetMetricDataInput, GetMetricStatisticsInput } from './model.ts';
import { missingFault } from './required.ts';
import type { Context } from './rules.ts';

export interface CloudWatchServiceOptions {
  readonly clock: Clock;
  /** What is told; nothing where it is left out. */
  readonly metrics?: CloudWatchSeries;
}

type Perform = (input: Structure, context: Context) => Structure | Fault | Promise<Structure | Fault>;

/** The codec has seen to it that the input is the action's, and `missingFault` that nothing is missing. */
const handlers: Readonly<Record<Action, Perform>> = {
  GetMetricData: (input, context) => getMetricData(input as unknown as GetMetricDataInput, context),
  GetMetricStatistics: (input, context) => getMetricStatistics(input as unknown as GetMetricStatisticsInput, context),
  ListMetrics: (input, context) => listMetrics(input, context),
};

/** One service for the doors of all three protocols. */
export function createCloudWatchService({ clock, metrics }: CloudWatchServiceOptions): QueryService & CborService {
  return {
    signingName: 'monitoring',
    target: 'GraniteServiceVersion20100801',
    contentType: 'application/x-amz-json-1.0',
    errorNames: ERROR_NAMES,
    model: cloudWatchModel,
    mutates: () => false,
    subject: () => '',
    async perform(action: string, input: Structure, { accountId, region }: Caller): Promise<Structure | Fault> {
      const missing = missingFault(action as Action, input);
      if (missing !== undefined) return missing;
      const context = { metrics, owner: { accountId, region }, nowMs: clock.epochMs() };
      return handlers[action as Action](input, context);
    },
  };
}
