import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  ApplySecurityGroupsToLoadBalancerCommand,
  AttachLoadBalancerToSubnetsCommand,
  CreateLoadBalancerCommand,
  DescribeLoadBalancersCommand,
  DetachLoadBalancerFromSubnetsCommand,
  DisableAvailabilityZonesForLoadBalancerCommand,
  EnableAvailabilityZonesForLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import type { CreateLoadBalancerCommandInput } from '@aws-sdk/client-elastic-load-balancing';
import { DEFAULT_SECURITY_GROUP_ID, defaultSubnetId } from '../../src/model/network.ts';
import { ApiHarness } from '../support/api.ts';

const [A, B, C] = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
const HTTP = { Protocol: 'HTTP', LoadBalancerPort: 80, InstanceProtocol: 'HTTP', InstancePort: 8080 };
const limits = { loadBalancers: 100, listeners: 9, instances: 9 };

let harness: ApiHarness;
let count = 0;
let name = '';

function create(where: Partial<CreateLoadBalancerCommandInput>) {
  return harness.elb.send(new CreateLoadBalancerCommand({ LoadBalancerName: name, Listeners: [HTTP], ...where }));
}

async function enable(...AvailabilityZones: string[]) {
  const input = { LoadBalancerName: name, AvailabilityZones };
  return (await harness.elb.send(new EnableAvailabilityZonesForLoadBalancerCommand(input))).AvailabilityZones;
}

async function disable(...AvailabilityZones: string[]) {
  const input = { LoadBalancerName: name, AvailabilityZones };
  return (await harness.elb.send(new DisableAvailabilityZonesForLoadBalancerCommand(input))).AvailabilityZones;
}

async function attach(...Subnets: string[]) {
  const input = { LoadBalancerName: name, Subnets };
  return (await harness.elb.send(new AttachLoadBalancerToSubnetsCommand(input))).Subnets;
}

async function detach(...Subnets: string[]) {
  const input = { LoadBalancerName: name, Subnets };
  return (await harness.elb.send(new DetachLoadBalancerFromSubnetsCommand(input))).Subnets;
}

async function apply(...SecurityGroups: string[]) {
  const input = { LoadBalancerName: name, SecurityGroups };
  return (await harness.elb.send(new ApplySecurityGroupsToLoadBalancerCommand(input))).SecurityGroups;
}

/** Zones and subnets as described. */
async function places(): Promise<readonly (readonly string[] | undefined)[]> {
  const command = new DescribeLoadBalancersCommand({ LoadBalancerNames: [name] });
  const [one] = (await harness.elb.send(command)).LoadBalancerDescriptions!;
  return [one?.AvailabilityZones, one?.Subnets];
}

async function assertRefused(call: () => Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const refused = await harness.refused(call);
  assert.equal(refused.code, code, refused.message);
  assert.equal(refused.status, code === 'InvalidConfigurationRequest' ? 409 : 400);
  assert.match(refused.message, message);
}

/** Runs `call`, which answers `expected` and changes nothing. */
async function assertSame(call: () => Promise<unknown>, expected: unknown): Promise<void> {
  const { revision } = harness.store.view();
  assert.deepEqual(await call(), expected);
  assert.equal(harness.store.view().revision, revision);
}

before(async () => {
  const subnets = { 'subnet-a1': A, 'subnet-a2': A, 'subnet-b1': B };
  harness = await ApiHarness.start({ configuration: { limits, subnets } });
});
after(() => harness.stop());
beforeEach(() => {
  name = `net-${++count}`;
});

describe('Enable- and DisableAvailabilityZonesForLoadBalancer', () => {
  it('add and remove zones, with the default subnet of each', async () => {
    await create({ AvailabilityZones: [A] });
    assert.deepEqual(await enable(C, B, C), [A, C, B]);
    assert.deepEqual(await places(), [[A, C, B], [A, C, B].map((zone) => defaultSubnetId(zone))]);
    assert.deepEqual(await disable(A, B), [C]);
    assert.deepEqual(await places(), [[C], [defaultSubnetId(C)]]);
  });

  it('succeed for zones that are enabled or disabled already', async () => {
    await create({ AvailabilityZones: [A, B] });
    await assertSame(() => enable(B, A), [A, B]);
    await assertSame(() => disable(C), [A, B]);
  });

  it('keep a subnet that was chosen for a zone', async () => {
    await create({ Subnets: ['subnet-a2'] });
    await assertSame(() => enable(A), [A]);
    await enable(B);
    assert.deepEqual(await places(), [
      [A, B],
      ['subnet-a2', defaultSubnetId(B)],
    ]);
    await disable(A);
    assert.deepEqual(await places(), [[B], [defaultSubnetId(B)]]);
  });

  it('InvalidConfigurationRequest: the last zone cannot be disabled', async () => {
    await create({ AvailabilityZones: [A, B] });
    await assertRefused(
      () => disable(B, A),
      'InvalidConfigurationRequest',
      /^Requested configuration change for LoadBalancer "net-\d+" is invalid because you attempted to disable all the/,
    );
  });

  it('ValidationError: zones that do not exist, or none', async () => {
    await create({ AvailabilityZones: [A] });
    for (const call of [enable, disable]) {
      await assertRefused(
        () => call('mars-1a'),
        'ValidationError',
        /^Invalid Availability Zone: 'mars-1a'\. The zones/,
      );
      await assertRefused(() => call(), 'ValidationError', /^At least one AvailabilityZone must be specified$/);
    }
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    for (const call of [enable, disable]) await assertRefused(() => call(A), 'LoadBalancerNotFound', /absent/);
  });
});

describe('AttachLoadBalancerToSubnets, DetachLoadBalancerFromSubnets', () => {
  it('add and remove subnets, with their zones', async () => {
    await create({ Subnets: ['subnet-a1'] });
    assert.deepEqual(await attach('subnet-b1', defaultSubnetId(C)), ['subnet-a1', 'subnet-b1', defaultSubnetId(C)]);
    assert.deepEqual(await places(), [
      [A, B, C],
      ['subnet-a1', 'subnet-b1', defaultSubnetId(C)],
    ]);
    assert.deepEqual(await detach('subnet-a1'), ['subnet-b1', defaultSubnetId(C)]);
    assert.deepEqual(await places(), [
      [B, C],
      ['subnet-b1', defaultSubnetId(C)],
    ]);
  });

  it('succeed for subnets that are attached or detached already', async () => {
    await create({ AvailabilityZones: [A] });
    await assertSame(() => attach(defaultSubnetId(A)), [defaultSubnetId(A)]);
    await assertSame(() => detach('subnet-b1'), [defaultSubnetId(A)]);
  });

  it('InvalidConfigurationRequest: two subnets of one zone', async () => {
    await create({ Subnets: ['subnet-a1'] });
    const message =
      /^ELB cannot be attached to multiple subnets in the same AZ: subnet-a1 and subnet-a2 are in us-east-1a/;
    await assertRefused(() => attach('subnet-a2'), 'InvalidConfigurationRequest', message);
    name = 'two';
    await assertRefused(() => create({ Subnets: ['subnet-a1', 'subnet-a2'] }), 'InvalidConfigurationRequest', message);
  });

  it('InvalidConfigurationRequest: the last subnet cannot be detached', async () => {
    await create({ Subnets: ['subnet-a1', 'subnet-b1'] });
    const { message } = await harness.refused(() => detach('subnet-b1', 'subnet-a1'));
    assert.equal(
      message,
      `Requested configuration change for LoadBalancer "${name}" is invalid because you attempted to detach all the ` +
        'subnets for this LoadBalancer and a LoadBalancer cannot be attached to zero subnets in VPC.',
    );
  });

  it('SubnetNotFound, InvalidSubnet, ValidationError: one that is not there, no id of one, none', async () => {
    await create({ Subnets: ['subnet-a1'] });
    await assertRefused(() => attach('subnet-x'), 'SubnetNotFound', /^The subnet ID 'subnet-x' does not exist$/);
    await assertRefused(() => attach('net 1'), 'InvalidSubnet', /^Invalid id: "net 1" \(expecting "subnet-\.\.\."\)$/);
    await assertRefused(() => attach(), 'ValidationError', /^At least one Subnet must be specified$/);
    await assertRefused(() => detach(), 'ValidationError', /^At least one Subnet must be specified$/);
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    for (const call of [attach, detach]) await assertRefused(() => call('subnet-a1'), 'LoadBalancerNotFound', /absent/);
  });
});

describe('ApplySecurityGroupsToLoadBalancer', () => {
  it('replaces the groups; the same in any order change nothing', async () => {
    await create({ AvailabilityZones: [A] });
    assert.deepEqual(harness.record(name).securityGroups, [DEFAULT_SECURITY_GROUP_ID]);
    assert.deepEqual(await apply('sg-1', 'sg-2', 'sg-1'), ['sg-1', 'sg-2']);
    assert.deepEqual(harness.record(name).securityGroups, ['sg-1', 'sg-2']);
    await assertSame(() => apply('sg-2', 'sg-1'), ['sg-1', 'sg-2']);
  });

  it('InvalidSecurityGroup, InvalidConfigurationRequest, ValidationError: no id of one, six, none', async () => {
    await create({ AvailabilityZones: [A] });
    await assertRefused(() => apply('web'), 'InvalidSecurityGroup', /^Invalid id: "web" \(expecting "sg-\.\.\."\)$/);
    await assertRefused(
      () => apply('sg-1', 'sg-2', 'sg-3', 'sg-4', 'sg-5', 'sg-6'),
      'InvalidConfigurationRequest',
      /^The maximum number of security groups per load balancer has been reached: 5\.$/,
    );
    await assertRefused(() => apply(), 'ValidationError', /^At least one SecurityGroup must be specified$/);
  });

  it('InvalidSecurityGroup: where the configuration names groups, another', async () => {
    const usual = harness;
    const securityGroups = { 'sg-web': { ingress: [] } };
    harness = await ApiHarness.start({ configuration: { securityGroups } });
    try {
      await create({ AvailabilityZones: [A] });
      await apply('sg-web');
      await assertRefused(() => apply('sg-1'), 'InvalidSecurityGroup', /^The security group 'sg-1' does not exist$/);
    } finally {
      await harness.stop();
      harness = usual;
    }
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    await assertRefused(() => apply('sg-1'), 'LoadBalancerNotFound', /absent/);
  });
});

describe('the platform ec2-classic', () => {
  it('has zones, and neither subnets nor security groups', async () => {
    const usual = harness;
    harness = await ApiHarness.start({ configuration: { platform: 'ec2-classic' } });
    try {
      await create({ AvailabilityZones: [A] });
      assert.deepEqual(await enable(B), [A, B]);
      assert.deepEqual(await disable(A), [B]);
      assert.deepEqual(harness.record(name).subnets, []);
      for (const call of [() => attach('subnet-1'), () => detach('subnet-1'), () => apply('sg-1')])
        await assertRefused(call, 'InvalidConfigurationRequest', /is in EC2-Classic \(platform of the configuration\)/);
    } finally {
      await harness.stop();
      harness = usual;
    }
  });
});
