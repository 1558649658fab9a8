/**
 * The network that load balancers are placed in: zones, subnets and security groups, as far as the configuration
 * names them, and one default VPC with a default subnet per zone and a default security group, whose ids are fixed
 * and have AWS's form.
 */
import { createHash } from 'node:crypto';
import type { Configuration, SecurityGroupIdentity } from './configuration.ts';

export const DEFAULT_VPC_ID = 'vpc-0c1a551c000000001';
export const DEFAULT_SECURITY_GROUP_ID = 'sg-0c1a551c000000001';
const DEFAULT_SUBNET_PREFIX = 'subnet-0c1a551c';

type NetworkConfiguration = Pick<Configuration, 'zones' | 'subnets' | 'securityGroups'>;

/** The zones of a region: those of the configuration, or a, b and c. */
export function zonesOf(configuration: NetworkConfiguration, region: string): readonly string[] {
  return configuration.zones.length > 0 ? configuration.zones : ['a', 'b', 'c'].map((letter) => region + letter);
}

/** The same zone always has the same default subnet. */
export function defaultSubnetId(zone: string): string {
  return DEFAULT_SUBNET_PREFIX + createHash('sha256').update(zone).digest('hex').slice(0, 9);
}

/** Subnet id → zone: the default subnets and the configured ones. */
export function subnetsOf(configuration: NetworkConfiguration, region: string): ReadonlyMap<string, string> {
  const defaults = zonesOf(configuration, region).map((zone) => [defaultSubnetId(zone), zone] as const);
  return new Map([...defaults, ...Object.entries(configuration.subnets)]);
}

/**
 * Whether the security group exists: the default one, a configured one or, where the configuration names none, any
 * that has the form of an id, since it may have been made elsewhere.
 */
export function isSecurityGroup(configuration: NetworkConfiguration, id: string): boolean {
  if (id === DEFAULT_SECURITY_GROUP_ID || Object.hasOwn(configuration.securityGroups, id)) return true;
  return Object.keys(configuration.securityGroups).length === 0 && /^sg-[0-9A-Za-z-]{1,61}$/.test(id);
}

/** By what tools look the security group up, at the EC2 that it is from or here, for the account `accountId`. */
export function securityGroupIdentity(
  { securityGroups }: Pick<NetworkConfiguration, 'securityGroups'>,
  id: string,
  accountId: string,
): SecurityGroupIdentity {
  const group = Object.hasOwn(securityGroups, id) ? securityGroups[id] : undefined;
  if (group?.ec2 !== undefined) return group.ec2;
  return { name: id === DEFAULT_SECURITY_GROUP_ID ? 'default' : id, vpcId: DEFAULT_VPC_ID, ownerId: accountId };
}
