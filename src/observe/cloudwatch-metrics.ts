/** The metrics of the namespace AWS/ELB, and what a stored point tells of each. */
import { oneSample, type Point } from './cloudwatch-point.ts';
import { setOfCount, setOfLatency, type StatisticSet } from './cloudwatch-statistics.ts';

export const NAMESPACE = 'AWS/ELB';

export type Unit = 'Count' | 'Seconds' | 'Bytes' | 'None';

export interface MetricDefinition {
  readonly name: string;
  readonly unit: Unit;
  /** Of the points that have it: bits of `kinds`, each a place in {@link COUNTS}, {@link GAUGES} or latency. */
  readonly kinds: number;
  /** Of one point; undefined where nothing happened. */
  readonly of: (point: Point) => StatisticSet | undefined;
}

/** Counts of a point, by their place; places are what is stored, and are never given to another. */
export const COUNTS = [
  'RequestCount',
  'HTTPCode_Backend_2XX',
  'HTTPCode_Backend_3XX',
  'HTTPCode_Backend_4XX',
  'HTTPCode_Backend_5XX',
  'HTTPCode_ELB_4XX',
  'HTTPCode_ELB_5XX',
  'BackendConnectionErrors',
  'SpilloverCount',
  'DesyncMitigationMode_NonCompliant_Request_Count',
  'EstimatedALBNewConnectionCount',
  'EstimatedProcessedBytes',
] as const;
export type CountName = (typeof COUNTS)[number];

/** Gauges of a point, likewise. */
export const GAUGES = [
  'HealthyHostCount',
  'UnHealthyHostCount',
  'SurgeQueueLength',
  'EstimatedALBActiveConnectionCount',
] as const;
export type GaugeName = (typeof GAUGES)[number];

const GAUGE_BIT = 16;
const LATENCY_BIT = 24;

/** What is in a point, as bits. */
export function kindsOf({ counts, gauges, latency }: Point): number {
  let kinds = latency === undefined ? 0 : 1 << LATENCY_BIT;
  for (const place of counts.keys()) kinds |= 1 << place;
  for (const place of gauges.keys()) kinds |= 1 << (GAUGE_BIT + place);
  return kinds;
}

/** AWS's prices: what one capacity unit of an Application Load Balancer stands for. */
const CAPACITY_UNIT = { newConnectionsPerSecond: 25, activeConnections: 3000, bytesPerHour: 1e9 };
const SECONDS = 60;

const NEW_CONNECTIONS = COUNTS.indexOf('EstimatedALBNewConnectionCount');
const PROCESSED_BYTES = COUNTS.indexOf('EstimatedProcessedBytes');
const ACTIVE_CONNECTIONS = GAUGES.indexOf('EstimatedALBActiveConnectionCount');

/** The dearest of the three, as AWS bills them: new connections, active ones, bytes; rules there are none. */
function consumedUnits({ counts, gauges }: Point): number | undefined {
  const [connections, bytes, active] = [
    counts.get(NEW_CONNECTIONS),
    counts.get(PROCESSED_BYTES),
    gauges.get(ACTIVE_CONNECTIONS),
  ];
  if (connections === undefined && bytes === undefined && active === undefined) return undefined;
  return Math.max(
    (connections ?? 0) / SECONDS / CAPACITY_UNIT.newConnectionsPerSecond,
    (active?.max ?? 0) / CAPACITY_UNIT.activeConnections,
    ((bytes ?? 0) * 60) / CAPACITY_UNIT.bytesPerHour,
  );
}

/** Sums of a minute are one sample of it; what is counted one by one is a sample each. */
const SUMS: readonly CountName[] = ['EstimatedALBNewConnectionCount', 'EstimatedProcessedBytes'];

function countMetric(name: CountName, place: number): MetricDefinition {
  const isSum = SUMS.includes(name);
  return {
    name,
    unit: name === 'EstimatedProcessedBytes' ? 'Bytes' : 'Count',
    kinds: 1 << place,
    of({ counts }) {
      const count = counts.get(place);
      if (count === undefined) return undefined;
      return isSum ? oneSample(count) : setOfCount(count);
    },
  };
}

function gaugeMetric(name: GaugeName, place: number): MetricDefinition {
  const of = ({ gauges }: Point): StatisticSet | undefined => gauges.get(place);
  return { name, unit: 'Count', kinds: 1 << (GAUGE_BIT + place), of };
}

/** By name. */
export const METRICS: ReadonlyMap<string, MetricDefinition> = new Map(
  [
    ...COUNTS.map(countMetric),
    ...GAUGES.map(gaugeMetric),
    {
      name: 'Latency',
      unit: 'Seconds',
      kinds: 1 << LATENCY_BIT,
      of: ({ latency }: Point) => (latency === undefined ? undefined : setOfLatency(latency)),
    } satisfies MetricDefinition,
    {
      name: 'EstimatedALBConsumedLCUs',
      unit: 'Count',
      kinds: (1 << NEW_CONNECTIONS) | (1 << PROCESSED_BYTES) | (1 << (GAUGE_BIT + ACTIVE_CONNECTIONS)),
      of: (point: Point) => {
        const units = consumedUnits(point);
        return units === undefined ? undefined : oneSample(units);
      },
    } satisfies MetricDefinition,
  ].map((metric) => [metric.name, metric]),
);
