import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateLBCookieStickinessPolicyCommand,
  CreateLoadBalancerCommand,
  DescribeLoadBalancerPoliciesCommand,
  DescribeLoadBalancerPolicyTypesCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import type { DescribeLoadBalancerPoliciesCommandInput } from '@aws-sdk/client-elastic-load-balancing';
import { ApiHarness } from '../support/api.ts';

let harness: ApiHarness;

async function policies(input: DescribeLoadBalancerPoliciesCommandInput) {
  return (await harness.elb.send(new DescribeLoadBalancerPoliciesCommand(input))).PolicyDescriptions!;
}

async function types(...PolicyTypeNames: string[]) {
  const command = new DescribeLoadBalancerPolicyTypesCommand({ PolicyTypeNames });
  return (await harness.elb.send(command)).PolicyTypeDescriptions!;
}

before(async () => {
  harness = await ApiHarness.start();
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 8080 }];
  const input = { LoadBalancerName: 'web', Listeners, AvailabilityZones: ['us-east-1a'] };
  await harness.elb.send(new CreateLoadBalancerCommand(input));
  for (const PolicyName of ['a', 'b', 'c'])
    await harness.elb.send(new CreateLBCookieStickinessPolicyCommand({ LoadBalancerName: 'web', PolicyName }));
});
after(() => harness.stop());

describe('DescribeLoadBalancerPolicies', () => {
  it('without a name: the 11 predefined policies, the newest first, each with 94 attributes', async () => {
    const all = await policies({});
    assert.deepEqual(
      all.map(({ PolicyName }) => PolicyName),
      [
        'ELBSecurityPolicy-2016-08',
        'ELBSecurityPolicy-TLS-1-2-2017-01',
        'ELBSecurityPolicy-TLS-1-1-2017-01',
        'ELBSecurityPolicy-2015-05',
        'ELBSecurityPolicy-2015-03',
        'ELBSecurityPolicy-2015-02',
        'ELBSecurityPolicy-2014-10',
        'ELBSecurityPolicy-2014-01',
        'ELBSecurityPolicy-2011-08',
        'ELBSample-ELBDefaultCipherPolicy',
        'ELBSample-OpenSSLDefaultCipherPolicy',
      ],
    );
    for (const { PolicyTypeName, PolicyAttributeDescriptions } of all) {
      assert.equal(PolicyTypeName, 'SSLNegotiationPolicyType');
      assert.equal(PolicyAttributeDescriptions?.length, 94);
    }
  });

  it('without a load balancer: the predefined policies that are named', async () => {
    const named = await policies({ PolicyNames: ['ELBSecurityPolicy-2015-05'] });
    assert.deepEqual(
      named.map(({ PolicyName }) => PolicyName),
      ['ELBSecurityPolicy-2015-05'],
    );
  });

  it('of a load balancer: all, or those named, each once', async () => {
    const names = async (PolicyNames: string[]) =>
      (await policies({ LoadBalancerName: 'WEB', PolicyNames })).map(({ PolicyName }) => PolicyName);
    assert.deepEqual(await names([]), ['a', 'b', 'c']);
    assert.deepEqual(await names(['c', 'a', 'c']), ['a', 'c']);
  });

  it('PolicyNotFound: a name that is not there, of the load balancer or of the predefined ones', async () => {
    for (const [input, message] of [
      [{ LoadBalancerName: 'web', PolicyNames: ['a', 'x'] }, 'There is no policy with name x for load balancer web'],
      [{ PolicyNames: ['a'] }, 'There is no policy with name a among the predefined ones'],
    ] as const) {
      const refused = await harness.refused(() => policies({ ...input, PolicyNames: [...input.PolicyNames] }));
      assert.deepEqual([refused.code, refused.status, refused.message], ['PolicyNotFound', 400, message]);
    }
  });

  it('LoadBalancerNotFound: no load balancer of that name', async () => {
    const { code } = await harness.refused(() => policies({ LoadBalancerName: 'absent' }));
    assert.equal(code, 'LoadBalancerNotFound');
  });
});

describe('DescribeLoadBalancerPolicyTypes', () => {
  it('the six types, each with description and attributes, each with type and cardinality', async () => {
    const all = await types();
    assert.deepEqual(
      new Set(all.map(({ PolicyTypeName }) => PolicyTypeName)),
      new Set([
        'AppCookieStickinessPolicyType',
        'BackendServerAuthenticationPolicyType',
        'LBCookieStickinessPolicyType',
        'ProxyProtocolPolicyType',
        'PublicKeyPolicyType',
        'SSLNegotiationPolicyType',
      ]),
    );
    assert.equal(all.length, 6);
    for (const { Description, PolicyAttributeTypeDescriptions: attributes = [] } of all) {
      assert.ok(Description);
      assert.ok(attributes.length > 0);
      for (const attribute of attributes) {
        assert.match(attribute.AttributeType ?? '', /^(Boolean|Long|PolicyName|String)$/);
        assert.match(attribute.Cardinality ?? '', /^(ONE|ZERO_OR_ONE|ONE_OR_MORE)$/);
      }
    }
  });

  it('tells of each protocol and cipher that is kept but not offered', async () => {
    const [ssl] = await types('SSLNegotiationPolicyType');
    const described = new Map(
      ssl?.PolicyAttributeTypeDescriptions?.map(({ AttributeName, Description }) => [AttributeName, Description]),
    );
    assert.match(described.get('RC4-MD5') ?? '', /^Kept and described, but not offered: /);
    assert.match(described.get('Protocol-SSLv3') ?? '', /^Kept and described, but not offered: /);
    assert.equal(described.get('Protocol-TLSv1'), undefined);
  });

  it('those that are named', async () => {
    const [proxy, ...others] = await types('ProxyProtocolPolicyType', 'ProxyProtocolPolicyType');
    assert.deepEqual(proxy?.PolicyAttributeTypeDescriptions, [
      { AttributeName: 'ProxyProtocol', AttributeType: 'Boolean', Cardinality: 'ONE' },
    ]);
    assert.deepEqual(others, []);
  });

  it('PolicyTypeNotFound: no type of that name', async () => {
    const { code, status, message } = await harness.refused(() => types('ProxyProtocolPolicyType', 'x'));
    assert.deepEqual([code, status], ['PolicyTypeNotFound', 400]);
    assert.equal(message, 'There is no policy type with name x');
  });
});
