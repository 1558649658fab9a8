import assert from 'node:assert/strict';
import { it } from 'node:test';
import { NOBODY } from '../model/security-groups.ts';
import { readInstances, readSecurityGroups, readSubnets, readZones } from './ec2-answers.ts';
import { parseXml } from './ec2-xml.ts';

/** An element for each member. */
const xml = (members: Readonly<Record<string, string>>): string =>
  Object.entries(members)
    .map(([name, content]) => `<${name}>${content}</${name}>`)
    .join('');
const items = (...contents: readonly string[]) => contents.map((item) => xml({ item })).join('');
const pages = (list: string, ...contents: readonly string[]) => [
  parseXml(xml({ Answer: xml({ [list]: items(...contents) }) }))!,
];

it('zones are those that are usable, once each, by names that a zone can have', () => {
  const answer = pages(
    'availabilityZoneInfo',
    xml({ zoneName: 'r-b' }),
    xml({ zoneName: 'r-a', zoneState: 'available', zoneType: 'availability-zone' }),
    xml({ zoneName: 'r-a' }),
    xml({ zoneName: 'r-c', zoneState: 'impaired' }),
    xml({ zoneName: 'r-lax-1a', zoneType: 'local-zone' }),
    xml({ zoneName: 'R_D' }),
    xml({ zoneState: 'available' }),
  );
  assert.deepEqual(readZones(answer), ['r-a', 'r-b']);
});

it('subnets have an id and a zone as these are', () => {
  const answer = pages(
    'subnetSet',
    xml({ subnetId: 'subnet-1', availabilityZone: 'r-a' }),
    xml({ subnetId: 'net-1', availabilityZone: 'r-a' }),
    xml({ subnetId: 'subnet-2', availabilityZone: 'no zone' }),
  );
  assert.deepEqual(readSubnets(answer), { 'subnet-1': 'r-a' });
});

it('an instance is where its private address is, IPv4 before IPv6; what is no address is none', () => {
  const instance = (members: Readonly<Record<string, string>>) => xml({ instancesSet: items(xml(members)) });
  const answer = pages(
    'reservationSet',
    instance({ instanceId: 'i-4', privateIpAddress: '10.0.0.4', ipv6Address: 'fd00::4' }),
    instance({ instanceId: 'i-6', ipv6Address: 'FD00:0::6', placement: xml({ availabilityZone: 'r-a' }) }),
    instance({ instanceId: 'i-odd', privateIpAddress: 'somewhere' }),
    instance({ instanceId: 'i-gone', privateIpAddress: '10.0.0.5', instanceState: xml({ name: 'shutting-down' }) }),
    instance({ instanceId: 'i-far', privateIpAddress: '10.0.0.6', placement: xml({ availabilityZone: 'no zone' }) }),
  );
  assert.deepEqual(Object.fromEntries(readInstances(answer)), {
    'i-4': { address: '10.0.0.4' },
    'i-6': { address: 'fd00::6', zone: 'r-a' },
    'i-far': { address: '10.0.0.6' },
  });
});

const ANYWHERE = xml({ ipRanges: items(xml({ cidrIp: '0.0.0.0/0' })) });
const SEVERAL =
  xml({ ipRanges: items(xml({ cidrIp: '10.0.0.0/8' }), xml({ cidrIp: '10.0.0.0/80' })) }) +
  xml({ ipv6Ranges: items(xml({ cidrIpv6: 'fd00::/8' })) });
const ports = (ipProtocol: string, fromPort: string, toPort = fromPort) => xml({ ipProtocol, fromPort, toPort });

for (const [what, permission, admitted] of [
  ['of one port', ports('6', '80') + ANYWHERE, ['0.0.0.0/0 80-80']],
  ['of all ports of TCP', ports('tcp', '-1') + ANYWHERE, ['0.0.0.0/0 0-65535']],
  ['of every protocol', xml({ ipProtocol: '-1' }) + ANYWHERE, ['0.0.0.0/0 0-65535']],
  ['of several networks', ports('tcp', '1', '9') + SEVERAL, ['10.0.0.0/8 1-9', 'fd00::/8 1-9']],
  ['of another protocol', ports('udp', '80') + ANYWHERE, []],
  ['of what is no port', ports('tcp', 'http', '80') + ANYWHERE, []],
  ['that names no network', ports('tcp', '80'), []],
] as const) {
  it(`a rule ${what} admits ${admitted.join(' and ') || 'nobody, not everybody'}`, () => {
    const answer = pages('securityGroupInfo', xml({ groupId: 'sg-1', ipPermissions: items(permission) }));
    const { ingress } = readSecurityGroups(answer)['sg-1']!;
    const nobody = admitted.length === 0 && `${NOBODY.cidr} ${NOBODY.fromPort}-${NOBODY.toPort}`;
    assert.deepEqual(
      ingress.map(({ cidr, fromPort, toPort }) => `${cidr} ${fromPort}-${toPort}`),
      nobody === false ? admitted : [nobody],
    );
  });
}

it('XML is read with its entities and CDATA, and not at all with a document type or nested without end', () => {
  assert.equal(parseXml('<a>1 &lt; <![CDATA[2 & 3]]></a>')?.text, '1 < 2 & 3');
  const nested = (depth: number) => parseXml('<a>'.repeat(depth) + '</a>'.repeat(depth));
  assert.notEqual(nested(32), undefined);
  const refused = ['<!DOCTYPE a><a/>', '<a>', '<a></b>', ''].map(parseXml);
  assert.deepEqual([nested(33), ...refused], [undefined, undefined, undefined, undefined, undefined]);
});
