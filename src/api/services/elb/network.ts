/**
 * Where a load balancer stands, changed: AttachLoadBalancerToSubnets, DetachLoadBalancerFromSubnets,
 * Enable- and DisableAvailabilityZonesForLoadBalancer, ApplySecurityGroupsToLoadBalancer. Instances in a zone that is
 * no longer enabled drain (control/reconcile.ts).
 */
import { assert } from '../../../kit/assert.ts';
import { defaultSubnetId, zonesOf } from '../../../model/network.ts';
import type { LoadBalancer } from '../../../model/load-balancer.ts';
import { Fault } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import { readSecurityGroups, readZones, withSubnets, zoneFault, zonesAndSubnets } from './placement.ts';
import type { Place } from './placement.ts';
import type * as shapes from './shapes.ts';

function placesOf({ zones, subnets, vpcId }: LoadBalancer): readonly Place[] {
  assert(vpcId === '' || zones.length === subnets.length, 'each zone of a load balancer has one subnet');
  return zones.map((zone, index) => ({ zone, subnet: subnets[index] }));
}

/** `record` at `places`, which have come or gone: none has taken another's place. */
function moved<Output>(
  record: LoadBalancer,
  places: readonly Place[],
  describe: (record: LoadBalancer) => Output,
): Decision<Output> {
  if (places.length === record.zones.length) return answer(describe(record));
  const changed = { ...record, ...zonesAndSubnets(places) };
  return save(changed, describe(changed));
}

const describeZones = ({ zones }: LoadBalancer) => ({ AvailabilityZones: zones });
const describeSubnets = ({ subnets }: LoadBalancer) => ({ Subnets: subnets });

function emptyFault(what: string): ElbFault {
  return elbFault('ValidationError', `At least one ${what} must be specified`);
}

/** The last one cannot be taken away. */
function lastFault({ name }: LoadBalancer, change: string, bare: string): ElbFault {
  return elbFault(
    'InvalidConfigurationRequest',
    `Requested configuration change for LoadBalancer "${name}" is invalid because you attempted to ${change} for this ` +
      `LoadBalancer and a LoadBalancer cannot ${bare}.`,
  );
}

/** The load balancer, unless it is in EC2-Classic. */
function findInVpc(context: CallContext, name: string, what: string): LoadBalancer | ElbFault {
  const record = find(context, name);
  if (record instanceof Fault || record.vpcId !== '') return record;
  return elbFault(
    'InvalidConfigurationRequest',
    `Load balancer ${record.name} is in EC2-Classic (platform of the configuration), where there are no ${what}.`,
  );
}

/** Zones that are enabled already are fine. */
function enableZones(
  input: shapes.AddAvailabilityZonesInput,
  context: CallContext,
): Decision<shapes.AddAvailabilityZonesOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  if (input.AvailabilityZones.length === 0) return emptyFault('AvailabilityZone');
  const zones = readZones(input.AvailabilityZones, context);
  if (zones instanceof Fault) return zones;
  const added = zones.filter((zone) => !record.zones.includes(zone));
  const inVpc = record.vpcId !== '';
  const places = added.map((zone) => ({ zone, subnet: inVpc ? defaultSubnetId(zone) : undefined }));
  return moved(record, [...placesOf(record), ...places], describeZones);
}

/** Zones that are not enabled are fine, and so is one that the configuration has no more. */
function disableZones(
  input: shapes.RemoveAvailabilityZonesInput,
  context: CallContext,
): Decision<shapes.RemoveAvailabilityZonesOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  if (input.AvailabilityZones.length === 0) return emptyFault('AvailabilityZone');
  const known = new Set([...zonesOf(context.configuration, context.region), ...record.zones]);
  const fault = zoneFault(input.AvailabilityZones, [...known]);
  if (fault !== undefined) return fault;
  const left = placesOf(record).filter(({ zone }) => !input.AvailabilityZones.includes(zone));
  if (left.length === 0) {
    return lastFault(record, 'disable all the Availability Zones', 'be without an Availability Zone');
  }
  return moved(record, left, describeZones);
}

/** Subnets that are attached already are fine. */
function attachSubnets(
  input: shapes.AttachLoadBalancerToSubnetsInput,
  context: CallContext,
): Decision<shapes.AttachLoadBalancerToSubnetsOutput> | ElbFault {
  const record = findInVpc(context, input.LoadBalancerName, 'subnets');
  if (record instanceof Fault) return record;
  if (input.Subnets.length === 0) return emptyFault('Subnet');
  const places = withSubnets(placesOf(record), input.Subnets, context);
  return places instanceof Fault ? places : moved(record, places, describeSubnets);
}

/** Subnets that are not attached are fine. */
function detachSubnets(
  input: shapes.DetachLoadBalancerFromSubnetsInput,
  context: CallContext,
): Decision<shapes.DetachLoadBalancerFromSubnetsOutput> | ElbFault {
  const record = findInVpc(context, input.LoadBalancerName, 'subnets');
  if (record instanceof Fault) return record;
  if (input.Subnets.length === 0) return emptyFault('Subnet');
  const left = placesOf(record).filter(({ subnet }) => subnet === undefined || !input.Subnets.includes(subnet));
  if (left.length === 0) return lastFault(record, 'detach all the subnets', 'be attached to zero subnets in VPC');
  return moved(record, left, describeSubnets);
}

/** Replaces the groups. */
function applySecurityGroups(
  input: shapes.ApplySecurityGroupsToLoadBalancerInput,
  context: CallContext,
): Decision<shapes.ApplySecurityGroupsToLoadBalancerOutput> | ElbFault {
  const record = findInVpc(context, input.LoadBalancerName, 'security groups of load balancers');
  if (record instanceof Fault) return record;
  if (input.SecurityGroups.length === 0) return emptyFault('SecurityGroup');
  const securityGroups = readSecurityGroups(input.SecurityGroups, context);
  if (securityGroups instanceof Fault) return securityGroups;
  const isSame =
    securityGroups.length === record.securityGroups.length &&
    securityGroups.every((id) => record.securityGroups.includes(id));
  if (isSame) return answer({ SecurityGroups: record.securityGroups });
  return save({ ...record, securityGroups }, { SecurityGroups: securityGroups });
}

export const networkHandlers = {
  ApplySecurityGroupsToLoadBalancer: {
    mutates: true,
    ec2: ({ SecurityGroups: network }) => ({ network }),
    decide: applySecurityGroups,
  },
  AttachLoadBalancerToSubnets: {
    mutates: true,
    ec2: ({ Subnets: network }) => ({ network }),
    decide: attachSubnets,
  },
  DetachLoadBalancerFromSubnets: { mutates: true, decide: detachSubnets },
  DisableAvailabilityZonesForLoadBalancer: { mutates: true, decide: disableZones },
  EnableAvailabilityZonesForLoadBalancer: {
    mutates: true,
    ec2: ({ AvailabilityZones: network }) => ({ network }),
    decide: enableZones,
  },
} satisfies {
  ApplySecurityGroupsToLoadBalancer: Handler<'ApplySecurityGroupsToLoadBalancer'>;
  AttachLoadBalancerToSubnets: Handler<'AttachLoadBalancerToSubnets'>;
  DetachLoadBalancerFromSubnets: Handler<'DetachLoadBalancerFromSubnets'>;
  DisableAvailabilityZonesForLoadBalancer: Handler<'DisableAvailabilityZonesForLoadBalancer'>;
  EnableAvailabilityZonesForLoadBalancer: Handler<'EnableAvailabilityZonesForLoadBalancer'>;
};
