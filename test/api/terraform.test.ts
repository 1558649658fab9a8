/**
 * What Terraform's AWS provider calls for an `aws_elb` and the policies beside it, call by call, in its order and with
 * its values; and again, as a second `terraform apply` after the state was lost: nothing may change or fail.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  DescribeAccountAttributesCommand,
  DescribeAvailabilityZonesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import { ApiHarness, KEY } from '../support/api.ts';
import { issue } from '../support/issued.ts';

const NAME = { LoadBalancerName: 'tf-lb-web' };
const ZONES = ['us-east-1a', 'us-east-1b'];
const DESYNC = { Key: 'elb.http.desyncmitigationmode', Value: 'defensive' };
const HEALTH_CHECK = { HealthyThreshold: 2, Interval: 30, Target: 'HTTP:8000/', Timeout: 3, UnhealthyThreshold: 2 };
const KEYS = [issue(), issue()].map(({ publicKeyObject }) =>
  publicKeyObject.export({ type: 'spki', format: 'der' }).toString('base64'),
);

let harness: ApiHarness;
let ec2: EC2Client;
let certificate = '';

before(async () => {
  harness = await ApiHarness.start();
  ec2 = new EC2Client({ endpoint: harness.endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 });
  certificate = await harness.addCertificate('web');
});
after(async () => {
  ec2.destroy();
  await harness.stop();
});

/** In the letter case of the configuration files that the documentation of Terraform shows. */
function listeners(): elb.Listener[] {
  return [
    { InstancePort: 8000, InstanceProtocol: 'http', LoadBalancerPort: 80, Protocol: 'http' },
    {
      InstancePort: 8443,
      InstanceProtocol: 'https',
      LoadBalancerPort: 443,
      Protocol: 'https',
      SSLCertificateId: certificate,
    },
    { InstancePort: 9000, InstanceProtocol: 'tcp', LoadBalancerPort: 9000, Protocol: 'tcp' },
  ];
}

/** `aws_elb`: create, then update with everything, since for Terraform everything has changed. */
async function applyLoadBalancer(): Promise<void> {
  const Tags = [{ Key: 'Name', Value: 'web' }];
  await harness.elb.send(
    new elb.CreateLoadBalancerCommand({ ...NAME, Listeners: listeners(), AvailabilityZones: ZONES, Tags }),
  );
  await harness.elb.send(new elb.CreateLoadBalancerListenersCommand({ ...NAME, Listeners: listeners() }));
  const Instances = [{ InstanceId: '10.0.0.1' }, { InstanceId: '10.0.0.2' }];
  await harness.elb.send(new elb.RegisterInstancesWithLoadBalancerCommand({ ...NAME, Instances }));
  const modify = (LoadBalancerAttributes: elb.LoadBalancerAttributes) =>
    harness.elb.send(new elb.ModifyLoadBalancerAttributesCommand({ ...NAME, LoadBalancerAttributes }));
  await modify({
    AdditionalAttributes: [DESYNC],
    CrossZoneLoadBalancing: { Enabled: true },
    ConnectionSettings: { IdleTimeout: 400 },
    AccessLog: { Enabled: false },
  });
  await modify({ ConnectionDraining: { Enabled: true, Timeout: 400 } });
  await modify({ ConnectionDraining: { Enabled: true } });
  await harness.elb.send(new elb.ConfigureHealthCheckCommand({ ...NAME, HealthCheck: HEALTH_CHECK }));
  const { SecurityGroups, AvailabilityZones, Subnets } = await describeLoadBalancer();
  await harness.elb.send(new elb.ApplySecurityGroupsToLoadBalancerCommand({ ...NAME, SecurityGroups }));
  await harness.elb.send(new elb.EnableAvailabilityZonesForLoadBalancerCommand({ ...NAME, AvailabilityZones }));
  await harness.elb.send(new elb.AttachLoadBalancerToSubnetsCommand({ ...NAME, Subnets }));
}

async function describeLoadBalancer(): Promise<elb.LoadBalancerDescription> {
  const command = new elb.DescribeLoadBalancersCommand({ LoadBalancerNames: [NAME.LoadBalancerName] });
  const { LoadBalancerDescriptions = [] } = await harness.elb.send(command);
  assert.equal(LoadBalancerDescriptions.length, 1);
  return LoadBalancerDescriptions[0]!;
}

/** `aws_elb`: read, as after each change and before each plan. */
async function readLoadBalancer() {
  const description = await describeLoadBalancer();
  const { LoadBalancerAttributes } = await harness.elb.send(new elb.DescribeLoadBalancerAttributesCommand(NAME));
  const source = description.SourceSecurityGroup!;
  const Filters = [
    { Name: 'group-name', Values: [source.GroupName!] },
    { Name: 'vpc-id', Values: [description.VPCId!] },
    { Name: 'owner-id', Values: [source.OwnerAlias!] },
  ];
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }));
  const LoadBalancerNames = [NAME.LoadBalancerName];
  const { TagDescriptions = [] } = await harness.elb.send(new elb.DescribeTagsCommand({ LoadBalancerNames }));
  return { description, attributes: LoadBalancerAttributes!, groups: SecurityGroups, tags: TagDescriptions[0]?.Tags };
}

function createPolicy(PolicyName: string, PolicyTypeName: string, attributes: Readonly<Record<string, string>>) {
  const pairs = Object.entries(attributes);
  const PolicyAttributes = pairs.map(([AttributeName, AttributeValue]) => ({ AttributeName, AttributeValue }));
  const input = { ...NAME, PolicyName, PolicyTypeName, PolicyAttributes };
  return harness.elb.send(new elb.CreateLoadBalancerPolicyCommand(input));
}

function setOf(LoadBalancerPort: number, PolicyNames: string[]) {
  return harness.elb.send(new elb.SetLoadBalancerPoliciesOfListenerCommand({ ...NAME, LoadBalancerPort, PolicyNames }));
}

function setFor(InstancePort: number, PolicyNames: string[]) {
  return harness.elb.send(
    new elb.SetLoadBalancerPoliciesForBackendServerCommand({ ...NAME, InstancePort, PolicyNames }),
  );
}

function deletePolicy(PolicyName: string) {
  return harness.elb.send(new elb.DeleteLoadBalancerPolicyCommand({ ...NAME, PolicyName }));
}

/** The one policy of the name, as its resource reads it. */
async function readPolicy(policy: string): Promise<readonly elb.PolicyAttributeDescription[]> {
  const command = new elb.DescribeLoadBalancerPoliciesCommand({ ...NAME, PolicyNames: [policy] });
  const { PolicyDescriptions = [] } = await harness.elb.send(command);
  assert.equal(PolicyDescriptions.length, 1);
  return PolicyDescriptions[0]!.PolicyAttributeDescriptions!;
}

/** `aws_app_cookie_stickiness_policy`, `aws_lb_ssl_negotiation_policy`, `aws_proxy_protocol_policy` and the free ones. */
async function applyPolicies(): Promise<void> {
  const cookie = { ...NAME, PolicyName: 'tf-cookie', CookieName: 'JSESSIONID' };
  await harness.elb.send(new elb.CreateAppCookieStickinessPolicyCommand(cookie));
  await setOf(80, ['tf-cookie']);
  await createPolicy('tf-ssl', 'SSLNegotiationPolicyType', {
    'Protocol-TLSv1': 'false',
    'Protocol-TLSv1.1': 'false',
    'Protocol-TLSv1.2': 'true',
    'Server-Defined-Cipher-Order': 'true',
    'ECDHE-RSA-AES128-GCM-SHA256': 'true',
    'AES128-GCM-SHA256': 'true',
    'EDH-RSA-DES-CBC3-SHA': 'false',
  });
  await setOf(443, ['tf-ssl']);
  await createPolicy('TFEnableProxyProtocol', 'ProxyProtocolPolicyType', { ProxyProtocol: 'True' });
  await setFor(9000, ['TFEnableProxyProtocol']);
  for (const [index, key] of KEYS.entries()) {
    await createPolicy(`tf-key-${index}`, 'PublicKeyPolicyType', { PublicKey: key });
    await createPolicy(`tf-auth-${index}`, 'BackendServerAuthenticationPolicyType', {
      PublicKeyPolicyName: `tf-key-${index}`,
    });
  }
  await setFor(8443, ['tf-auth-0']);
}

/** `aws_lb_cookie_stickiness_policy` has to read a number, also where no period was given. */
async function applyDurationPolicy(PolicyName: string, period?: number): Promise<void> {
  const CookieExpirationPeriod = period === undefined ? {} : { CookieExpirationPeriod: period };
  const input = { ...NAME, PolicyName, ...CookieExpirationPeriod };
  await harness.elb.send(new elb.CreateLBCookieStickinessPolicyCommand(input));
}

async function apply(): Promise<void> {
  await ec2.send(new DescribeAccountAttributesCommand({ AttributeNames: ['supported-platforms'] }));
  await ec2.send(new DescribeAvailabilityZonesCommand({ Filters: [{ Name: 'state', Values: ['available'] }] }));
  await applyLoadBalancer();
  await readLoadBalancer();
  await applyPolicies();
  await applyDurationPolicy('tf-browser');
  await applyDurationPolicy('tf-hour', 3600);
  await readLoadBalancer();
}

describe('Terraform', () => {
  it('apply makes what the configuration says, and reads it back', async () => {
    await apply();
    const { description, attributes, groups, tags } = await readLoadBalancer();
    assert.deepEqual(
      description.ListenerDescriptions?.map(({ Listener, PolicyNames }) => [Listener?.Protocol, PolicyNames]),
      [
        ['HTTP', ['tf-cookie']],
        ['HTTPS', ['tf-ssl']],
        ['TCP', []],
      ],
    );
    assert.deepEqual(description.AvailabilityZones, ZONES);
    assert.equal(description.Subnets?.length, 2);
    assert.deepEqual(description.HealthCheck, HEALTH_CHECK);
    assert.deepEqual(description.BackendServerDescriptions, [
      { InstancePort: 9000, PolicyNames: ['TFEnableProxyProtocol'] },
      { InstancePort: 8443, PolicyNames: ['tf-auth-0'] },
    ]);
    assert.deepEqual(attributes, {
      CrossZoneLoadBalancing: { Enabled: true },
      AccessLog: { Enabled: false },
      ConnectionDraining: { Enabled: true, Timeout: 400 },
      ConnectionSettings: { IdleTimeout: 400 },
      AdditionalAttributes: [DESYNC],
    });
    assert.equal(groups.length, 1);
    assert.equal(groups[0]?.GroupId, description.SecurityGroups?.[0]);
    assert.deepEqual(tags, [{ Key: 'Name', Value: 'web' }]);
  });

  it('reads policies as its resources do: one attribute of the cookie, a number of seconds, values as given', async () => {
    assert.deepEqual(await readPolicy('tf-cookie'), [{ AttributeName: 'CookieName', AttributeValue: 'JSESSIONID' }]);
    for (const [policy, seconds] of [
      ['tf-browser', '0'],
      ['tf-hour', '3600'],
    ] as const) {
      const [period, ...others] = await readPolicy(policy);
      assert.deepEqual(period, { AttributeName: 'CookieExpirationPeriod', AttributeValue: seconds });
      assert.deepEqual(others, []);
    }
    assert.deepEqual(await readPolicy('TFEnableProxyProtocol'), [
      { AttributeName: 'ProxyProtocol', AttributeValue: 'True' },
    ]);
    assert.deepEqual(await readPolicy('tf-key-0'), [{ AttributeName: 'PublicKey', AttributeValue: KEYS[0] }]);
    const ssl = await readPolicy('tf-ssl');
    assert.equal(ssl.length, 94);
    assert.equal(ssl.filter(({ AttributeValue }) => AttributeValue === 'true').length, 4);
  });

  it('apply again changes nothing and fails nowhere', async () => {
    const before = await readLoadBalancer();
    const { revision } = harness.store.view();
    await apply();
    assert.equal(harness.store.view().revision, revision);
    assert.deepEqual(await readLoadBalancer(), before);
  });

  it('replaces a policy that is set: taken off, deleted, made anew, set again', async () => {
    await setFor(8443, []);
    await deletePolicy('tf-auth-0');
    await createPolicy('tf-auth-0', 'BackendServerAuthenticationPolicyType', { PublicKeyPolicyName: 'tf-key-1' });
    await setFor(8443, ['tf-auth-0']);
    assert.deepEqual(await readPolicy('tf-auth-0'), [
      { AttributeName: 'PublicKeyPolicyName', AttributeValue: 'tf-key-1' },
    ]);
  });

  it('destroy takes everything away, and again finds nothing', async () => {
    await setOf(80, []);
    await deletePolicy('tf-cookie');
    await setOf(443, []);
    await deletePolicy('tf-ssl');
    await setFor(9000, []);
    await deletePolicy('TFEnableProxyProtocol');
    for (let time = 0; time < 2; time++) {
      await harness.elb.send(new elb.DeleteLoadBalancerCommand(NAME));
      const Filters = [
        { Name: 'attachment.instance-owner-id', Values: ['amazon-elb'] },
        { Name: 'description', Values: [`ELB ${NAME.LoadBalancerName}`] },
      ];
      const { NetworkInterfaces } = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters }));
      assert.deepEqual(NetworkInterfaces, []);
    }
    assert.equal((await harness.refused(describeLoadBalancer)).code, 'LoadBalancerNotFound');
    assert.equal((await harness.refused(() => readPolicy('tf-cookie'))).code, 'LoadBalancerNotFound');
  });
});
