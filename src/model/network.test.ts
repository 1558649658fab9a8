import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  DEFAULT_SECURITY_GROUP_ID,
  DEFAULT_VPC_ID,
  defaultSubnetId,
  isSecurityGroup,
  securityGroupIdentity,
  subnetsOf,
  zonesOf,
} from './network.ts';

const nothing = { zones: [], subnets: {}, securityGroups: {} };

describe('the network', () => {
  it('has the zones of the configuration, or a, b and c of the region', () => {
    assert.deepEqual(zonesOf(nothing, 'eu-west-1'), ['eu-west-1a', 'eu-west-1b', 'eu-west-1c']);
    assert.deepEqual(zonesOf({ ...nothing, zones: ['rack-1'] }, 'eu-west-1'), ['rack-1']);
  });

  it('has one default subnet per zone, and fixed default ids in the form of AWS', () => {
    const subnets = subnetsOf({ ...nothing, subnets: { 'subnet-1': 'us-east-1b' } }, 'us-east-1');
    assert.deepEqual([...subnets.values()], ['us-east-1a', 'us-east-1b', 'us-east-1c', 'us-east-1b']);
    assert.equal(subnets.get('subnet-1'), 'us-east-1b');
    assert.equal(subnets.get(defaultSubnetId('us-east-1a')), 'us-east-1a');
    for (const id of [...subnets.keys()].slice(0, 3)) assert.match(id, /^subnet-[0-9a-f]{17}$/);
    assert.match(DEFAULT_VPC_ID, /^vpc-[0-9a-f]{17}$/);
    assert.match(DEFAULT_SECURITY_GROUP_ID, /^sg-[0-9a-f]{17}$/);
  });

  it('knows configured security groups and the default one; any well-formed id where none is configured', () => {
    const configured = { ...nothing, securityGroups: { 'sg-web': { ingress: [] } } };
    assert.ok(isSecurityGroup(configured, 'sg-web'));
    assert.ok(isSecurityGroup(configured, DEFAULT_SECURITY_GROUP_ID));
    assert.ok(!isSecurityGroup(configured, 'sg-0123456789abcdef0'));
    assert.ok(!isSecurityGroup(configured, '__proto__'));
    assert.ok(isSecurityGroup(nothing, 'sg-0123456789abcdef0'));
    for (const id of ['', 'sg-', 'web', 'sg-a b', `sg-${'a'.repeat(62)}`]) assert.ok(!isSecurityGroup(nothing, id), id);
  });

  it('has security groups by the names that EC2 has for its own, and in one VPC the others', () => {
    const ec2 = { name: 'web', vpcId: 'vpc-1', ownerId: '123456789012' };
    const configured = { securityGroups: { 'sg-web': { ingress: [] }, 'sg-ec2': { ingress: [], ec2 } } };
    const identity = (id: string) => securityGroupIdentity(configured, id, '1');
    assert.deepEqual(identity('sg-ec2'), ec2);
    const own = { vpcId: DEFAULT_VPC_ID, ownerId: '1' };
    assert.deepEqual(identity('sg-web'), { ...own, name: 'sg-web' });
    assert.deepEqual(identity(DEFAULT_SECURITY_GROUP_ID), { ...own, name: 'default' });
    assert.deepEqual(identity('toString'), { ...own, name: 'toString' });
  });
});
