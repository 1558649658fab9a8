/** Where a load balancer stands: zones or subnets, security groups, scheme (model/network.ts says what there is). */
import { MAX_SECURITY_GROUPS } from '../../../model/limits.ts';
import {
  DEFAULT_SECURITY_GROUP_ID,
  DEFAULT_VPC_ID,
  defaultSubnetId,
  isSecurityGroup,
  subnetsOf,
  zonesOf,
} from '../../../model/network.ts';
import type { LoadBalancer, Scheme } from '../../../model/load-balancer.ts';
import { Fault, shown } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import type { CallContext } from './operation.ts';
import type { CreateAccessPointInput } from './shapes.ts';

export type Placement = Pick<LoadBalancer, 'scheme' | 'vpcId' | 'zones' | 'subnets' | 'securityGroups'>;

type Where = Pick<CallContext, 'configuration' | 'region'>;

/** The zones asked for, each once, or the fault that one does not exist. */
export function readZones(names: readonly string[], { configuration, region }: Where): readonly string[] | ElbFault {
  return zoneFault(names, zonesOf(configuration, region)) ?? [...new Set(names)];
}

/** The first of `names` that is not `known`. */
export function zoneFault(names: readonly string[], known: readonly string[]): ElbFault | undefined {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return undefined;
  return elbFault(
    'ValidationError',
    `Invalid Availability Zone: '${shown(unknown)}'. The zones are ${known.join(', ')}.`,
  );
}

/** A zone with its subnet; EC2-Classic has none. */
export interface Place {
  readonly zone: string;
  readonly subnet: string | undefined;
}

/** As a record has them. */
export function zonesAndSubnets(places: readonly Place[]): Pick<Placement, 'zones' | 'subnets'> {
  return { zones: places.map(({ zone }) => zone), subnets: places.flatMap(({ subnet }) => subnet ?? []) };
}

/** `places` and the subnets asked for, each once: at most one subnet of a zone. */
export function withSubnets(
  places: readonly Place[],
  ids: readonly string[],
  { configuration, region }: Where,
): readonly Place[] | ElbFault {
  const known = subnetsOf(configuration, region);
  const all = [...places];
  for (const subnet of ids) {
    if (all.some((place) => place.subnet === subnet)) continue;
    const zone = known.get(subnet);
    if (zone === undefined) return subnetFault(subnet);
    const other = all.find((place) => place.zone === zone)?.subnet;
    if (other !== undefined) return sameZoneFault(other, subnet, zone);
    all.push({ zone, subnet });
  }
  return all;
}

/** No such subnet; or no id of one at all. */
function subnetFault(id: string): ElbFault {
  return /^subnet-[0-9A-Za-z-]+$/.test(id)
    ? elbFault('SubnetNotFound', `The subnet ID '${shown(id)}' does not exist`)
    : elbFault('InvalidSubnet', `Invalid id: "${shown(id)}" (expecting "subnet-...")`);
}

function sameZoneFault(subnet: string, other: string, zone: string): ElbFault {
  return elbFault(
    'InvalidConfigurationRequest',
    `ELB cannot be attached to multiple subnets in the same AZ: ${subnet} and ${other} are in ${zone}.`,
  );
}

/** The security groups asked for, each once; the default one where none is. */
export function readSecurityGroups(
  ids: readonly string[],
  { configuration }: Pick<CallContext, 'configuration'>,
): readonly string[] | ElbFault {
  const groups = ids.length === 0 ? [DEFAULT_SECURITY_GROUP_ID] : [...new Set(ids)];
  if (groups.length > MAX_SECURITY_GROUPS) {
    return elbFault(
      'InvalidConfigurationRequest',
      `The maximum number of security groups per load balancer has been reached: ${MAX_SECURITY_GROUPS}.`,
    );
  }
  const unknown = groups.find((id) => !isSecurityGroup(configuration, id));
  if (unknown === undefined) return groups;
  const problem = /^sg-[0-9A-Za-z-]+$/.test(unknown)
    ? `The security group '${shown(unknown)}' does not exist`
    : `Invalid id: "${shown(unknown)}" (expecting "sg-...")`;
  return elbFault('InvalidSecurityGroup', problem);
}

function readScheme(text: string | undefined): Scheme | ElbFault {
  if (text === undefined || text === '' || text === 'internet-facing') return 'internet-facing';
  if (text === 'internal') return 'internal';
  return elbFault('InvalidScheme', `Invalid scheme '${shown(text)}': it must be internet-facing or internal.`);
}

/** EC2-Classic has zones and nothing else. */
function readClassicPlacement(input: CreateAccessPointInput, context: CallContext): Placement | ElbFault {
  const onlyInVpc = Object.entries({ Subnets: input.Subnets, SecurityGroups: input.SecurityGroups }).find(
    ([, ids]) => ids !== undefined && ids.length > 0,
  );
  if (onlyInVpc !== undefined) {
    return elbFault(
      'InvalidConfigurationRequest',
      `${onlyInVpc[0]} cannot be given on the platform ec2-classic of the configuration: give AvailabilityZones.`,
    );
  }
  const scheme = readScheme(input.Scheme);
  if (scheme === 'internal') {
    return elbFault('InvalidScheme', 'The scheme internal exists only on the platform vpc of the configuration.');
  }
  if (typeof scheme !== 'string') return scheme;
  const zones = readZones(input.AvailabilityZones ?? [], context);
  return zones instanceof Fault ? zones : { scheme, vpcId: '', zones, subnets: [], securityGroups: [] };
}

function readVpcPlacement(input: CreateAccessPointInput, context: CallContext): Placement | ElbFault {
  const scheme = readScheme(input.Scheme);
  if (typeof scheme !== 'string') return scheme;
  const securityGroups = readSecurityGroups(input.SecurityGroups ?? [], context);
  if (securityGroups instanceof Fault) return securityGroups;
  const common = { scheme, vpcId: DEFAULT_VPC_ID, securityGroups };
  if (input.Subnets !== undefined && input.Subnets.length > 0) {
    const places = withSubnets([], input.Subnets, context);
    return places instanceof Fault ? places : { ...common, ...zonesAndSubnets(places) };
  }
  const zones = readZones(input.AvailabilityZones ?? [], context);
  return zones instanceof Fault ? zones : { ...common, zones, subnets: zones.map(defaultSubnetId) };
}

/** Where a new load balancer stands, or what is wrong with it. */
export function readPlacement(input: CreateAccessPointInput, context: CallContext): Placement | ElbFault {
  const [zones, subnets] = [input.AvailabilityZones ?? [], input.Subnets ?? []];
  if (zones.length === 0 && subnets.length === 0) {
    return elbFault('ValidationError', 'Either AvailabilityZones or SubnetIds must be specified');
  }
  if (zones.length > 0 && subnets.length > 0) {
    return elbFault('ValidationError', 'Only one of SubnetIds or AvailabilityZones may be specified');
  }
  const classic = context.configuration.platform === 'ec2-classic';
  return classic ? readClassicPlacement(input, context) : readVpcPlacement(input, context);
}
