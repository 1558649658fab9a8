import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  CreateAppCookieStickinessPolicyCommand,
  CreateLBCookieStickinessPolicyCommand,
  CreateLoadBalancerCommand,
  CreateLoadBalancerPolicyCommand,
  DeleteLoadBalancerPolicyCommand,
  DescribeLoadBalancerPoliciesCommand,
  DescribeLoadBalancersCommand,
  SetLoadBalancerPoliciesForBackendServerCommand,
  SetLoadBalancerPoliciesOfListenerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { ApiHarness } from '../support/api.ts';
import { issue } from '../support/issued.ts';

const BOTH = { loadBalancers: 100, listeners: 9, instances: 9 };
const certificate = issue();
const pem = certificate.publicKeyObject.export({ type: 'spki', format: 'pem' });
const spki = certificate.publicKeyObject.export({ type: 'spki', format: 'der' }).toString('base64');

let harness: ApiHarness;
let count = 0;
let name = '';

type Pairs = readonly (readonly [string, string])[];

/** CreateLoadBalancerPolicy; the type's name without its `PolicyType`. */
function create(PolicyName: string, type: string, pairs: Pairs = []) {
  const PolicyAttributes = pairs.map(([AttributeName, AttributeValue]) => ({ AttributeName, AttributeValue }));
  const PolicyTypeName = `${type}PolicyType`;
  const input = { LoadBalancerName: name, PolicyName, PolicyTypeName, PolicyAttributes };
  return harness.elb.send(new CreateLoadBalancerPolicyCommand(input));
}

function createAppCookie(PolicyName: string, CookieName: string) {
  const input = { LoadBalancerName: name, PolicyName, CookieName };
  return harness.elb.send(new CreateAppCookieStickinessPolicyCommand(input));
}

function createLbCookie(PolicyName: string, CookieExpirationPeriod?: number) {
  const input = { LoadBalancerName: name, PolicyName, CookieExpirationPeriod };
  return harness.elb.send(new CreateLBCookieStickinessPolicyCommand(input));
}

function remove(PolicyName: string) {
  return harness.elb.send(new DeleteLoadBalancerPolicyCommand({ LoadBalancerName: name, PolicyName }));
}

/** Attributes by name, as described. */
async function attributesOf(policy: string): Promise<Record<string, string>> {
  const command = new DescribeLoadBalancerPoliciesCommand({ LoadBalancerName: name, PolicyNames: [policy] });
  const { PolicyDescriptions = [] } = await harness.elb.send(command);
  assert.equal(PolicyDescriptions.length, 1);
  const pairs = PolicyDescriptions[0]!.PolicyAttributeDescriptions!;
  return Object.fromEntries(pairs.map(({ AttributeName, AttributeValue }) => [AttributeName!, AttributeValue!]));
}

/** Runs a call twice; the second changes nothing. */
async function twice(call: () => Promise<unknown>): Promise<void> {
  await call();
  const { revision } = harness.store.view();
  await call();
  assert.equal(harness.store.view().revision, revision);
}

async function assertRefused(call: () => Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const refused = await harness.refused(call);
  assert.equal(refused.code, code, refused.message);
  assert.equal(refused.status, code === 'InvalidConfigurationRequest' ? 409 : 400);
  assert.match(refused.message, message);
}

before(async () => {
  harness = await ApiHarness.start({ configuration: { limits: BOTH } });
});
after(() => harness.stop());
beforeEach(async () => {
  name = `policies-${++count}`;
  const Listeners = [
    { Protocol: 'HTTP', LoadBalancerPort: 80, InstanceProtocol: 'HTTP', InstancePort: 8080 },
    { Protocol: 'TCP', LoadBalancerPort: 81, InstanceProtocol: 'TCP', InstancePort: 9000 },
  ];
  const input = { LoadBalancerName: name, Listeners, AvailabilityZones: ['us-east-1a'] };
  await harness.elb.send(new CreateLoadBalancerCommand(input));
});

describe('stickiness policies', () => {
  it('by the application: exactly one attribute is described, and the policy by name', async () => {
    await twice(() => createAppCookie('app', 'JSESSIONID'));
    assert.deepEqual(await attributesOf('app'), { CookieName: 'JSESSIONID' });
    const { LoadBalancerDescriptions: [one] = [] } = await harness.elb.send(
      new DescribeLoadBalancersCommand({ LoadBalancerNames: [name] }),
    );
    assert.deepEqual(one?.Policies, {
      AppCookieStickinessPolicies: [{ PolicyName: 'app', CookieName: 'JSESSIONID' }],
      LBCookieStickinessPolicies: [],
      OtherPolicies: [],
    });
  });

  it('by duration: exactly one attribute, the period; no period and 0 mean the same, and are described as 0', async () => {
    await twice(() => createLbCookie('day', 86_400));
    await twice(() => createLbCookie('browser'));
    await createLbCookie('browser', 0);
    assert.deepEqual(await attributesOf('day'), { CookieExpirationPeriod: '86400' });
    assert.deepEqual(await attributesOf('browser'), { CookieExpirationPeriod: '0' });
    assert.deepEqual(harness.record(name).policies[1]?.attributes, []);
    const { LoadBalancerDescriptions: [one] = [] } = await harness.elb.send(
      new DescribeLoadBalancersCommand({ LoadBalancerNames: [name] }),
    );
    assert.deepEqual(one?.Policies?.LBCookieStickinessPolicies, [
      { PolicyName: 'day', CookieExpirationPeriod: 86_400 },
      { PolicyName: 'browser' },
    ]);
  });

  it('take the longest name of a cookie, and the longest period', async () => {
    await createAppCookie('app', 'a'.repeat(255));
    await createLbCookie('lasting', 2 ** 31 - 1);
    assert.deepEqual(await attributesOf('app'), { CookieName: 'a'.repeat(255) });
    assert.deepEqual(await attributesOf('lasting'), { CookieExpirationPeriod: '2147483647' });
  });

  it('are the same made by CreateLoadBalancerPolicy', async () => {
    await createAppCookie('app', 'session');
    await createLbCookie('day', 60);
    const { revision } = harness.store.view();
    await create('app', 'AppCookieStickiness', [['CookieName', 'session']]);
    await create('day', 'LBCookieStickiness', [['CookieExpirationPeriod', '060']]);
    assert.equal(harness.store.view().revision, revision);
    await create('none', 'LBCookieStickiness');
    assert.deepEqual(await attributesOf('none'), { CookieExpirationPeriod: '0' });
  });

  it('ValidationError: names no cookie can have, those of our own, and periods out of range', async () => {
    for (const cookie of ['', 'a b', 'a=b', 'a;b', 'ä', 'a,b', 'x'.repeat(256)])
      await assertRefused(() => createAppCookie('app', cookie), 'ValidationError', /CookieName/);
    for (const cookie of ['AWSELB', 'AWSELBCORS'])
      await assertRefused(() => createAppCookie('app', cookie), 'ValidationError', /the load balancer's own cookie/);
    for (const period of [-1, 2 ** 31])
      await assertRefused(() => createLbCookie('day', period), 'ValidationError', /whole number of seconds from 0/);
  });
});

describe('proxy protocol policies', () => {
  it('take true and false in any letter case, and are described as given', async () => {
    await twice(() => create('TFEnableProxyProtocol', 'ProxyProtocol', [['ProxyProtocol', 'True']]));
    await create('TFEnableProxyProtocol', 'ProxyProtocol', [['ProxyProtocol', 'true']]);
    assert.deepEqual(await attributesOf('TFEnableProxyProtocol'), { ProxyProtocol: 'True' });
    const [policy] = harness.record(name).policies;
    assert.deepEqual(policy?.attributes, [{ name: 'ProxyProtocol', value: 'true', given: 'True' }]);
  });

  it('ValidationError: the attribute missing, twice, or something else', async () => {
    const make =
      (...pairs: Pairs) =>
      () =>
        create('proxy', 'ProxyProtocol', pairs);
    await assertRefused(make(), 'ValidationError', /^PolicyAttribute 'ProxyProtocol' must be given$/);
    await assertRefused(make(['ProxyProtocol', 'yes']), 'ValidationError', /must be true or false, not 'yes'/);
    await assertRefused(make(['ProxyProtocol', '']), 'ValidationError', /must have a value/);
    await assertRefused(
      make(['ProxyProtocol', 'true'], ['ProxyProtocol', 'false']),
      'ValidationError',
      /must be given once/,
    );
    await assertRefused(
      make(['Proxy', 'true']),
      'ValidationError',
      /^PolicyAttribute 'Proxy' is not defined in the policy type: ProxyProtocolPolicyType has ProxyProtocol$/,
    );
    await assertRefused(
      make(['Proxy Protocol', 'true']),
      'ValidationError',
      /^PolicyAttributeName may only contain non-whitespace printable ASCII characters$/,
    );
  });
});

describe('public key and back-end authentication policies', () => {
  it('keep the key as SubjectPublicKeyInfo, and are described as given', async () => {
    await twice(() => create('key', 'PublicKey', [['PublicKey', pem]]));
    await create('key', 'PublicKey', [['PublicKey', certificate.certificate]]);
    assert.deepEqual(await attributesOf('key'), { PublicKey: pem });
    const [policy] = harness.record(name).policies;
    assert.deepEqual(policy?.attributes, [{ name: 'PublicKey', value: spki, given: pem }]);
  });

  it('name one or more public key policies of the load balancer', async () => {
    await create('key1', 'PublicKey', [['PublicKey', spki]]);
    await create('key2', 'PublicKey', [['PublicKey', issue().certificate]]);
    const pairs: Pairs = [
      ['PublicKeyPolicyName', 'key1'],
      ['PublicKeyPolicyName', 'key2'],
    ];
    await twice(() => create('auth', 'BackendServerAuthentication', pairs));
    await create('auth', 'BackendServerAuthentication', pairs.toReversed());
    const { PolicyDescriptions: [described] = [] } = await harness.elb.send(
      new DescribeLoadBalancerPoliciesCommand({ LoadBalancerName: name, PolicyNames: ['auth'] }),
    );
    assert.deepEqual(described?.PolicyAttributeDescriptions, [
      { AttributeName: 'PublicKeyPolicyName', AttributeValue: 'key1' },
      { AttributeName: 'PublicKeyPolicyName', AttributeValue: 'key2' },
    ]);
  });

  it('ValidationError: what is no public key', async () => {
    for (const key of ['nonsense', certificate.privateKey, 'A'.repeat(20_000)])
      await assertRefused(
        () => create('key', 'PublicKey', [['PublicKey', key]]),
        'ValidationError',
        /'PublicKey' must be a public key or an X\.509 certificate in PEM format/,
      );
  });

  it('InvalidConfigurationRequest: a name of no policy, or of another kind', async () => {
    await createLbCookie('sticky');
    const make = (policy: string) => () =>
      create('auth', 'BackendServerAuthentication', [['PublicKeyPolicyName', policy]]);
    await assertRefused(
      make('absent'),
      'InvalidConfigurationRequest',
      /There is no policy with name absent for load balancer .* must name a PublicKeyPolicyType policy/,
    );
    await assertRefused(make('sticky'), 'InvalidConfigurationRequest', /policy sticky is a LBCookieStickiness/);
  });
});

describe('SSL negotiation policies', () => {
  it('expand Reference-Security-Policy to all attributes of the predefined policy', async () => {
    const reference = 'ELBSecurityPolicy-TLS-1-2-2017-01';
    await twice(() => create('tls12', 'SSLNegotiation', [['Reference-Security-Policy', reference]]));
    const attributes = await attributesOf('tls12');
    assert.equal(Object.keys(attributes).length, 95);
    assert.equal(attributes['Reference-Security-Policy'], reference);
    assert.deepEqual(
      ['Protocol-TLSv1', 'Protocol-TLSv1.2', 'Server-Defined-Cipher-Order'].map((each) => attributes[each]),
      ['false', 'true', 'true'],
    );
  });

  it('custom: what is not given is false; values in any letter case', async () => {
    const cipher = 'ECDHE-ECDSA-AES128-GCM-SHA256';
    await twice(() =>
      create('custom', 'SSLNegotiation', [
        ['Protocol-TLSv1.2', 'TRUE'],
        [cipher, 'true'],
      ]),
    );
    const attributes = await attributesOf('custom');
    assert.equal(Object.keys(attributes).length, 94);
    const on = Object.keys(attributes).filter((each) => attributes[each] === 'true');
    assert.deepEqual(on.toSorted(), [cipher, 'Protocol-TLSv1.2'].toSorted());
  });

  it('without attributes are the default policy under another name', async () => {
    await create('plain', 'SSLNegotiation');
    assert.equal((await attributesOf('plain'))['Reference-Security-Policy'], 'ELBSecurityPolicy-2016-08');
  });

  it('the log names what a policy lists and cannot be offered, once', async () => {
    harness.lines.length = 0;
    const make = () =>
      create('old', 'SSLNegotiation', [
        ['Protocol-SSLv3', 'true'],
        ['Protocol-TLSv1.2', 'true'],
        ['RC4-MD5', 'true'],
        ['AES128-SHA', 'true'],
      ]);
    await twice(make);
    const warnings = harness.lines.filter(({ level }) => level === 'warn');
    assert.deepEqual(warnings, [
      {
        level: 'warn',
        message: 'a policy lists protocols or ciphers that cannot be offered: all others are',
        loadBalancer: name,
        policy: 'old',
        notOffered: ['Protocol-SSLv3', 'RC4-MD5'],
      },
    ]);
  });

  it('InvalidConfigurationRequest: a policy of which nothing can be offered', async () => {
    for (const pairs of [
      [
        ['Protocol-SSLv3', 'true'],
        ['AES128-SHA', 'true'],
      ],
      [
        ['Protocol-TLSv1.2', 'true'],
        ['RC4-MD5', 'true'],
      ],
      [['Protocol-TLSv1.2', 'true']],
    ] satisfies Pairs[])
      await assertRefused(
        () => create('dead', 'SSLNegotiation', pairs),
        'InvalidConfigurationRequest',
        /No client could connect with this policy/,
      );
  });

  it('ValidationError: unknown attributes, references and values', async () => {
    const make =
      (...pairs: Pairs) =>
      () =>
        create('ssl', 'SSLNegotiation', pairs);
    await assertRefused(
      make(['Server-Order-Preference', 'true']),
      'ValidationError',
      /not defined in the policy type$/,
    );
    await assertRefused(make(['Protocol-TLSv1.2', '1']), 'ValidationError', /must be true or false/);
    await assertRefused(
      make(['Reference-Security-Policy', 'ELBSecurityPolicy-2099-01']),
      'ValidationError',
      /^Invalid Reference Security Policy: ELBSecurityPolicy-2099-01\. Use DescribeLoadBalancerPolicies/,
    );
  });
});

describe('CreateLoadBalancerPolicy', () => {
  it('DuplicatePolicyName: a policy of the name with another attribute or type', async () => {
    await createLbCookie('same', 60);
    const message = /^A policy with name same already exists for load balancer policies-\d+, but with a different type/;
    await assertRefused(() => createLbCookie('same', 61), 'DuplicatePolicyName', message);
    await assertRefused(() => createLbCookie('same'), 'DuplicatePolicyName', message);
    await assertRefused(() => createAppCookie('same', 'a'), 'DuplicatePolicyName', message);
  });

  it('names are exact: letter case counts', async () => {
    await createLbCookie('case', 60);
    await createLbCookie('CASE', 61);
    assert.deepEqual(
      harness.record(name).policies.map(({ policyName }) => policyName),
      ['case', 'CASE'],
    );
  });

  it('PolicyTypeNotFound: no type of that name', async () => {
    await assertRefused(
      () => create('a', 'LbCookieStickiness'),
      'PolicyTypeNotFound',
      /name LbCookieStickinessPolicyType$/,
    );
  });

  it('ValidationError: names that a policy cannot have', async () => {
    for (const [wrong, message] of [
      ['', /^Policy name cannot be empty$/],
      ['my_policy', /^Policy name cannot contain characters that are not letters, or digits or the dash\.$/],
      ['a'.repeat(256), /^Policy name cannot be longer than 255 characters$/],
      ['ELBSecurityPolicy-mine', /^Policy name cannot begin with ELBSecurityPolicy- or ELBSample-/],
      ['ELBSample-mine', /reserved for the predefined policies$/],
    ] as const)
      await assertRefused(() => createLbCookie(wrong), 'ValidationError', message);
  });

  it('TooManyPolicies: the 99th', async () => {
    for (let number = 1; number <= 98; number++) await createLbCookie(`p${number}`, number);
    await assertRefused(() => createLbCookie('p99'), 'TooManyPolicies', /quota for the number of policies .*: 98$/);
    await createLbCookie('p98', 98);
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    for (const call of [() => create('a', 'PublicKey'), () => createAppCookie('a', 'b'), () => createLbCookie('a')])
      await assertRefused(call, 'LoadBalancerNotFound', /no ACTIVE Load Balancer named 'absent'/);
  });
});

describe('DeleteLoadBalancerPolicy', () => {
  it('deletes the policy, and succeeds when there is none', async () => {
    await createLbCookie('gone');
    await twice(() => remove('gone'));
    assert.deepEqual(harness.record(name).policies, []);
  });

  it('InvalidConfigurationRequest: a policy in use, on a listener, an instance port or by another policy', async () => {
    await createLbCookie('sticky');
    await create('proxy', 'ProxyProtocol', [['ProxyProtocol', 'true']]);
    await create('key', 'PublicKey', [['PublicKey', spki]]);
    await create('auth', 'BackendServerAuthentication', [['PublicKeyPolicyName', 'key']]);
    const common = { LoadBalancerName: name };
    await harness.elb.send(
      new SetLoadBalancerPoliciesOfListenerCommand({ ...common, LoadBalancerPort: 80, PolicyNames: ['sticky'] }),
    );
    await harness.elb.send(
      new SetLoadBalancerPoliciesForBackendServerCommand({ ...common, InstancePort: 9000, PolicyNames: ['proxy'] }),
    );
    for (const [policy, use] of [
      ['sticky', 'set on the listener on port 80'],
      ['proxy', 'set on instance port 9000'],
      ['key', 'named by the policy auth'],
    ] as const) {
      const { code, message } = await harness.refused(() => remove(policy));
      assert.equal(code, 'InvalidConfigurationRequest');
      const start = `You cannot delete policy [${policy}] since it is enabled or referred by other enabled policy`;
      assert.equal(message, `${start}: it is ${use}`);
    }
    await remove('auth');
    await remove('key');
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    name = 'absent';
    await assertRefused(() => remove('a'), 'LoadBalancerNotFound', /absent/);
  });
});
