/** What DescribeInstanceHealth says of one instance: pure, from everything that is known of it. */
import { describeHealth, initialHealth, type Health } from '../health/threshold-counter.ts';
import type { LoadBalancer } from '../model/load-balancer.ts';
import { isZoneEnabled } from './compile.ts';
import type { InstanceState } from './control.ts';
import type { DrainReason } from './drains.ts';

/** `isDraining`: whether something of the instance may be in flight still that was taken away for this reason. */
export function instanceState(
  record: LoadBalancer | undefined,
  instanceId: string,
  health: Health | undefined,
  isDraining: (reason: DrainReason) => boolean,
): InstanceState {
  const instance = record?.instances.find((instance) => instance.instanceId === instanceId);
  if (record === undefined || instance === undefined) {
    return isDraining('deregistered')
      ? {
          instanceId,
          state: 'InService',
          reasonCode: 'ELB',
          description: 'Instance deregistration currently in progress.',
        }
      : {
          instanceId,
          state: 'OutOfService',
          reasonCode: 'Instance',
          description: 'Instance is not currently registered with the LoadBalancer.',
        };
  }
  if (isZoneEnabled(record, instance)) {
    return { instanceId, ...describeHealth((health ?? initialHealth(false)).status) };
  }
  return isDraining('zone-disabled')
    ? {
        instanceId,
        state: 'InService',
        reasonCode: 'ELB',
        description: 'Disable Availability Zone is currently in progress.',
      }
    : {
        instanceId,
        state: 'OutOfService',
        reasonCode: 'ELB',
        description:
          'Instance is in the EC2 Availability Zone for which LoadBalancer is not configured to route traffic to.',
      };
}
