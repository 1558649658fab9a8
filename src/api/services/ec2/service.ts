/**
 * The EC2 actions that Terraform, Kubernetes and others need around a load balancer. They describe what
 * model/network.ts has: the default VPC, the zones with a subnet each, and what the configuration names.
 */
import type { Configuration } from '../../../model/configuration.ts';
import { MAX_SECURITY_GROUPS } from '../../../model/limits.ts';
import { loadBalancerId } from '../../../model/load-balancer.ts';
import { DEFAULT_VPC_ID } from '../../../model/network.ts';
import type { Store } from '../../../store/store.ts';
import type { Structure } from '../../codec/value.ts';
import { commonFault, Fault, shown } from '../../fault.ts';
import type { Caller, QueryService } from '../../service.ts';
import { filterBy, filterLimitFault } from './filters.ts';
import type { Filter } from './filters.ts';
import { ec2Fault, ec2Model } from './model.ts';
import type { Action, Ec2Fault } from './model.ts';
import { securityGroupResources, subnetResources, vpcResources, zoneResources } from './resources.ts';
import type { Context, Resource } from './resources.ts';

export interface Ec2ServiceOptions {
  readonly store: Pick<Store, 'view'>;
  /** What is in force now. */
  readonly configuration: () => Configuration;
}

/** The members that inputs of {@link ec2Model} can have; each action has some of them. */
interface Input {
  readonly AttributeName?: readonly string[];
  readonly ZoneName?: readonly string[];
  readonly ZoneId?: readonly string[];
  readonly NetworkInterfaceId?: readonly string[];
  readonly GroupId?: readonly string[];
  readonly GroupName?: readonly string[];
  readonly SubnetId?: readonly string[];
  readonly VpcId?: readonly string[];
  readonly Filter?: readonly Filter[];
  readonly MaxResults?: number;
  readonly NextToken?: string;
  readonly DryRun?: boolean;
}

/** Of DescribeVpcAttribute, which asks for one VPC. */
interface VpcAttributeInput {
  readonly VpcId?: string;
  readonly Attribute?: string;
}

type Describe = (input: Input, context: Context) => Structure | Ec2Fault;

const ZONE_FILTERS = ['zone-name', 'zone-id', 'zone-type', 'region-name', 'state', 'group-name', 'opt-in-status'];
const VPC_FILTERS = ['vpc-id', 'owner-id', 'state', 'cidr', 'cidr-block', 'dhcp-options-id', 'isDefault', 'is-default'];
const GROUP_FILTERS = ['group-id', 'group-name', 'vpc-id', 'owner-id', 'description'];
const SUBNET_FILTERS = [
  'subnet-id',
  'subnet-arn',
  'vpc-id',
  'owner-id',
  'state',
  'cidr',
  'cidrBlock',
  'cidr-block',
  'availabilityZone',
  'availability-zone',
  'availabilityZoneId',
  'availability-zone-id',
  'defaultForAz',
  'default-for-az',
];
/** Those of a default VPC at AWS. */
const VPC_ATTRIBUTES: ReadonlyMap<string, boolean> = new Map([
  ['enableDnsSupport', true],
  ['enableDnsHostnames', true],
  ['enableNetworkAddressUsageMetrics', false],
]);
const PAGE_SIZE = { min: 5, max: 1000 };

/** Those of `ids` (all, when there are none), or the fault of the first that is not there. */
function named(
  ids: readonly string[] = [],
  resources: readonly Resource[],
  missing: (id: string) => Ec2Fault,
): readonly Resource[] | Ec2Fault {
  const unknown = ids.find((id) => !resources.some((resource) => resource.id === id));
  if (unknown !== undefined) return missing(unknown);
  return ids.length === 0 ? resources : resources.filter(({ id }) => ids.includes(id));
}

/** The page that is asked for, under `member`, with where the next begins. A token names the last of its page. */
function page(input: Input, resources: readonly Resource[], member: string): Structure | Ec2Fault {
  const { MaxResults: size = PAGE_SIZE.max, NextToken: token } = input;
  if (size < PAGE_SIZE.min || size > PAGE_SIZE.max) {
    return ec2Fault(
      'InvalidParameterValue',
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value from ${PAGE_SIZE.min} to ${PAGE_SIZE.max}.`,
    );
  }
  const after = token === undefined || token === '' ? undefined : Buffer.from(token, 'base64url').toString();
  const last = resources.findIndex(({ id }) => id === after);
  if (after !== undefined && last < 0) {
    return ec2Fault('InvalidNextToken', `Invalid NextToken '${shown(token ?? '')}': give that of the page before.`);
  }
  const items = resources.slice(last + 1, last + 1 + size);
  const isLast = last + 1 + size >= resources.length;
  const nextToken = isLast ? {} : { nextToken: Buffer.from(items.at(-1)!.id).toString('base64url') };
  return { [member]: items.map(({ description }) => description), ...nextToken };
}

function describeZones(input: Input, context: Context): Structure | Ec2Fault {
  const all = zoneResources(context);
  const unknown = (zone: string) => ec2Fault('InvalidParameterValue', `Invalid availability zone: [${shown(zone)}]`);
  const byName = named(input.ZoneName, all, unknown);
  if (byName instanceof Fault) return byName;
  const ids = input.ZoneId ?? [];
  const wrong = ids.find((id) => !all.some(({ fields }) => fields['zone-id'] === id));
  if (wrong !== undefined) return ec2Fault('InvalidParameterValue', `Invalid availability zone-id: [${shown(wrong)}]`);
  const byId = ids.length === 0 ? byName : byName.filter(({ fields }) => ids.includes(fields['zone-id']!));
  const zones = filterBy(input.Filter ?? [], byId, ZONE_FILTERS);
  return zones instanceof Fault ? zones : { availabilityZoneInfo: zones.map(({ description }) => description) };
}

function missingVpc(id: string): Ec2Fault {
  return ec2Fault('InvalidVpcID.NotFound', `The vpc ID '${shown(id)}' does not exist`);
}

function describeVpcs(input: Input, context: Context): Structure | Ec2Fault {
  const vpcs = named(input.VpcId, vpcResources(context), missingVpc);
  if (vpcs instanceof Fault) return vpcs;
  const wanted = filterBy(input.Filter ?? [], vpcs, VPC_FILTERS);
  return wanted instanceof Fault ? wanted : page(input, wanted, 'vpcSet');
}

/** One attribute, by its name; Terraform's data source of a VPC asks for all three, one after the other. */
function describeVpcAttribute({ VpcId: id = '', Attribute: name = '' }: VpcAttributeInput): Structure | Ec2Fault {
  const missing = [id === '' ? 'vpcId' : '', name === '' ? 'attribute' : ''].find((parameter) => parameter !== '');
  if (missing !== undefined)
    return commonFault('MissingParameter', `The request must contain the parameter ${missing}`);
  if (id !== DEFAULT_VPC_ID) return missingVpc(id);
  const value = VPC_ATTRIBUTES.get(name);
  if (value !== undefined) return { vpcId: id, [name]: { value } };
  const known = [...VPC_ATTRIBUTES.keys()].join(', ');
  const message = `Value (${shown(name)}) for parameter attribute is invalid: weir has ${known}.`;
  return ec2Fault('InvalidParameterValue', message);
}

function describeSubnets(input: Input, context: Context): Structure | Ec2Fault {
  const missing = (id: string) => ec2Fault('InvalidSubnetID.NotFound', `The subnet ID '${shown(id)}' does not exist`);
  const subnets = named(input.SubnetId, subnetResources(context), missing);
  if (subnets instanceof Fault) return subnets;
  const wanted = filterBy(input.Filter ?? [], subnets, SUBNET_FILTERS);
  return wanted instanceof Fault ? wanted : page(input, wanted, 'subnetSet');
}

function missingGroup(id: string): Ec2Fault {
  return /^sg-[0-9A-Za-z-]+$/.test(id)
    ? ec2Fault('InvalidGroup.NotFound', `The security group '${shown(id)}' does not exist`)
    : ec2Fault('InvalidGroupId.Malformed', `Invalid id: "${shown(id)}" (expecting "sg-...")`);
}

function describeGroups(input: Input, context: Context): Structure | Ec2Fault {
  const { GroupName: names = [], Filter: filters = [] } = input;
  // A group that was made elsewhere goes by its id, as its name too.
  const sought = filters.filter(({ Name }) => Name === 'group-id' || Name === 'group-name');
  const asked = [...(input.GroupId ?? []), ...names, ...sought.flatMap(({ Value }) => Value ?? [])];
  const all = securityGroupResources(context, asked);
  const groups = named(input.GroupId, all, missingGroup);
  if (groups instanceof Fault) return groups;
  const absent = names.find((name) => !all.some(({ fields }) => fields['group-name'] === name));
  if (absent !== undefined) {
    return ec2Fault(
      'InvalidGroup.NotFound',
      `The security group '${shown(absent)}' does not exist in default VPC '${DEFAULT_VPC_ID}'`,
    );
  }
  const byName = names.length === 0 ? groups : groups.filter(({ fields }) => names.includes(fields['group-name']!));
  const wanted = filterBy(filters, byName, GROUP_FILTERS);
  return wanted instanceof Fault ? wanted : page(input, wanted, 'securityGroupInfo');
}

/** Load balancers have no network interfaces here. */
function describeInterfaces({ NetworkInterfaceId: [id] = [] }: Input): Structure | Ec2Fault {
  if (id === undefined) return { networkInterfaceSet: [] };
  return ec2Fault('InvalidNetworkInterfaceID.NotFound', `The networkInterface ID '${shown(id)}' does not exist`);
}

function describeAttributes({ AttributeName: names = [] }: Input, { configuration }: Context): Structure | Ec2Fault {
  const attributes: ReadonlyMap<string, readonly string[]> = new Map([
    ['supported-platforms', configuration.platform === 'vpc' ? ['VPC'] : ['EC2', 'VPC']],
    ['default-vpc', [DEFAULT_VPC_ID]],
    ['vpc-max-security-groups-per-interface', [String(MAX_SECURITY_GROUPS)]],
  ]);
  const unknown = names.find((name) => !attributes.has(name));
  if (unknown !== undefined) {
    const known = [...attributes.keys()].join(', ');
    return ec2Fault(
      'InvalidParameterValue',
      `Value (${shown(unknown)}) for parameter attributeName is invalid: weir has ${known}.`,
    );
  }
  const wanted = [...attributes].filter(([name]) => names.length === 0 || names.includes(name));
  return {
    accountAttributeSet: wanted.map(([attributeName, values]) => ({
      attributeName,
      attributeValueSet: values.map((attributeValue) => ({ attributeValue })),
    })),
  };
}

const handlers: Readonly<Record<Action, Describe>> = {
  DescribeAccountAttributes: describeAttributes,
  DescribeAvailabilityZones: describeZones,
  DescribeNetworkInterfaces: describeInterfaces,
  DescribeSecurityGroups: describeGroups,
  DescribeSubnets: describeSubnets,
  DescribeVpcAttribute: (input) => describeVpcAttribute(input as unknown as VpcAttributeInput),
  DescribeVpcs: describeVpcs,
};

class Ec2Service implements QueryService {
  readonly signingName = 'ec2';
  readonly model = ec2Model;
  readonly #options: Ec2ServiceOptions;

  constructor(options: Ec2ServiceOptions) {
    this.#options = options;
  }

  mutates(): boolean {
    return false;
  }

  subject(): string {
    return '';
  }

  async perform(action: string, input: Structure, { accountId, region }: Caller): Promise<Structure | Fault> {
    // The codec has seen to it that action and input are of the model.
    const asked = input as Input;
    if (asked.DryRun === true) {
      return ec2Fault('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.');
    }
    const tooMuch = filterLimitFault(asked.Filter ?? []);
    if (tooMuch !== undefined) return tooMuch;
    const loadBalancers = this.#options.store.view().list('load-balancer', loadBalancerId(accountId, region, ''));
    const configuration = this.#options.configuration();
    return handlers[action as Action](asked, { accountId, region, configuration, loadBalancers });
  }
}

/** EC2 2016-11-15, as far as it is about the network that load balancers are placed in. */
export function createEc2Service(options: Ec2ServiceOptions): QueryService {
  return new Ec2Service(options);
}
