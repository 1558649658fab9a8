/**
 * EC2 2016-11-15, as far as tools ask for it around a load balancer. Written by hand, in the names that stand on the
 * wire: SDKs have others for them (`Filter` is `Filters`, `vpcSet` is `Vpcs`).
 */
import type { ServiceModel, Shape, StructureModel } from '../../codec/model.ts';
import { COMMON_FAULTS, Fault } from '../../fault.ts';
import type { CommonFaultCode } from '../../fault.ts';

const text: Shape = { type: 'string' };
const count: Shape = { type: 'integer' };
const flag: Shape = { type: 'boolean' };
const attributeValue: Shape = { type: 'structure', name: 'AttributeBooleanValue' };

function listOf(member: Shape | string): Shape {
  return { type: 'list', member: typeof member === 'string' ? { type: 'structure', name: member } : member };
}

function structure(members: StructureModel['members']): StructureModel {
  return { members, required: [] };
}

/** The input of an action that lists things by ids or filters. */
function listing(ids: StructureModel['members']): StructureModel {
  return structure({ ...ids, Filter: listOf('Filter'), MaxResults: count, NextToken: text, DryRun: flag });
}

const operations = [
  'DescribeAccountAttributes',
  'DescribeAvailabilityZones',
  'DescribeNetworkInterfaces',
  'DescribeSecurityGroups',
  'DescribeSubnets',
  'DescribeVpcAttribute',
  'DescribeVpcs',
] as const;

export type Action = (typeof operations)[number];

export const ec2Model: ServiceModel = {
  source: 'the EC2 API reference',
  version: '2016-11-15',
  dialect: 'ec2',
  xmlNamespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
  operations: Object.fromEntries(
    operations.map((action) => [action, { input: `${action}Request`, output: `${action}Result` }]),
  ),
  structures: {
    Filter: structure({ Name: text, Value: listOf(text) }),

    DescribeAccountAttributesRequest: structure({ AttributeName: listOf(text), DryRun: flag }),
    DescribeAccountAttributesResult: structure({ accountAttributeSet: listOf('AccountAttribute') }),
    AccountAttribute: structure({ attributeName: text, attributeValueSet: listOf('AccountAttributeValue') }),
    AccountAttributeValue: structure({ attributeValue: text }),

    DescribeAvailabilityZonesRequest: listing({
      ZoneName: listOf(text),
      ZoneId: listOf(text),
      AllAvailabilityZones: flag,
    }),
    DescribeAvailabilityZonesResult: structure({ availabilityZoneInfo: listOf('AvailabilityZone') }),
    AvailabilityZone: structure({
      zoneName: text,
      zoneState: text,
      regionName: text,
      messageSet: listOf(text),
      zoneId: text,
      zoneType: text,
      groupName: text,
      networkBorderGroup: text,
      optInStatus: text,
    }),

    DescribeNetworkInterfacesRequest: listing({ NetworkInterfaceId: listOf(text) }),
    DescribeNetworkInterfacesResult: structure({ networkInterfaceSet: listOf(text), nextToken: text }),

    DescribeSecurityGroupsRequest: listing({ GroupId: listOf(text), GroupName: listOf(text) }),
    DescribeSecurityGroupsResult: structure({ securityGroupInfo: listOf('SecurityGroup'), nextToken: text }),
    SecurityGroup: structure({
      ownerId: text,
      groupId: text,
      groupName: text,
      groupDescription: text,
      vpcId: text,
      securityGroupArn: text,
      ipPermissions: listOf('IpPermission'),
      ipPermissionsEgress: listOf('IpPermission'),
      tagSet: listOf(text),
    }),
    IpPermission: structure({
      ipProtocol: text,
      fromPort: count,
      toPort: count,
      groups: listOf(text),
      ipRanges: listOf('IpRange'),
      ipv6Ranges: listOf('Ipv6Range'),
      prefixListIds: listOf(text),
    }),
    IpRange: structure({ cidrIp: text }),
    Ipv6Range: structure({ cidrIpv6: text }),

    DescribeSubnetsRequest: listing({ SubnetId: listOf(text) }),
    DescribeSubnetsResult: structure({ subnetSet: listOf('Subnet'), nextToken: text }),
    Subnet: structure({
      subnetId: text,
      subnetArn: text,
      state: text,
      vpcId: text,
      ownerId: text,
      cidrBlock: text,
      ipv6CidrBlockAssociationSet: listOf(text),
      availableIpAddressCount: count,
      availabilityZone: text,
      availabilityZoneId: text,
      defaultForAz: flag,
      mapPublicIpOnLaunch: flag,
      assignIpv6AddressOnCreation: flag,
      tagSet: listOf(text),
    }),

    DescribeVpcAttributeRequest: structure({ Attribute: text, VpcId: text, DryRun: flag }),
    DescribeVpcAttributeResult: structure({
      vpcId: text,
      enableDnsHostnames: attributeValue,
      enableDnsSupport: attributeValue,
      enableNetworkAddressUsageMetrics: attributeValue,
    }),
    AttributeBooleanValue: structure({ value: flag }),

    DescribeVpcsRequest: listing({ VpcId: listOf(text) }),
    DescribeVpcsResult: structure({ vpcSet: listOf('Vpc'), nextToken: text }),
    Vpc: structure({
      vpcId: text,
      ownerId: text,
      state: text,
      cidrBlock: text,
      cidrBlockAssociationSet: listOf('VpcCidrBlock'),
      dhcpOptionsId: text,
      instanceTenancy: text,
      isDefault: flag,
      tagSet: listOf(text),
    }),
    VpcCidrBlock: structure({
      cidrBlock: text,
      associationId: text,
      cidrBlockState: { type: 'structure', name: 'VpcCidrBlockState' },
    }),
    VpcCidrBlockState: structure({ state: text }),
  },
  errors: {},
};

/** The errors of EC2 that these actions have. EC2 knows no shapes for them. */
const FAULTS = {
  DryRunOperation: 412,
  FilterLimitExceeded: 400,
  'InvalidGroup.NotFound': 400,
  'InvalidGroupId.Malformed': 400,
  'InvalidNetworkInterfaceID.NotFound': 400,
  InvalidNextToken: 400,
  InvalidParameterValue: 400,
  'InvalidSubnetID.NotFound': 400,
  'InvalidVpcID.NotFound': 400,
} as const;

export type Ec2Fault = Fault<keyof typeof FAULTS | CommonFaultCode>;

export function ec2Fault(code: keyof typeof FAULTS, message: string): Ec2Fault {
  return new Fault(code, { ...FAULTS, ...COMMON_FAULTS }[code], message);
}
