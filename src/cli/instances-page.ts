/** `/-/instances`: what DescribeInstanceHealth says of every instance, and the last results of its checks with their cause. */
import type { PageCheck } from '../console/page.ts';
import type { ControlStatus } from '../control/status.ts';
import type { KeptResult } from '../health/threshold-counter.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';

/** One registered instance of one load balancer. */
export interface InstanceRow {
  readonly loadBalancer: string;
  readonly instance: string;
  readonly zone: string;
  readonly state: string;
  readonly reasonCode: string;
  readonly description: string;
  /** The latest, newest first. */
  readonly checks: readonly PageCheck[];
}

/** Newest first. */
export function checkRows(results: readonly KeptResult[]): PageCheck[] {
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
