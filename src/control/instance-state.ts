/** What DescribeInstanceHealth says of one instance: pure, from everything that is known of it. */
import {
  describeHealth,
  effectiveStatus,
  initialHealth,
  type Health,
  type HealthDescription,
} from '../health/threshold-counter.ts';
import type { Instance, LoadBalancer } from '../model/load-balancer.ts';
import { isZoneEnabled } from './compile.ts';
import type { DrainReason } from './drains.ts';

const NOT_REGISTERED: HealthDescription = {
  state: 'OutOfService',
  reasonCode: 'Instance',
  description: 'Instance is not currently registered with the LoadBalancer.',
};
const DEREGISTERING: HealthDescription = {
  state: 'InService',
  reasonCode: 'ELB',
  description: 'Instance deregistration currently in progress.',
};
const ZONE_DISABLED: HealthDescription = {
  state: 'OutOfService',
  reasonCode: 'ELB',
  description: 'Instance is in the EC2 Availability Zone for which LoadBalancer is not configured to route traffic to.',
};
const DISABLING_ZONE: HealthDescription = {
  state: 'InService',
  reasonCode: 'ELB',
  description: 'Disable Availability Zone is currently in progress.',
};

/** Whatever an instance had lost before it was deregistered. */
const WENT_FOR: readonly DrainReason[] = ['deregistered', 'zone-disabled', 'listener-deleted'];

/**
 * `instance` is the registered one, if it is. `isDraining`: whether something of it may be in flight still that was
 * taken away for this reason.
 */
export function instanceState(
  record: LoadBalancer | undefined,
  instance: Instance | undefined,
  health: Health | undefined,
  isDraining: (reason: DrainReason) => boolean,
): HealthDescription {
  if (record === undefined) return NOT_REGISTERED;
  if (instance === undefined) return WENT_FOR.some(isDraining) ? DEREGISTERING : NOT_REGISTERED;
  if (isZoneEnabled(record, instance)) return describeHealth(effectiveStatus(health ?? initialHealth(false)));
  return isDraining('zone-disabled') ? DISABLING_ZONE : ZONE_DISABLED;
}
