/** What `weir top` shows: pure, from two scrapes and the time between them. */
import type { Bucket, LoadBalancerCounts, Scrape } from './top-scrape.ts';

export const CODES = ['2xx', '3xx', '4xx', '5xx', 'elb 4xx', 'elb 5xx'] as const;
export type Code = (typeof CODES)[number];

/** `above`: slower than the slowest bucket, which ends at `seconds`. */
export interface Latency {
  readonly seconds: number;
  readonly above: boolean;
}

/** Rates are per second. Undefined: there is no earlier scrape yet (rates), or there was no request (latencies). */
export interface Activity {
  readonly requests: number | undefined;
  readonly p50: Latency | undefined;
  readonly p99: Latency | undefined;
  readonly codes: Readonly<Record<Code, number | undefined>>;
  /** 5xx, of back ends and of weir itself. */
  readonly errors: number | undefined;
  readonly spillover: number | undefined;
  readonly queue: number;
  readonly clientConnections: number;
  readonly backendConnections: number;
}

export interface InstanceView {
  readonly instanceId: string;
  /** Empty where no listener routes to the instance. */
  readonly port: string;
  readonly inService: boolean;
  readonly outstanding: number;
  readonly connections: number;
}

export interface LoadBalancerView extends Activity {
  readonly name: string;
  readonly healthy: number;
  readonly registered: number;
  /** Those out of service first, then by name. */
  readonly instances: readonly InstanceView[];
}

export interface View {
  readonly version: string;
  readonly ready: boolean;
  readonly upSeconds: number;
  readonly threadsUp: number;
  readonly threads: number;
  readonly total: Activity;
  readonly loadBalancers: readonly LoadBalancerView[];
}

export type Sort = 'requests' | 'latency' | 'errors' | 'queue' | 'name';

/** `before`: undefined for the first scrape. */
export function makeView(before: Scrape | undefined, after: Scrape, sort: Sort): View {
  // Another process counts from the start.
  const base = before?.startTimeSeconds === after.startTimeSeconds ? before : undefined;
  const seconds = before === undefined ? undefined : (after.atMs - before.atMs) / 1000;
  const earlier = base === undefined ? [] : [...base.loadBalancers.values()];
  return {
    version: after.version,
    ready: after.ready,
    upSeconds: Math.max(0, after.epochSeconds - after.startTimeSeconds),
    threadsUp: after.threadsUp,
    threads: after.threads,
    total: activity(addUp(earlier), addUp([...after.loadBalancers.values()]), seconds),
    loadBalancers: Array.from(after.loadBalancers, ([name, counts]) =>
      loadBalancerView(name, base?.loadBalancers.get(name), counts, seconds),
    ).toSorted(ORDERS[sort]),
  };
}

function loadBalancerView(
  name: string,
  before: LoadBalancerCounts | undefined,
  after: LoadBalancerCounts,
  seconds: number | undefined,
): LoadBalancerView {
  const instances = Array.from(after.instances, ([instanceId, { inService, ports }]): InstanceView[] => {
    if (ports.size === 0) return [{ instanceId, port: '', inService, outstanding: 0, connections: 0 }];
    return Array.from(ports, ([port, counts]) => ({ instanceId, port, inService, ...counts }));
  });
  return {
    name,
    ...activity(before, after, seconds),
    healthy: [...after.instances.values()].filter(({ inService }) => inService).length,
    registered: after.instances.size,
    instances: instances
      .flat()
      .toSorted((a, b) => Number(a.inService) - Number(b.inService) || byText(a.instanceId, b.instanceId)),
  };
}

type Counts = Omit<LoadBalancerCounts, 'instances'>;

function activity(before: Counts | undefined, after: Counts, seconds: number | undefined): Activity {
  const rate = (of: (counts: Counts) => number): number | undefined =>
    seconds === undefined || seconds <= 0 ? undefined : grown(before && of(before), of(after)) / seconds;
  const code = (name: Code) => rate(({ codes }) => codes.get(name) ?? 0);
  const latency = grownBuckets(seconds === undefined ? after.latency : (before?.latency ?? []), after.latency);
  return {
    requests: rate(({ requests }) => requests),
    p50: quantile(latency, 0.5),
    p99: quantile(latency, 0.99),
    codes: {
      '2xx': code('2xx'),
      '3xx': code('3xx'),
      '4xx': code('4xx'),
      '5xx': code('5xx'),
      'elb 4xx': code('elb 4xx'),
      'elb 5xx': code('elb 5xx'),
    },
    errors: rate(({ codes }) => ERRORS.reduce((sum, name) => sum + (codes.get(name) ?? 0), 0)),
    spillover: rate(({ spillover }) => spillover),
    queue: after.queue,
    clientConnections: after.clientConnections,
    backendConnections: after.backendConnections,
  };
}

const ERRORS: readonly Code[] = ['5xx', 'elb 5xx'];

/** What a counter has grown by; one that is smaller than before was begun anew. */
function grown(before: number | undefined, after: number): number {
  return before === undefined || after < before ? after : after - before;
}

function grownBuckets(before: readonly Bucket[], after: readonly Bucket[]): Bucket[] {
  const counts = new Map(before.map(({ bound, count }) => [bound, count]));
  const anew = after.some(({ bound, count }) => count < (counts.get(bound) ?? 0));
  return after.map(({ bound, count }) => ({ bound, count: anew ? count : count - (counts.get(bound) ?? 0) }));
}

function addUp(all: readonly LoadBalancerCounts[]): Counts {
  const codes = new Map<string, number>();
  const latency = new Map<number, number>();
  const sum = { requests: 0, queue: 0, spillover: 0, clientConnections: 0, backendConnections: 0 };
  for (const each of all) {
    for (const [code, count] of each.codes) codes.set(code, (codes.get(code) ?? 0) + count);
    for (const { bound, count } of each.latency) latency.set(bound, (latency.get(bound) ?? 0) + count);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += each[key];
  }
  return { ...sum, codes, latency: Array.from(latency, ([bound, count]) => ({ bound, count })) };
}

/** As Prometheus's histogram_quantile: evenly spread within a bucket. Undefined when nothing was observed. */
export function quantile(buckets: readonly Bucket[], q: number): Latency | undefined {
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return undefined;
  const rank = q * total;
  let [lowerBound, lowerCount] = [0, 0];
  for (const { bound, count } of buckets) {
    if (count >= rank) {
      if (bound === Infinity) return { seconds: lowerBound, above: true };
      const part = count === lowerCount ? 1 : (rank - lowerCount) / (count - lowerCount);
      return { seconds: lowerBound + (bound - lowerBound) * part, above: false };
    }
    [lowerBound, lowerCount] = [bound, count];
  }
  return undefined;
}

type Order = (a: LoadBalancerView, b: LoadBalancerView) => number;

/** The most first; equal ones by name, so that lines do not jump. */
function most(of: (view: LoadBalancerView) => number | undefined): Order {
  return (a, b) => (of(b) ?? -1) - (of(a) ?? -1) || byText(a.name, b.name);
}

const ORDERS: Readonly<Record<Sort, Order>> = {
  requests: most(({ requests }) => requests),
  latency: most(({ p99 }) => p99?.seconds),
  errors: most(({ errors }) => errors),
  queue: most(({ queue }) => queue),
  name: (a, b) => byText(a.name, b.name),
};

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
