/** What EC2 describes: each thing with what is told of it and what filters look at. */
import { formatNetwork } from '../../../kit/ip.ts';
import { partitionOf } from '../../../model/certificate.ts';
import type { Configuration, SecurityGroup, SecurityGroupRule } from '../../../model/configuration.ts';
import type { LoadBalancer } from '../../../model/load-balancer.ts';
import {
  DEFAULT_SECURITY_GROUP_ID,
  DEFAULT_VPC_ID,
  defaultSubnetId,
  isSecurityGroup,
  securityGroupIdentity,
  subnetsOf,
  zonesOf,
} from '../../../model/network.ts';
import { NOBODY } from '../../../model/security-groups.ts';
import type { Structure } from '../../codec/value.ts';

/** Who asks, and what there is. */
export interface Context {
  readonly accountId: string;
  readonly region: string;
  readonly configuration: Configuration;
  /** The caller's. */
  readonly loadBalancers: readonly LoadBalancer[];
}

export interface Resource {
  readonly id: string;
  readonly description: Structure;
  /** By the name of the filter. */
  readonly fields: Readonly<Record<string, string>>;
}

/** 172.31.0.0/16: what a default VPC has at AWS. Addresses of instances have nothing to do with it. */
const VPC_NETWORK = { family: 4, first: 0xac1f0000n, prefix: 16 } as const;
const VPC_CIDR = formatNetwork(VPC_NETWORK);
/** That of a default subnet, unless there are more than 16. */
const SUBNET_PREFIX = 20;
/** Addresses of a subnet that AWS keeps for itself. */
const RESERVED_ADDRESSES = 5;

export function zoneResources({ configuration, region }: Context): readonly Resource[] {
  return zonesOf(configuration, region).map((zone, index) => {
    const zoneId = zoneIdOf(region, index);
    const common = { zoneName: zone, zoneId, zoneType: 'availability-zone', regionName: region };
    const more = { zoneState: 'available', groupName: region, networkBorderGroup: region };
    const optInStatus = 'opt-in-not-required';
    return {
      id: zone,
      description: { ...common, ...more, messageSet: [], optInStatus },
      fields: {
        'zone-name': zone,
        'zone-id': zoneId,
        'zone-type': 'availability-zone',
        'region-name': region,
        state: 'available',
        'group-name': region,
        'opt-in-status': optInStatus,
      },
    };
  });
}

/** `use1-az1`, as AWS makes them: the region short, and a number. */
function zoneIdOf(region: string, index: number): string {
  const short: Readonly<Record<string, string>> = {
    northeast: 'ne',
    northwest: 'nw',
    southeast: 'se',
    southwest: 'sw',
  };
  const [first = '', ...rest] = region.split('-');
  return `${first}${rest.map((word) => short[word] ?? word.slice(0, 1)).join('')}-az${index + 1}`;
}

export function vpcResources({ accountId }: Context): readonly Resource[] {
  const cidrBlock = VPC_CIDR;
  const association = {
    cidrBlock,
    associationId: 'vpc-cidr-assoc-0c1a551c000000001',
    cidrBlockState: { state: 'associated' },
  };
  return [
    {
      id: DEFAULT_VPC_ID,
      description: {
        vpcId: DEFAULT_VPC_ID,
        ownerId: accountId,
        state: 'available',
        cidrBlock,
        cidrBlockAssociationSet: [association],
        dhcpOptionsId: 'default',
        instanceTenancy: 'default',
        isDefault: true,
        tagSet: [],
      },
      fields: {
        'vpc-id': DEFAULT_VPC_ID,
        'owner-id': accountId,
        state: 'available',
        cidr: cidrBlock,
        'cidr-block': cidrBlock,
        'dhcp-options-id': 'default',
        isDefault: 'true',
        'is-default': 'true',
      },
    },
  ];
}

/** In the order of the ids that AWS gives no promise about: default subnets first, then those of the configuration. */
export function subnetResources(context: Context): readonly Resource[] {
  const subnets = [...subnetsOf(context.configuration, context.region)];
  const prefix = Math.max(SUBNET_PREFIX, VPC_NETWORK.prefix + Math.ceil(Math.log2(subnets.length)));
  const size = 2 ** (32 - prefix);
  return subnets.map(([subnetId, zone], index) => {
    const cidrBlock = formatNetwork({ family: 4, first: VPC_NETWORK.first + BigInt(index * size), prefix });
    return subnetResource({ subnetId, zone, cidrBlock, addresses: Math.max(0, size - RESERVED_ADDRESSES) }, context);
  });
}

interface Subnet {
  readonly subnetId: string;
  readonly zone: string;
  readonly cidrBlock: string;
  readonly addresses: number;
}

function subnetResource({ subnetId, zone, cidrBlock, addresses }: Subnet, context: Context): Resource {
  const { accountId, region, configuration } = context;
  const isDefault = subnetId === defaultSubnetId(zone);
  const index = zonesOf(configuration, region).indexOf(zone);
  // A configured subnet can be in a zone of another region.
  const zoneId = index < 0 ? undefined : zoneIdOf(region, index);
  const subnetArn = `arn:${partitionOf(region)}:ec2:${region}:${accountId}:subnet/${subnetId}`;
  const where = {
    availabilityZone: zone,
    ...(zoneId === undefined ? {} : { availabilityZoneId: zoneId }),
    vpcId: DEFAULT_VPC_ID,
    ownerId: accountId,
  };
  const flags = { defaultForAz: isDefault, mapPublicIpOnLaunch: isDefault, assignIpv6AddressOnCreation: false };
  const more = { state: 'available', cidrBlock, ipv6CidrBlockAssociationSet: [], availableIpAddressCount: addresses };
  return {
    id: subnetId,
    description: { subnetId, subnetArn, ...where, ...flags, ...more, tagSet: [] },
    fields: {
      'subnet-id': subnetId,
      'subnet-arn': subnetArn,
      'vpc-id': DEFAULT_VPC_ID,
      'owner-id': accountId,
      state: 'available',
      cidr: cidrBlock,
      cidrBlock,
      'cidr-block': cidrBlock,
      availabilityZone: zone,
      'availability-zone': zone,
      ...(zoneId === undefined ? {} : { availabilityZoneId: zoneId, 'availability-zone-id': zoneId }),
      defaultForAz: String(isDefault),
      'default-for-az': String(isDefault),
    },
  };
}

/**
 * The default group, those of the configuration and, where it has none, those that were made elsewhere: what load
 * balancers have, and what is `asked` for by name.
 */
export function securityGroupResources(context: Context, asked: readonly string[]): readonly Resource[] {
  const { configuration, loadBalancers } = context;
  const used = loadBalancers.flatMap(({ securityGroups }) => securityGroups);
  const candidates = [DEFAULT_SECURITY_GROUP_ID, ...Object.keys(configuration.securityGroups), ...used, ...asked];
  const ids = new Set(candidates.filter((id) => isSecurityGroup(configuration, id)));
  return Array.from(ids, (id) => securityGroupResource(id, context));
}

function securityGroupResource(groupId: string, { configuration, region, accountId }: Context): Resource {
  const { name: groupName, vpcId, ownerId } = securityGroupIdentity(configuration, groupId, accountId);
  const group = configuration.securityGroups[groupId];
  const isDefault = groupId === DEFAULT_SECURITY_GROUP_ID;
  const groupDescription = isDefault ? 'default VPC security group' : originOf(group);
  // The default group keeps nobody out; of a group that was made elsewhere, nothing is known.
  const ipPermissions = isDefault
    ? [EVERYTHING]
    : (group?.ingress ?? []).filter((rule) => rule !== NOBODY).map(describeRule);
  return {
    id: groupId,
    description: {
      ownerId,
      groupId,
      groupName,
      groupDescription,
      vpcId,
      securityGroupArn: `arn:${partitionOf(region)}:ec2:${region}:${ownerId}:security-group/${groupId}`,
      ipPermissions,
      ipPermissionsEgress: [EVERYTHING],
      tagSet: [],
    },
    fields: {
      'group-id': groupId,
      'group-name': groupName,
      'vpc-id': vpcId,
      'owner-id': ownerId,
      description: groupDescription,
    },
  };
}

function originOf(group: SecurityGroup | undefined): string {
  if (group === undefined) return 'made elsewhere';
  return group.ec2 === undefined ? 'from the configuration of weir' : 'from the EC2 endpoint of weir';
}

const EVERYTHING: Structure = {
  ipProtocol: '-1',
  groups: [],
  ipRanges: [{ cidrIp: '0.0.0.0/0' }],
  ipv6Ranges: [{ cidrIpv6: '::/0' }],
  prefixListIds: [],
};

function describeRule({ cidr, fromPort, toPort }: SecurityGroupRule): Structure {
  const isIpv6 = cidr.includes(':');
  return {
    ipProtocol: 'tcp',
    fromPort,
    toPort,
    groups: [],
    ipRanges: isIpv6 ? [] : [{ cidrIp: cidr }],
    ipv6Ranges: isIpv6 ? [{ cidrIpv6: cidr }] : [],
    prefixListIds: [],
  };
}
