/** A walk over the AWS model: every operation answers, and every member of every answer comes, with the right type. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import type { Shape } from '../../src/api/codec/model.ts';
import { elbModel } from '../../src/api/services/elb/model.ts';
import { ApiHarness } from '../support/api.ts';
import { issue } from '../support/issued.ts';

const NAME = { LoadBalancerName: 'web' };
const NAMES = { LoadBalancerNames: ['web'] };
const TYPES = { string: 'string', integer: 'number', boolean: 'boolean' } as const;

let harness: ApiHarness;
/** Operations that were answered. */
const answered = new Set<string>();
/** `Structure.Member` that came in an answer. */
const seen = new Set<string>();

function look(shape: Shape, value: unknown, path: string): void {
  switch (shape.type) {
    case 'structure':
      return lookAtMembers(shape.name, value, path);
    case 'list':
      assert.ok(Array.isArray(value), `${path} is a list`);
      for (const item of value) look(shape.member, item, path);
      return undefined;
    case 'timestamp':
      return assert.ok(value instanceof Date && !Number.isNaN(value.getTime()), `${path} is a time`);
    default:
      assert.ok(shape.type !== 'blob' && shape.type !== 'double' && shape.type !== 'map');
      return assert.equal(typeof value, TYPES[shape.type], path);
  }
}

function lookAtMembers(name: string, value: unknown, path: string): void {
  assert.ok(typeof value === 'object' && value !== null, `${path} is a structure`);
  const { members } = elbModel.structures[name]!;
  for (const [member, given] of Object.entries(value)) {
    if (path === '' && member === '$metadata') continue;
    const shape = members[member];
    assert.ok(shape !== undefined, `${name} has a member ${member}`);
    if (given === undefined) continue;
    seen.add(`${name}.${member}`);
    look(shape, given, `${path}.${member}`);
  }
}

/** `Structure.Member` of all that answers can hold. */
function allMembers(): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (shape: Shape): void => {
    if (shape.type === 'list') visit(shape.member);
    if (shape.type !== 'structure') return;
    for (const [member, inner] of Object.entries(elbModel.structures[shape.name]!.members)) {
      if (found.has(`${shape.name}.${member}`)) continue;
      found.add(`${shape.name}.${member}`);
      visit(inner);
    }
  };
  for (const { output } of Object.values(elbModel.operations)) visit({ type: 'structure', name: output });
  return found;
}

async function call(action: string, answer: Promise<object>): Promise<void> {
  lookAtMembers(elbModel.operations[action]!.output, await answer, '');
  answered.add(action);
}

before(async () => {
  harness = await ApiHarness.start();
});
after(() => harness.stop());

async function create(): Promise<void> {
  const SSLCertificateId = await harness.addCertificate('web');
  const Listeners = [
    { Protocol: 'HTTPS', LoadBalancerPort: 443, InstanceProtocol: 'HTTPS', InstancePort: 8443, SSLCertificateId },
  ];
  const Tags = [{ Key: 'team', Value: 'web' }];
  const where = { AvailabilityZones: ['us-east-1a'] };
  const create = new elb.CreateLoadBalancerCommand({ ...NAME, ...where, Listeners, Tags });
  await call('CreateLoadBalancer', harness.elb.send(create));
  const http = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 8080 }];
  const add = new elb.CreateLoadBalancerListenersCommand({ ...NAME, Listeners: http });
  await call('CreateLoadBalancerListeners', harness.elb.send(add));
  const certificate = { ...NAME, LoadBalancerPort: 443, SSLCertificateId };
  const set = new elb.SetLoadBalancerListenerSSLCertificateCommand(certificate);
  await call('SetLoadBalancerListenerSSLCertificate', harness.elb.send(set));
}

async function configure(): Promise<void> {
  const HealthCheck = { Target: 'TCP:8080', Interval: 10, Timeout: 2, UnhealthyThreshold: 2, HealthyThreshold: 2 };
  const check = new elb.ConfigureHealthCheckCommand({ ...NAME, HealthCheck });
  await call('ConfigureHealthCheck', harness.elb.send(check));
  const LoadBalancerAttributes: elb.LoadBalancerAttributes = {
    CrossZoneLoadBalancing: { Enabled: true },
    AccessLog: { Enabled: true, S3BucketName: 'logs', S3BucketPrefix: 'web', EmitInterval: 5 },
    ConnectionDraining: { Enabled: true, Timeout: 10 },
    ConnectionSettings: { IdleTimeout: 30 },
    AdditionalAttributes: [{ Key: 'elb.http.desyncmitigationmode', Value: 'strictest' }],
  };
  const modify = new elb.ModifyLoadBalancerAttributesCommand({ ...NAME, LoadBalancerAttributes });
  await call('ModifyLoadBalancerAttributes', harness.elb.send(modify));
  const Instances = [{ InstanceId: '10.0.0.1' }, { InstanceId: '10.0.0.2' }];
  const register = new elb.RegisterInstancesWithLoadBalancerCommand({ ...NAME, Instances });
  await call('RegisterInstancesWithLoadBalancer', harness.elb.send(register));
  const one = { ...NAME, Instances: [{ InstanceId: '10.0.0.2' }] };
  const deregister = new elb.DeregisterInstancesFromLoadBalancerCommand(one);
  await call('DeregisterInstancesFromLoadBalancer', harness.elb.send(deregister));
}

async function place(): Promise<void> {
  const AvailabilityZones = ['us-east-1b', 'us-east-1c'];
  const enable = new elb.EnableAvailabilityZonesForLoadBalancerCommand({ ...NAME, AvailabilityZones });
  await call('EnableAvailabilityZonesForLoadBalancer', harness.elb.send(enable));
  const disable = new elb.DisableAvailabilityZonesForLoadBalancerCommand({ ...NAME, AvailabilityZones });
  await call('DisableAvailabilityZonesForLoadBalancer', harness.elb.send(disable));
  const { subnets } = harness.record('web');
  const attach = new elb.AttachLoadBalancerToSubnetsCommand({ ...NAME, Subnets: [...subnets] });
  await call('AttachLoadBalancerToSubnets', harness.elb.send(attach));
  const detach = new elb.DetachLoadBalancerFromSubnetsCommand({ ...NAME, Subnets: ['subnet-other'] });
  await call('DetachLoadBalancerFromSubnets', harness.elb.send(detach));
  const apply = new elb.ApplySecurityGroupsToLoadBalancerCommand({ ...NAME, SecurityGroups: ['sg-1'] });
  await call('ApplySecurityGroupsToLoadBalancer', harness.elb.send(apply));
}

async function setPolicies(): Promise<void> {
  const app = new elb.CreateAppCookieStickinessPolicyCommand({ ...NAME, PolicyName: 'app', CookieName: 'id' });
  await call('CreateAppCookieStickinessPolicy', harness.elb.send(app));
  const day = { ...NAME, PolicyName: 'day', CookieExpirationPeriod: 86_400 };
  await call('CreateLBCookieStickinessPolicy', harness.elb.send(new elb.CreateLBCookieStickinessPolicyCommand(day)));
  for (const [PolicyName, PolicyTypeName, AttributeName, AttributeValue] of [
    ['key', 'PublicKeyPolicyType', 'PublicKey', issue().certificate],
    ['auth', 'BackendServerAuthenticationPolicyType', 'PublicKeyPolicyName', 'key'],
  ]) {
    const PolicyAttributes = [{ AttributeName, AttributeValue }];
    const policy = new elb.CreateLoadBalancerPolicyCommand({ ...NAME, PolicyName, PolicyTypeName, PolicyAttributes });
    await call('CreateLoadBalancerPolicy', harness.elb.send(policy));
  }
  const onListener = { ...NAME, LoadBalancerPort: 80, PolicyNames: ['app'] };
  const setOf = new elb.SetLoadBalancerPoliciesOfListenerCommand(onListener);
  await call('SetLoadBalancerPoliciesOfListener', harness.elb.send(setOf));
  const onBackend = { ...NAME, InstancePort: 8443, PolicyNames: ['auth'] };
  const setFor = new elb.SetLoadBalancerPoliciesForBackendServerCommand(onBackend);
  await call('SetLoadBalancerPoliciesForBackendServer', harness.elb.send(setFor));
}

async function describeAll(): Promise<void> {
  // Another, so that there is a next page.
  const Listeners = [{ Protocol: 'TCP', LoadBalancerPort: 80, InstancePort: 80 }];
  const another = { LoadBalancerName: 'zoo', Listeners, AvailabilityZones: ['us-east-1a'] };
  await harness.elb.send(new elb.CreateLoadBalancerCommand(another));
  const { elb: client } = harness;
  await call('DescribeLoadBalancers', client.send(new elb.DescribeLoadBalancersCommand({ PageSize: 1 })));
  await call('DescribeAccountLimits', client.send(new elb.DescribeAccountLimitsCommand({ PageSize: 1 })));
  await call('DescribeLoadBalancerAttributes', client.send(new elb.DescribeLoadBalancerAttributesCommand(NAME)));
  await call('DescribeInstanceHealth', client.send(new elb.DescribeInstanceHealthCommand(NAME)));
  await call('DescribeTags', client.send(new elb.DescribeTagsCommand(NAMES)));
  await call('DescribeLoadBalancerPolicies', client.send(new elb.DescribeLoadBalancerPoliciesCommand(NAME)));
  await call('DescribeLoadBalancerPolicyTypes', client.send(new elb.DescribeLoadBalancerPolicyTypesCommand({})));
}

async function remove(): Promise<void> {
  const { elb: client } = harness;
  const deletePolicy = new elb.DeleteLoadBalancerPolicyCommand({ ...NAME, PolicyName: 'day' });
  await call('DeleteLoadBalancerPolicy', client.send(deletePolicy));
  const deleteListeners = new elb.DeleteLoadBalancerListenersCommand({ ...NAME, LoadBalancerPorts: [80] });
  await call('DeleteLoadBalancerListeners', client.send(deleteListeners));
  await call('AddTags', client.send(new elb.AddTagsCommand({ ...NAMES, Tags: [{ Key: 'a', Value: 'b' }] })));
  await call('RemoveTags', client.send(new elb.RemoveTagsCommand({ ...NAMES, Tags: [{ Key: 'a' }] })));
  await call('DeleteLoadBalancer', client.send(new elb.DeleteLoadBalancerCommand(NAME)));
}

describe('the 29 operations', () => {
  it('all answer, with members of the right types and none besides', async () => {
    await create();
    await configure();
    await place();
    await setPolicies();
    await describeAll();
    await remove();
    const operations = Object.keys(elbModel.operations);
    assert.deepEqual(
      operations.filter((action) => !answered.has(action)),
      [],
    );
  });

  it('give every member that an answer can have', () => {
    const missing = [...allMembers()].filter((member) => !seen.has(member));
    assert.deepEqual(missing, []);
  });
});
