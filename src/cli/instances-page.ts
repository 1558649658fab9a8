/** `/-/instances`: what DescribeInstanceHealth says of every instance, and the last results of its checks with their cause. */
import type { ControlStatus } from '../control/status.ts';
import type { KeptResult } from '../health/threshold-counter.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';

/** One check that was made. */
export interface CheckRow {
  /** ISO 8601, UTC: when it ended. */
  readonly time: string;
  readonly good: boolean;
  /** In a few words: `status 200`, `connection refused`, `timeout while connecting` … */
  readonly cause: string;
  readonly milliseconds: number;
}

/** One registered instance of one load balancer. */
export interface InstanceRow {
  readonly loadBalancer: string;
  readonly instance: string;
  readonly zone: string;
  readonly state: string;
  readonly reasonCode: string;
  readonly description: string;
  /** The latest, newest first. */
  readonly checks: readonly CheckRow[];
}

/** Newest first. */
export function checkRows(results: readonly KeptResult[]): CheckRow[] {
  return results.toReversed().map(({ timeMs, good, cause, elapsedMs }) => ({
    time: new Date(timeMs).toISOString(),
    good,
    cause,
    milliseconds: Math.round(elapsedMs * 10) / 10,
  }));
}

/** All instances, in the order of their load balancers and registrations. */
export function instanceRows(
  { loadBalancers }: Pick<ControlStatus, 'loadBalancers'>,
  nameOf: (id: LoadBalancerId) => string,
): InstanceRow[] {
  return loadBalancers.flatMap(({ id, instances }) =>
    instances.map(({ instanceId, zone, state, reasonCode, description, results }) => ({
      loadBalancer: nameOf(id),
      instance: instanceId,
      zone,
      state,
      reasonCode,
      description,
      checks: checkRows(results),
    })),
  );
}
