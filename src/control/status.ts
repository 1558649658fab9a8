/** What control tells of the running system: for `/metrics`, `/-/ready`, the console and `weir top`. */
import type { KeptResult } from '../health/threshold-counter.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';
import type { InstanceState } from './control.ts';
import type { Drain } from './drains.ts';
import type { Running } from './reconcile.ts';
import type { Slots } from './slots.ts';
import type { ThreadStatus } from './supervisor.ts';
import type { TlsReport } from './tls-reports.ts';

export interface TargetStatus {
  readonly slot: number;
  readonly instanceId: string;
  readonly instancePort: number;
  /** TARGET_STATE of the target table. */
  readonly state: number;
  /** Requests in flight (layer 4: open connections). */
  readonly outstanding: number;
  /** Open back-end connections. */
  readonly connections: number;
}

export interface InstanceStatus extends InstanceState {
  readonly zone: string;
  /** Last probe results, oldest first. */
  readonly results: readonly KeptResult[];
}

export interface LoadBalancerStatus {
  readonly id: LoadBalancerId;
  readonly name: string;
  /** Those that are enabled. */
  readonly zones: readonly string[];
  /** Whether nodes serve the instances of all zones. */
  readonly crossZone: boolean;
  /** Those that the counters have, in their order (traffic/zone-counters.ts). */
  readonly countedZones: readonly string[];
  /** Of all threads (traffic/counters.ts). */
  readonly counters: SharedArrayBuffer;
  readonly instances: readonly InstanceStatus[];
  readonly targets: readonly TargetStatus[];
  /** Of its listeners with TLS. */
  readonly tls: readonly TlsReport[];
}

/** A listener that does not serve, and why. */
export interface ListenerFailure {
  readonly loadBalancer: LoadBalancerId | undefined;
  readonly address: string;
  readonly port: number;
  readonly message: string;
}

export interface DrainStatus extends Drain {
  /** Requests in flight (layer 4: open connections). */
  readonly outstanding: number;
}

export interface ControlStatus {
  /** Of the store, as far as control has followed it. */
  readonly revision: number;
  readonly threads: readonly ThreadStatus[];
  /** A row per thread (traffic/counters.ts, THREAD_COUNTER). */
  readonly threadCounters: SharedArrayBuffer;
  readonly loadBalancers: readonly LoadBalancerStatus[];
  readonly bindFailures: readonly ListenerFailure[];
  readonly drains: readonly DrainStatus[];
  readonly probesInFlight: number;
  /** Slots of the target table in use: one for each target, and for each that is not idle yet after it was taken away. */
  readonly heldSlots: number;
}

/** One running load balancer, its instances in the order of the record. */
export function statusOf(
  id: LoadBalancerId,
  { record, compiled, counters, holders, tlsReports }: Running,
  slots: Slots,
  health: { stateOf(instanceId: string): InstanceState; resultsOf(instanceId: string): readonly KeptResult[] },
): LoadBalancerStatus {
  return {
    id,
    name: record.name,
    zones: record.zones,
    crossZone: compiled.crossZone,
    countedZones: compiled.countedZones,
    counters,
    tls: tlsReports,
    instances: record.instances.map(({ instanceId, zone }) => ({
      ...health.stateOf(instanceId),
      zone,
      results: health.resultsOf(instanceId),
    })),
    targets: Array.from(holders.values(), ({ slot, instanceId, instancePort }) => ({
      slot,
      instanceId,
      instancePort,
      state: slots.state(slot),
      outstanding: slots.outstanding(slot),
      connections: slots.connections(slot),
    })),
  };
}
