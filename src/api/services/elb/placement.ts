/** Where a load balancer stands: zones or subnets, security groups, scheme (model/network.ts says what there is). */
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
  const known = zonesOf(configuration, region);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return [...new Set(names)];
  return elbFault(
    'ValidationError',
    `Invalid Availability Zone: '${shown(unknown)}'. The zones are ${known.join(', ')}.`,
  );
}

/** The subnets asked for, each once, with their zones: at most one subnet of a zone. */
export function readSubnets(
  ids: readonly string[],
  { configuration, region }: Where,
): Pick<Placement, 'subnets' | 'zones'> | ElbFault {
  const known = subnetsOf(configuration, region);
  const byZone = new Map<string, string>();
  for (const id of new Set(ids)) {
    const zone = known.get(id);
    if (zone === undefined) return elbFault('SubnetNotFound', `The subnet ID '${shown(id)}' does not exist`);
    const other = byZone.get(zone);
    if (other !== undefined) {
      return elbFault(
        'InvalidConfigurationRequest',
        `A load balancer cannot be attached to multiple subnets in the same Availability Zone: ${other} and ${id} are in ${zone}.`,
      );
    }
    byZone.set(zone, id);
  }
  return { subnets: [...byZone.values()], zones: [...byZone.keys()] };
}

/** The security groups asked for, each once; the default one where none is. */
export function readSecurityGroups(
  ids: readonly string[],
  { configuration }: Pick<CallContext, 'configuration'>,
): readonly string[] | ElbFault {
  const unknown = ids.find((id) => !isSecurityGroup(configuration, id));
  if (unknown !== undefined) {
    return elbFault('InvalidSecurityGroup', `The security group '${shown(unknown)}' does not exist`);
  }
  return ids.length === 0 ? [DEFAULT_SECURITY_GROUP_ID] : [...new Set(ids)];
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
    const places = readSubnets(input.Subnets, context);
    return places instanceof Fault ? places : { ...common, ...places };
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
    return elbFault('ValidationError', 'Only one of SubnetIds or AvailabilityZones parameter may be specified');
  }
  const classic = context.configuration.platform === 'ec2-classic';
  return classic ? readClassicPlacement(input, context) : readVpcPlacement(input, context);
}
