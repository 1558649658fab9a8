/** What an EC2 endpoint knows, read from its answers: what is not as it should be there is left out. */
import { parseNetwork } from '../kit/ip.ts';
import type { Configuration, SecurityGroup, SecurityGroupRule } from '../model/configuration.ts';
import { canonicalAddress } from '../model/instance-address.ts';
import { MAX_PORT } from '../model/limits.ts';
import { NOBODY } from '../model/security-groups.ts';
import { itemsOf, textAt, type XmlElement } from './ec2-xml.ts';

/** Where an instance is. */
export interface Ec2Instance {
  readonly address: string;
  readonly zone?: string;
}

/** Zones, subnets and security groups, in the form that the configuration has them. */
export type Ec2Network = Pick<Configuration, 'zones' | 'subnets' | 'securityGroups'>;

type Pages = readonly XmlElement[];

const ZONE = /^[a-z\d][a-z\d-]{0,63}$/;
const MAX_GROUP_NAME_LENGTH = 255;
const GONE = new Set(['shutting-down', 'terminated']);

/** DescribeInstances: those that have an address, by id. The private address, else the one of IPv6. */
export function readInstances(pages: Pages): ReadonlyMap<string, Ec2Instance> {
  const instances = new Map<string, Ec2Instance>();
  const items = pages.flatMap((page) => itemsOf(page, 'reservationSet')).flatMap((one) => itemsOf(one, 'instancesSet'));
  for (const item of items) {
    const id = textAt(item, 'instanceId');
    const given = textAt(item, 'privateIpAddress') ?? textAt(item, 'ipv6Address');
    const address = given === undefined ? undefined : canonicalAddress(given);
    if (id === undefined || address === undefined || GONE.has(textAt(item, 'instanceState', 'name') ?? '')) continue;
    const zone = zoneOf(textAt(item, 'placement', 'availabilityZone'));
    instances.set(id, { address, ...(zone === undefined ? {} : { zone }) });
  }
  return instances;
}

/** DescribeAvailabilityZones: those that can be used. */
export function readZones(pages: Pages): readonly string[] {
  const items = pages.flatMap((page) => itemsOf(page, 'availabilityZoneInfo'));
  const usable = items.filter((item) => {
    const [state, type] = [textAt(item, 'zoneState'), textAt(item, 'zoneType')];
    return (state ?? 'available') === 'available' && (type ?? 'availability-zone') === 'availability-zone';
  });
  return [...new Set(usable.flatMap((item) => zoneOf(textAt(item, 'zoneName')) ?? []))].sort();
}

/** DescribeSubnets: id → zone. */
export function readSubnets(pages: Pages): Configuration['subnets'] {
  const subnets = new Map<string, string>();
  for (const item of pages.flatMap((page) => itemsOf(page, 'subnetSet'))) {
    const [id, zone] = [textAt(item, 'subnetId'), zoneOf(textAt(item, 'availabilityZone'))];
    if (id !== undefined && /^subnet-[a-z\d-]{1,57}$/.test(id) && zone !== undefined) subnets.set(id, zone);
  }
  return Object.fromEntries(subnets);
}

/** DescribeSecurityGroups: whom each lets in by TCP, and what it is looked up by. */
export function readSecurityGroups(pages: Pages): Configuration['securityGroups'] {
  const groups = new Map<string, SecurityGroup>();
  for (const item of pages.flatMap((page) => itemsOf(page, 'securityGroupInfo'))) {
    const id = textAt(item, 'groupId');
    if (id === undefined || !/^sg-[a-z\d-]{1,61}$/.test(id)) continue;
    const rules = itemsOf(item, 'ipPermissions').flatMap(readRule);
    // A group of EC2 without rules lets nobody in, also one whose rules name other groups, of whose members nothing is known.
    groups.set(id, { ingress: rules.length > 0 ? rules : [NOBODY], ...readIdentity(item) });
  }
  return Object.fromEntries(groups);
}

/** EC2's names go into answers as they are: what is longer than EC2's can be is none. */
function readIdentity(group: XmlElement): Pick<SecurityGroup, 'ec2'> {
  const [name, vpcId, ownerId] = ['groupName', 'vpcId', 'ownerId'].map((tag) => textAt(group, tag));
  if (name === undefined || vpcId === undefined || ownerId === undefined) return {};
  const isRight =
    name.length <= MAX_GROUP_NAME_LENGTH && /^vpc-[a-z\d-]{1,60}$/.test(vpcId) && /^\d{12}$/.test(ownerId);
  return isRight ? { ec2: { name, vpcId, ownerId } } : {};
}

function readRule(permission: XmlElement): readonly SecurityGroupRule[] {
  const protocol = textAt(permission, 'ipProtocol');
  if (protocol !== '-1' && protocol !== 'tcp' && protocol !== '6') return [];
  const [from, to] = [textAt(permission, 'fromPort'), textAt(permission, 'toPort')].map((text) => Number(text ?? -1));
  const everyPort = protocol === '-1' || from === -1;
  const [fromPort, toPort] = everyPort ? [0, MAX_PORT] : [from!, to!];
  if (!Number.isInteger(fromPort) || !Number.isInteger(toPort)) return [];
  const sources = [
    ...itemsOf(permission, 'ipRanges').map((range) => textAt(range, 'cidrIp')),
    ...itemsOf(permission, 'ipv6Ranges').map((range) => textAt(range, 'cidrIpv6')),
  ];
  return sources
    .filter((cidr) => cidr !== undefined && parseNetwork(cidr) !== undefined)
    .map((cidr) => ({ cidr: cidr!, fromPort, toPort }));
}

function zoneOf(text: string | undefined): string | undefined {
  return text !== undefined && ZONE.test(text) ? text : undefined;
}
