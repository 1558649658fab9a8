/**
 * `/metrics`: what the traffic threads counted in shared memory and what the control thread knows, as text. A scrape
 * reads; it never asks a traffic thread for anything.
 */
import type { CertificateExpiry } from '../model/certificate.ts';
import {
  COUNTER,
  DESYNC_COUNTERS,
  DURATION_BUCKETS,
  DURATION_SUM,
  LATENCY_BUCKETS,
  SHARED,
  sharedCells,
  sumCounters,
} from '../traffic/counters.ts';
import { REASONS, TIERS } from '../wire/desync-reasons.ts';
import { writeAccessLogs, type AccessLogMetrics } from './access-log-metrics.ts';
import { Exposition, labels } from './exposition.ts';
import { writeProcessMetrics, type ProcessMetrics } from './process-metrics.ts';
import { writeCertificates, writeHandshakes } from './tls-metrics.ts';

export interface LoadBalancerMetrics {
  /** Value of the label `load_balancer`. */
  readonly name: string;
  readonly counters: SharedArrayBuffer;
  readonly instances: readonly { readonly instanceId: string; readonly inService: boolean }[];
  readonly targets: readonly TargetMetrics[];
}

/** An instance at one of its ports. */
export interface TargetMetrics {
  readonly instanceId: string;
  readonly instancePort: number;
  /** Requests in flight (layer 4: open connections). */
  readonly outstanding: number;
  readonly connections: number;
}

export interface FailedListener {
  /** Value of the label `load_balancer`. */
  readonly loadBalancer: string;
  /** `address:port`. */
  readonly listener: string;
}

export interface MetricsInput {
  readonly process: ProcessMetrics;
  readonly loadBalancers: readonly LoadBalancerMetrics[];
  readonly failedListeners: readonly FailedListener[];
  readonly certificates: readonly CertificateExpiry[];
  readonly accessLogs?: AccessLogMetrics;
}

/** Cells that are written as they are, with the labels that tell samples of one family apart. */
const PLAIN: readonly {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly { readonly cell: number; readonly extra: string }[];
}[] = [
  single(
    'requests_total',
    'counter',
    'Requests completed, and TCP connections that have reached an instance or ended without.',
    COUNTER.requests,
  ),
  {
    name: 'weir_backend_responses_total',
    type: 'counter',
    help: 'Responses of instances, by class of status.',
    samples: [
      { cell: COUNTER.backend2xx, extra: 'code="2xx"' },
      { cell: COUNTER.backend3xx, extra: 'code="3xx"' },
      { cell: COUNTER.backend4xx, extra: 'code="4xx"' },
      { cell: COUNTER.backend5xx, extra: 'code="5xx"' },
      { cell: COUNTER.backendOther, extra: 'code="other"' },
    ],
  },
  {
    name: 'weir_error_responses_total',
    type: 'counter',
    help: 'Answers that the load balancer itself gave, by class of status.',
    samples: [
      { cell: COUNTER.elb4xx, extra: 'code="4xx"' },
      { cell: COUNTER.elb5xx, extra: 'code="5xx"' },
    ],
  },
  single(
    'backend_connection_errors_total',
    'counter',
    'Connections to instances that could not be made, those of health checks too.',
    COUNTER.backendConnectionErrors,
  ),
  single('retries_total', 'counter', 'Requests sent again, to the same or another instance.', COUNTER.retries),
  single('spillover_total', 'counter', 'Requests refused because the surge queue was full.', COUNTER.spillover),
  single('client_connections_total', 'counter', 'Connections accepted from clients.', COUNTER.clientConnections),
  single(
    'refused_connections_total',
    'counter',
    'Connections of clients that no security group lets in.',
    COUNTER.refusedConnections,
  ),
  single('client_connections', 'gauge', 'Open connections of clients.', COUNTER.clientConnectionsActive),
  single('backend_connections_total', 'counter', 'Connections made to instances.', COUNTER.backendConnections),
  single('backend_connections', 'gauge', 'Open connections to instances.', COUNTER.backendConnectionsActive),
  single('received_bytes_total', 'counter', 'Bytes read from clients, heads included.', COUNTER.receivedBytes),
  single('sent_bytes_total', 'counter', 'Bytes written to clients, heads included.', COUNTER.sentBytes),
];

function single(name: string, type: 'counter' | 'gauge', help: string, cell: number) {
  return { name: `weir_${name}`, type, help, samples: [{ cell, extra: '' }] };
}

interface Summed {
  readonly input: LoadBalancerMetrics;
  /** `load_balancer="…"`. */
  readonly label: string;
  readonly sum: Float64Array;
}

/** The whole page. */
export function renderMetrics(input: MetricsInput): string {
  const out = new Exposition();
  const loadBalancers = input.loadBalancers.map((each) => ({
    input: each,
    label: labels({ load_balancer: each.name }),
    sum: sumCounters(each.counters),
  }));
  writeProcessMetrics(out, input.process);
  for (const { name, type, help, samples } of PLAIN) {
    out.family(name, type, help);
    for (const { label, sum } of loadBalancers) {
      for (const { cell, extra } of samples) out.sample(label, sum[cell]!, '', extra);
    }
  }
  writeSurgeQueues(out, loadBalancers);
  writeLatency(out, loadBalancers);
  writeDesync(out, loadBalancers);
  writeHandshakes(out, loadBalancers);
  writeCertificates(out, input.certificates);
  if (input.accessLogs !== undefined) writeAccessLogs(out, input.accessLogs);
  writeInstances(out, loadBalancers);
  writeFailedListeners(out, input.failedListeners);
  return out.text();
}

function writeSurgeQueues(out: Exposition, loadBalancers: readonly Summed[]): void {
  out.family('weir_surge_queue_length', 'gauge', 'Requests (TCP: connections) that wait for an instance.');
  for (const { input, label } of loadBalancers) {
    out.sample(label, Atomics.load(sharedCells(input.counters), SHARED.surgeQueueLength));
  }
}

function writeLatency(out: Exposition, loadBalancers: readonly Summed[]): void {
  const latency = 'From the dispatch of a request to the first byte of its response (TCP: until the connection is up).';
  out.family('weir_latency_seconds', 'histogram', latency);
  for (const { label, sum } of loadBalancers) {
    out.histogram(label, LATENCY_BUCKETS, sum, COUNTER.latencyBuckets, sum[COUNTER.latencySum]!);
  }
  const help = 'From the first byte of a request to the end of its response (HTTP).';
  out.family('weir_request_duration_seconds', 'histogram', help);
  for (const { label, sum } of loadBalancers) {
    out.histogram(label, LATENCY_BUCKETS, sum, DURATION_BUCKETS, sum[DURATION_SUM]!);
  }
}

/** A sample appears with its first request: 25 reasons for each load balancer would mostly say 0. */
function writeDesync(out: Exposition, loadBalancers: readonly Summed[]): void {
  out.family('weir_desync_requests_total', 'counter', 'Requests that are not Compliant, by tier and reason.');
  const reasons = REASONS.map(([reason, tier]) => labels({ classification: TIERS[tier], reason }));
  for (const { label, sum } of loadBalancers) {
    for (let index = 0; index < reasons.length; index++) {
      const count = sum[DESYNC_COUNTERS + index]!;
      if (count > 0 && REASONS[index]![1] > 0) out.sample(label, count, '', reasons[index]);
    }
  }
}

/** The label is not "instance": Prometheus gives every sample one of that name, for the weir that it comes from. */
function writeInstances(out: Exposition, loadBalancers: readonly Summed[]): void {
  out.family('weir_instance_in_service', 'gauge', '1 while the instance is given new requests, else 0.');
  for (const { input, label } of loadBalancers) {
    for (const { instanceId, inService } of input.instances) {
      out.sample(label, inService ? 1 : 0, '', labels({ instance_id: instanceId }));
    }
  }
  const targets = loadBalancers.flatMap(({ input, label }) =>
    input.targets.map((target) => ({ target, label, own: targetLabels(target) })),
  );
  const outstanding = 'Requests in flight (TCP: open connections) at the instance, by instance port.';
  out.family('weir_instance_outstanding_requests', 'gauge', outstanding);
  for (const { target, label, own } of targets) out.sample(label, target.outstanding, '', own);
  out.family('weir_instance_connections', 'gauge', 'Open connections to the instance, by instance port.');
  for (const { target, label, own } of targets) out.sample(label, target.connections, '', own);
}

function targetLabels({ instanceId, instancePort }: TargetMetrics): string {
  return labels({ instance_id: instanceId, instance_port: String(instancePort) });
}

function writeFailedListeners(out: Exposition, failed: readonly FailedListener[]): void {
  out.family(
    'weir_listener_bind_failed',
    'gauge',
    '1 for each listener whose port, certificate or policy cannot be used.',
  );
  // A port may be taken and its certificate unusable: two failures, one series. A second one would spoil the whole page.
  const down = new Set(failed.map(({ loadBalancer, listener }) => labels({ load_balancer: loadBalancer, listener })));
  for (const label of down) out.sample(label, 1);
}
