import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  CreateLoadBalancerCommand,
  CreateLoadBalancerPolicyCommand,
  DeleteLoadBalancerListenersCommand,
  DescribeLoadBalancersCommand,
  SetLoadBalancerPoliciesForBackendServerCommand,
  SetLoadBalancerPoliciesOfListenerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { ApiHarness } from '../support/api.ts';
import { issue } from '../support/issued.ts';

const DEFAULT = 'ELBSecurityPolicy-2016-08';
const certificate = issue();

let harness: ApiHarness;
let count = 0;
let name = '';
let arn = '';

/** Ports: 80 HTTP, 81 TCP, 443 HTTPS to HTTPS, 444 SSL to SSL. */
async function createLoadBalancer(): Promise<void> {
  const listener = (Protocol: string, LoadBalancerPort: number, InstancePort: number) => {
    const secure = Protocol === 'HTTPS' || Protocol === 'SSL';
    const common = { Protocol, LoadBalancerPort, InstanceProtocol: Protocol, InstancePort };
    return secure ? { ...common, SSLCertificateId: arn } : common;
  };
  const Listeners = [
    listener('HTTP', 80, 8080),
    listener('TCP', 81, 9000),
    listener('HTTPS', 443, 8443),
    listener('SSL', 444, 9443),
  ];
  const input = { LoadBalancerName: name, Listeners, AvailabilityZones: ['us-east-1a'] };
  await harness.elb.send(new CreateLoadBalancerCommand(input));
}

const POLICIES: Readonly<Record<string, readonly [type: string, attribute: string, value: string]>> = {
  app: ['AppCookieStickiness', 'CookieName', 'session'],
  day: ['LBCookieStickiness', 'CookieExpirationPeriod', '86400'],
  day2: ['LBCookieStickiness', 'CookieExpirationPeriod', '86400'],
  tls12: ['SSLNegotiation', 'Reference-Security-Policy', 'ELBSecurityPolicy-TLS-1-2-2017-01'],
  proxy: ['ProxyProtocol', 'ProxyProtocol', 'true'],
  proxy2: ['ProxyProtocol', 'ProxyProtocol', 'false'],
  key: ['PublicKey', 'PublicKey', certificate.certificate],
  auth: ['BackendServerAuthentication', 'PublicKeyPolicyName', 'key'],
};

async function createPolicies(...names: readonly string[]): Promise<void> {
  for (const PolicyName of names) {
    const [type, AttributeName, AttributeValue] = POLICIES[PolicyName]!;
    const PolicyAttributes = [{ AttributeName, AttributeValue }];
    const input = { LoadBalancerName: name, PolicyName, PolicyTypeName: `${type}PolicyType`, PolicyAttributes };
    await harness.elb.send(new CreateLoadBalancerPolicyCommand(input));
  }
}

function setOf(LoadBalancerPort: number, ...PolicyNames: string[]) {
  const input = { LoadBalancerName: name, LoadBalancerPort, PolicyNames };
  return harness.elb.send(new SetLoadBalancerPoliciesOfListenerCommand(input));
}

function setFor(InstancePort: number, ...PolicyNames: string[]) {
  const input = { LoadBalancerName: name, InstancePort, PolicyNames };
  return harness.elb.send(new SetLoadBalancerPoliciesForBackendServerCommand(input));
}

async function described() {
  const command = new DescribeLoadBalancersCommand({ LoadBalancerNames: [name] });
  return (await harness.elb.send(command)).LoadBalancerDescriptions![0]!;
}

async function policiesOf(port: number): Promise<readonly string[] | undefined> {
  const { ListenerDescriptions = [] } = await described();
  return ListenerDescriptions.find(({ Listener }) => Listener?.LoadBalancerPort === port)?.PolicyNames;
}

async function assertRefused(call: () => Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const refused = await harness.refused(call);
  assert.equal(refused.code, code, refused.message);
  assert.equal(refused.status, code === 'InvalidConfigurationRequest' ? 409 : 400);
  assert.match(refused.message, message);
}

before(async () => {
  const limits = { loadBalancers: 100, listeners: 9, instances: 9 };
  harness = await ApiHarness.start({ configuration: { limits } });
  arn = await harness.addCertificate('web');
});
after(() => harness.stop());
beforeEach(() => {
  name = `set-${++count}`;
  return createLoadBalancer();
});

describe('SetLoadBalancerPoliciesOfListener', () => {
  it('replaces the set; the same again changes nothing; an empty list leaves none', async () => {
    await createPolicies('day', 'app', 'tls12');
    assert.deepEqual(await policiesOf(443), [DEFAULT]);
    await setOf(443, 'day', 'tls12');
    assert.deepEqual(await policiesOf(443), ['day', 'tls12']);
    const { revision } = harness.store.view();
    await setOf(443, 'day', 'tls12', 'day');
    assert.equal(harness.store.view().revision, revision);
    await setOf(443, 'app');
    assert.deepEqual(await policiesOf(443), ['app']);
    await setOf(443);
    assert.deepEqual(await policiesOf(443), []);
    assert.deepEqual(await policiesOf(444), [DEFAULT]);
    await setOf(443, DEFAULT);
    assert.deepEqual(await policiesOf(443), [DEFAULT]);
  });

  it('InvalidConfigurationRequest: at most one of each kind', async () => {
    await createPolicies('day', 'day2', 'app', 'tls12');
    const onlyOneCookie = /^\w+ cannot be enabled: Only one cookie stickiness policy can be set$/;
    await assertRefused(() => setOf(80, 'day', 'day2'), 'InvalidConfigurationRequest', onlyOneCookie);
    await assertRefused(() => setOf(80, 'day', 'app'), 'InvalidConfigurationRequest', onlyOneCookie);
    await assertRefused(
      () => setOf(443, DEFAULT, 'tls12'),
      'InvalidConfigurationRequest',
      /^tls12 cannot be enabled: Only one SSL negotiation policy can be set$/,
    );
  });

  it('InvalidConfigurationRequest: stickiness on TCP and SSL, SSL negotiation on HTTP and TCP', async () => {
    await createPolicies('day', 'app', 'tls12');
    for (const [port, policy] of [
      [81, 'day'],
      [444, 'app'],
    ] as const)
      await assertRefused(
        () => setOf(port, policy),
        'InvalidConfigurationRequest',
        /cannot be enabled: Session stickiness policy can be associated with only HTTP\/HTTPS, and port/,
      );
    for (const port of [80, 81])
      await assertRefused(
        () => setOf(port, 'tls12'),
        'InvalidConfigurationRequest',
        /^tls12 cannot be enabled: SSL negotiation policy can be associated with only HTTPS\/SSL, and port 8\d is /,
      );
  });

  it('InvalidConfigurationRequest: kinds that are for instance ports', async () => {
    await createPolicies('proxy', 'key', 'auth');
    for (const [policy, message] of [
      ['proxy', /^proxy cannot be enabled: .*SetLoadBalancerPoliciesForBackendServer/],
      ['auth', /^auth cannot be enabled: .*SetLoadBalancerPoliciesForBackendServer/],
      ['key', /^key cannot be enabled: .*through a BackendServerAuthenticationPolicyType$/],
    ] as const)
      await assertRefused(() => setOf(81, policy), 'InvalidConfigurationRequest', message);
  });

  it('InvalidConfigurationRequest: a policy with which no client could connect', async () => {
    // AWS takes it, and so do we: its ciphers came with TLS 1.2, which it does not enable.
    const PolicyAttributes = [
      { AttributeName: 'Protocol-TLSv1.1', AttributeValue: 'true' },
      { AttributeName: 'DHE-RSA-AES256-SHA256', AttributeValue: 'true' },
    ];
    const input = { LoadBalancerName: name, PolicyName: 'deaf', PolicyTypeName: 'SSLNegotiationPolicyType' };
    await harness.elb.send(new CreateLoadBalancerPolicyCommand({ ...input, PolicyAttributes }));
    await assertRefused(
      () => setOf(443, 'deaf'),
      'InvalidConfigurationRequest',
      /^deaf cannot be enabled\. No client could connect with this policy: its ciphers need Protocol-TLSv1\.2/,
    );
  });

  it('PolicyNotFound: no policy of that name; the predefined ones are named by a policy of the load balancer', async () => {
    for (const policy of ['absent', 'ELBSecurityPolicy-TLS-1-2-2017-01']) {
      const { code, message } = await harness.refused(() => setOf(443, policy));
      assert.deepEqual(
        [code, message],
        ['PolicyNotFound', `There is no policy with name ${policy} for load balancer ${name}`],
      );
    }
  });

  it('ListenerNotFound, LoadBalancerNotFound', async () => {
    await assertRefused(() => setOf(8000), 'ListenerNotFound', /^There is no listener on port 8000 for load balancer /);
    name = 'absent';
    await assertRefused(() => setOf(80), 'LoadBalancerNotFound', /absent/);
  });
});

describe('SetLoadBalancerPoliciesForBackendServer', () => {
  it('replaces the set of an instance port; an empty list takes it away', async () => {
    await createPolicies('proxy', 'key', 'auth');
    await setFor(9443, 'proxy', 'auth');
    await setFor(9000, 'proxy');
    assert.deepEqual((await described()).BackendServerDescriptions, [
      { InstancePort: 9443, PolicyNames: ['proxy', 'auth'] },
      { InstancePort: 9000, PolicyNames: ['proxy'] },
    ]);
    const { revision } = harness.store.view();
    await setFor(9000, 'proxy');
    assert.equal(harness.store.view().revision, revision);
    await setFor(9000);
    await setFor(9443, 'auth');
    assert.deepEqual((await described()).BackendServerDescriptions, [{ InstancePort: 9443, PolicyNames: ['auth'] }]);
    await setFor(9443);
    await setFor(9443);
    assert.deepEqual((await described()).BackendServerDescriptions, []);
  });

  it('takes proxy protocol for an instance port of any protocol: it is in effect where the protocol has a use for it', async () => {
    await createPolicies('proxy');
    await setFor(8080, 'proxy');
    assert.deepEqual(harness.record(name).backendServerPolicies, [{ instancePort: 8080, policyNames: ['proxy'] }]);
  });

  it('InvalidConfigurationRequest: authentication of instances that are spoken to in the clear', async () => {
    await createPolicies('proxy', 'key', 'auth');
    for (const [port, protocol] of [
      [8080, 'HTTP'],
      [9000, 'TCP'],
    ] as const) {
      const message = new RegExp(`^auth cannot be enabled: .*only HTTPS/SSL.*instance port ${port} is ${protocol}$`);
      await assertRefused(() => setFor(port, 'proxy', 'auth'), 'InvalidConfigurationRequest', message);
    }
    assert.deepEqual((await described()).BackendServerDescriptions, []);
    for (const port of [8443, 9443]) await setFor(port, 'auth');
  });

  it('stays when the last listener of the port goes, and can be taken away then', async () => {
    await createPolicies('proxy');
    await setFor(9000, 'proxy');
    const gone = { LoadBalancerName: name, LoadBalancerPorts: [81] };
    await harness.elb.send(new DeleteLoadBalancerListenersCommand(gone));
    assert.deepEqual((await described()).BackendServerDescriptions, [{ InstancePort: 9000, PolicyNames: ['proxy'] }]);
    await assertRefused(() => setFor(9000, 'proxy'), 'InvalidConfigurationRequest', /No listener configured/);
    await setFor(9000);
    assert.deepEqual((await described()).BackendServerDescriptions, []);
  });

  it('InvalidConfigurationRequest: a port that is no instance port of a listener', async () => {
    await createPolicies('proxy');
    const message =
      /^No listener configured on this port: load balancer set-\d+ has no listener with instance port 81$/;
    await assertRefused(() => setFor(81, 'proxy'), 'InvalidConfigurationRequest', message);
    await assertRefused(() => setFor(81), 'InvalidConfigurationRequest', message);
  });

  it('InvalidConfigurationRequest: kinds that are for listeners, keys by themselves, two of a kind', async () => {
    await createPolicies('day', 'tls12', 'proxy', 'proxy2', 'key');
    for (const [policies, message] of [
      [['day'], /^day cannot be enabled: .*SetLoadBalancerPoliciesOfListener/],
      [['tls12'], /^tls12 cannot be enabled: .*SetLoadBalancerPoliciesOfListener/],
      [['key'], /^key cannot be enabled: .*through a BackendServerAuthenticationPolicyType$/],
      [['proxy', 'proxy2'], /^proxy2 cannot be enabled: Only one ProxyProtocolPolicyType policy/],
    ] as const)
      await assertRefused(() => setFor(9000, ...policies), 'InvalidConfigurationRequest', message);
  });

  it('PolicyNotFound, LoadBalancerNotFound', async () => {
    await assertRefused(
      () => setFor(9000, 'absent'),
      'PolicyNotFound',
      /^There is no policy with name absent for load/,
    );
    name = 'absent';
    await assertRefused(() => setFor(9000), 'LoadBalancerNotFound', /absent/);
  });
});
