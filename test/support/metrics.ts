/** Pages of `/metrics` for tests: what they are made from, and one on which every series stands that there can be. */
import type { AccessLogMetrics } from '../../src/observe/access-log-metrics.ts';
import type { ProcessMetrics } from '../../src/observe/process-metrics.ts';
import { renderMetrics, type LoadBalancerMetrics, type MetricsInput } from '../../src/observe/prometheus.ts';
import { counterRow, makeCounters, THREAD_ROW_CELLS } from '../../src/traffic/counters.ts';

export const ACCESS_LOGS: AccessLogMetrics = {
  dropped: { ring: 0, disk: 0, undelivered: 0 },
  deliveredFiles: 0,
  deliveryFailures: 0,
  undeliveredFiles: 0,
  undeliveredBytes: 0,
};

/** A process of two threads that has done nothing yet. */
export function processMetrics(overrides: Partial<ProcessMetrics> = {}): ProcessMetrics {
  return {
    version: '1.2.3',
    ready: true,
    revision: 7,
    threads: [0, 1].map(() => ({ row: new Float64Array(THREAD_ROW_CELLS), live: true })),
    threadRestarts: 0,
    control: new Float64Array(THREAD_ROW_CELLS),
    usage: {
      cpuSeconds: 1.5,
      residentBytes: 1000,
      startTimeSeconds: 1,
      openFileDescriptors: 20,
      maxFileDescriptors: 1024,
    },
    ...overrides,
  };
}

/** A load balancer that has done nothing yet, on two threads. */
export function loadBalancerMetrics(overrides: Partial<LoadBalancerMetrics> = {}): LoadBalancerMetrics {
  return { name: 'web', counters: makeCounters(2), instances: [], targets: [], ...overrides };
}

export function metricsText(input: Partial<MetricsInput>): string {
  return renderMetrics({
    process: processMetrics(),
    loadBalancers: [],
    failedListeners: [],
    certificates: [],
    accessLogs: ACCESS_LOGS,
    ...input,
  });
}

/** A load balancer of `threads` threads that has met everything there is, with `instances` instances. */
export function busyLoadBalancer(name: string, threads: number, instances: number): LoadBalancerMetrics {
  const counters = makeCounters(threads);
  for (let thread = 0; thread < threads; thread++) counterRow(counters, thread).fill(1 + thread);
  const ids = Array.from({ length: instances }, (_, index) => `i-${index}`);
  return {
    name,
    counters,
    instances: ids.map((instanceId) => ({ instanceId, inService: true })),
    targets: ids.map((instanceId) => ({ instanceId, instancePort: 80, outstanding: 3, connections: 5 })),
  };
}

/** Every series that there can be. */
export function fullMetricsText(): string {
  return metricsText({
    loadBalancers: [busyLoadBalancer('web', 2, 2), busyLoadBalancer('api', 2, 1)],
    failedListeners: [{ loadBalancer: 'web', listener: '127.0.0.1:80' }],
    certificates: [{ arn: 'arn:aws:iam::000000000000:server-certificate/web', secondsLeft: 86_400 }],
  });
}
