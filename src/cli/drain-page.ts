/** `/-/drains`: what is in flight at instances that get no new requests, and how long it may go on. */
import type { DrainReason } from '../control/drains.ts';
import type { ControlStatus, LoadBalancerStatus } from '../control/status.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';
import { TARGET_STATE } from '../traffic/target-table.ts';

/**
 * Why an instance gets no new requests: it, its zone, its listener or its load balancer was taken away; it is out of
 * service; or the whole process stops.
 */
export type DrainCause = DrainReason | 'out-of-service' | 'stopping';

/** One target that drains. Names as in JSON: scripts read them. */
export interface DrainRow {
  readonly loadBalancer: string;
  readonly instance: string;
  readonly instancePort: number;
  readonly cause: DrainCause;
  /** Requests, or connections of TCP and SSL listeners. */
  readonly inFlight: number;
  /** Until the rest is cut; null: it is not, or only with the process. */
  readonly secondsLeft: number | null;
}

/** What is asked of the status of control. */
export interface DrainingStatus extends Pick<ControlStatus, 'drains'> {
  readonly loadBalancers: readonly Pick<LoadBalancerStatus, 'id' | 'targets'>[];
}

/** All that drain, those that were taken away first. `nameOf` gives load balancers that are gone a name too. */
export function drainRows(
  { drains, loadBalancers }: DrainingStatus,
  stopping: boolean,
  nameOf: (id: LoadBalancerId) => string,
): DrainRow[] {
  const away = drains.map(({ loadBalancer, instanceId, instancePort, reason, outstanding, remainingMs }) => ({
    loadBalancer: nameOf(loadBalancer),
    instance: instanceId,
    instancePort,
    cause: reason,
    inFlight: outstanding,
    secondsLeft: Math.ceil(remainingMs / 1000),
  }));
  const others = loadBalancers.flatMap(({ id, targets }) =>
    targets
      .filter(({ state, outstanding }) => outstanding > 0 && (stopping || state !== TARGET_STATE.inService))
      .map(({ instanceId, instancePort, state, outstanding }) => ({
        loadBalancer: nameOf(id),
        instance: instanceId,
        instancePort,
        cause: state === TARGET_STATE.inService ? ('stopping' as const) : ('out-of-service' as const),
        inFlight: outstanding,
        secondsLeft: null,
      })),
  );
  return [...away, ...others];
}
