/** CloudWatch 2010-08-01, as far as metrics are read. Written by hand, in the members of AWS's model that have a meaning here. */
import type { ServiceModel, Shape, StructureModel } from '../../codec/model.ts';
import { COMMON_FAULTS, Fault } from '../../fault.ts';
import type { CommonFaultCode } from '../../fault.ts';

const text: Shape = { type: 'string' };
const count: Shape = { type: 'integer' };
const number: Shape = { type: 'double' };
const flag: Shape = { type: 'boolean' };
const time: Shape = { type: 'timestamp' };

function structureShape(name: string): Shape {
  return { type: 'structure', name };
}

function listOf(member: Shape): Shape {
  return { type: 'list', member };
}

/** What must be given stands in required.ts. */
function structure(members: StructureModel['members']): StructureModel {
  return { members, required: [] };
}

const operations = ['GetMetricData', 'GetMetricStatistics', 'ListMetrics'] as const;
export type Action = (typeof operations)[number];

export const cloudWatchModel: ServiceModel = {
  source: 'the CloudWatch API reference',
  version: '2010-08-01',
  xmlNamespace: 'http://monitoring.amazonaws.com/doc/2010-08-01/',
  operations: Object.fromEntries(operations.map((name) => [name, { input: `${name}Input`, output: `${name}Output` }])),
  structures: {
    Dimension: structure({ Name: text, Value: text }),
    DimensionFilter: structure({ Name: text, Value: text }),
    Metric: structure({ Namespace: text, MetricName: text, Dimensions: listOf(structureShape('Dimension')) }),

    GetMetricStatisticsInput: structure({
      Namespace: text,
      MetricName: text,
      StartTime: time,
      EndTime: time,
      Period: count,
      Dimensions: listOf(structureShape('Dimension')),
      Statistics: listOf(text),
      ExtendedStatistics: listOf(text),
      Unit: text,
    }),
    GetMetricStatisticsOutput: structure({ Label: text, Datapoints: listOf(structureShape('Datapoint')) }),
    Datapoint: structure({
      Timestamp: time,
      SampleCount: number,
      Average: number,
      Sum: number,
      Minimum: number,
      Maximum: number,
      Unit: text,
      ExtendedStatistics: { type: 'map', value: number },
    }),

    GetMetricDataInput: structure({
      MetricDataQueries: listOf(structureShape('MetricDataQuery')),
      StartTime: time,
      EndTime: time,
      NextToken: text,
      ScanBy: text,
      MaxDatapoints: count,
    }),
    MetricDataQuery: structure({
      Id: text,
      MetricStat: structureShape('MetricStat'),
      Expression: text,
      Label: text,
      ReturnData: flag,
      Period: count,
      AccountId: text,
    }),
    MetricStat: structure({ Metric: structureShape('Metric'), Period: count, Stat: text, Unit: text }),
    GetMetricDataOutput: structure({
      MetricDataResults: listOf(structureShape('MetricDataResult')),
      NextToken: text,
      Messages: listOf(structureShape('MessageData')),
    }),
    MetricDataResult: structure({
      Id: text,
      Label: text,
      Timestamps: listOf(time),
      Values: listOf(number),
      StatusCode: text,
      Messages: listOf(structureShape('MessageData')),
    }),
    MessageData: structure({ Code: text, Value: text }),

    ListMetricsInput: structure({
      Namespace: text,
      MetricName: text,
      Dimensions: listOf(structureShape('DimensionFilter')),
      NextToken: text,
      RecentlyActive: text,
    }),
    ListMetricsOutput: structure({ Metrics: listOf(structureShape('Metric')), NextToken: text }),
  },
  errors: {},
};

/** The errors that these actions have besides the common ones: the Query protocol's code, and the name elsewhere. */
export const ERROR_NAMES = {
  InvalidNextToken: 'InvalidNextToken',
  InvalidParameterCombination: 'InvalidParameterCombinationException',
  InvalidParameterValue: 'InvalidParameterValueException',
  MissingParameter: 'MissingRequiredParameterException',
} as const;

export type CloudWatchFault = Fault<keyof typeof ERROR_NAMES | CommonFaultCode>;

export function cloudWatchFault(code: keyof typeof ERROR_NAMES | CommonFaultCode, message: string): CloudWatchFault {
  return new Fault(code, code in COMMON_FAULTS ? COMMON_FAULTS[code as CommonFaultCode] : 400, message);
}

export interface Dimension {
  readonly Name: string;
  readonly Value: string;
}

export interface Metric {
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly Dimension[];
}

export interface GetMetricStatisticsInput extends Metric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly StartTime: Date;
  readonly EndTime: Date;
  readonly Period: number;
  readonly Statistics?: readonly string[];
  readonly ExtendedStatistics?: readonly string[];
  readonly Unit?: string;
}

export interface MetricStat {
  readonly Metric: Metric;
  readonly Period: number;
  readonly Stat: string;
  readonly Unit?: string;
}

export interface MetricDataQuery {
  readonly Id: string;
  readonly MetricStat?: MetricStat;
  readonly Expression?: string;
  readonly Label?: string;
  readonly ReturnData?: boolean;
  readonly Period?: number;
  readonly AccountId?: string;
}

export interface GetMetricDataInput {
  readonly MetricDataQueries: readonly MetricDataQuery[];
  readonly StartTime: Date;
  readonly EndTime: Date;
  readonly NextToken?: string;
  readonly ScanBy?: string;
  readonly MaxDatapoints?: number;
}

export interface DimensionFilter {
  readonly Name: string;
  readonly Value?: string;
}

export interface ListMetricsInput {
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly DimensionFilter[];
  readonly NextToken?: string;
  readonly RecentlyActive?: string;
}
