import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PolicyAttribute } from './load-balancer.ts';
import { findPolicyType, POLICY_TYPES } from './policy-types.ts';
import { resolveSslPolicy, whyNotEnforceable, type ResolvedSslPolicy } from './ssl-policy-resolve.ts';
import {
  DEFAULT_SSL_POLICY_NAME,
  expandSslAttributes,
  findPredefinedSslPolicy,
  predefinedSslPolicies,
  SSL_CIPHERS,
  SSL_PROTOCOLS,
  SSL_SWITCHES,
  SslPolicyFault,
} from './ssl-policy.ts';

function on(...names: readonly string[]): readonly PolicyAttribute[] {
  return names.map((name) => ({ name, value: 'true' }));
}

function expanded(given: readonly PolicyAttribute[]): readonly PolicyAttribute[] {
  const result = expandSslAttributes(given);
  assert.ok(!(result instanceof SslPolicyFault), result instanceof SslPolicyFault ? result.message : '');
  return result;
}

function resolved(...names: readonly string[]): ResolvedSslPolicy {
  const result = resolveSslPolicy(on(...names));
  assert.ok(!(result instanceof SslPolicyFault), result instanceof SslPolicyFault ? result.message : '');
  return result;
}

function refusal(
  given: readonly PolicyAttribute[],
  read = expandSslAttributes as typeof resolveSslPolicy | typeof expandSslAttributes,
) {
  const result = read(given);
  assert.ok(result instanceof SslPolicyFault, 'the policy was taken');
  return `${result.code}: ${result.message}`;
}

describe('the predefined SSL policies', () => {
  it('are the 11 of AWS, each with its 94 attributes in the order of the table', () => {
    const policies = predefinedSslPolicies();
    assert.equal(policies.length, 11);
    const names = [...SSL_PROTOCOLS, 'Server-Defined-Cipher-Order', ...SSL_CIPHERS];
    assert.equal(names.length, 94);
    for (const { policyTypeName, attributes } of policies) {
      assert.equal(policyTypeName, 'SSLNegotiationPolicyType');
      assert.deepEqual(
        attributes.map(({ name }) => name),
        names,
      );
    }
  });

  it('all leave something that clients can connect with, and none has TLS 1.3', () => {
    for (const { attributes } of predefinedSslPolicies()) {
      const policy = resolveSslPolicy(attributes);
      assert.ok(!(policy instanceof SslPolicyFault));
      assert.notEqual(policy.maxVersion, 'TLSv1.3');
    }
  });

  it('have the default one among them, and are found by their exact names only', () => {
    assert.equal(findPredefinedSslPolicy(DEFAULT_SSL_POLICY_NAME)?.policyName, DEFAULT_SSL_POLICY_NAME);
    for (const name of ['elbsecuritypolicy-2016-08', '__proto__', ''])
      assert.equal(findPredefinedSslPolicy(name), undefined);
  });
});

describe('the attributes of an SSL policy', () => {
  it('stand complete and in the order of the table, however they were given', () => {
    const given = [
      { name: 'AES128-SHA', value: 'TRUE' },
      { name: 'AES256-SHA', value: 'False' },
      { name: 'Protocol-TLSv1.2', value: 'true' },
    ];
    const complete = expanded(given);
    assert.equal(complete.length, 94);
    assert.deepEqual(
      complete.filter(({ value }) => value === 'true').map(({ name }) => name),
      ['Protocol-TLSv1.2', 'AES128-SHA'],
    );
    assert.deepEqual(expanded(complete), complete);
    assert.deepEqual(expanded(given.toReversed()), complete);
  });

  it('show TLS 1.3, an extension, where it was asked for', () => {
    assert.deepEqual(expanded(on('Protocol-TLSv1.3'))[5], { name: 'Protocol-TLSv1.3', value: 'true' });
    assert.equal(expanded([{ name: 'Protocol-TLSv1.3', value: 'false' }]).length, 94);
  });

  it('name a predefined policy, and are then its attributes', () => {
    const reference = { name: 'Reference-Security-Policy', value: 'ELBSecurityPolicy-2015-05' };
    const complete = expanded([reference]);
    assert.deepEqual(complete, [reference, ...findPredefinedSslPolicy(reference.value)!.attributes]);
    assert.deepEqual(expanded(complete), complete);
  });

  it("are refused in AWS's words", () => {
    const reference = { name: 'Reference-Security-Policy', value: 'ELBSecurityPolicy-2015-05' };
    const cases: readonly (readonly [readonly PolicyAttribute[], string])[] = [
      [on('Server Order Preference'), 'PolicyAttributeName may only contain non-whitespace printable ASCII characters'],
      [on('Server-Order-Preference'), "PolicyAttribute 'Server-Order-Preference' is not defined in the policy type"],
      [on('__proto__'), "PolicyAttribute '__proto__' is not defined in the policy type"],
      [[{ name: 'AES128-SHA', value: 'yes' }], "PolicyAttribute 'AES128-SHA' must be true or false, not 'yes'."],
      [on('AES128-SHA', 'AES128-SHA'), "PolicyAttribute 'AES128-SHA' must be given once."],
      [[reference, reference], "PolicyAttribute 'Reference-Security-Policy' must be given once."],
      [
        [{ ...reference, value: 'mine' }],
        'Invalid Reference Security Policy: mine. Use DescribeLoadBalancerPolicies API to list valid security policies.',
      ],
      [
        [reference, ...on('RC4-SHA')],
        "PolicyAttribute 'RC4-SHA' is false in ELBSecurityPolicy-2015-05, which Reference-Security-Policy names: leave one of the two out.",
      ],
    ];
    for (const [given, message] of cases) assert.equal(refusal(given), `ValidationError: ${message}`);
    assert.ok(refusal(on('x'.repeat(5000))).length < 200);
  });
});

describe('what an SSL policy means for OpenSSL', () => {
  const MODERN = 'ECDHE-RSA-AES128-GCM-SHA256';
  const OLD = 'AES128-SHA';

  it('is its versions, from the lowest to the highest, without those between that it does not list', () => {
    const range = (...protocols: string[]) => {
      const { minVersion, maxVersion, secureOptions } = resolved(...protocols.map((each) => `Protocol-${each}`), OLD);
      return [minVersion, maxVersion, secureOptions];
    };
    assert.deepEqual(range('TLSv1', 'TLSv1.1', 'TLSv1.2'), ['TLSv1', 'TLSv1.2', 0]);
    assert.deepEqual(range('TLSv1', 'TLSv1.2'), ['TLSv1', 'TLSv1.2', 0x10000000]);
    assert.deepEqual(range('TLSv1', 'TLSv1.3'), ['TLSv1', 'TLSv1.3', 0x18000000]);
    assert.deepEqual(range('TLSv1.1'), ['TLSv1.1', 'TLSv1.1', 0]);
    assert.deepEqual(range('SSLv3', 'SSLv2', 'TLSv1.2'), ['TLSv1.2', 'TLSv1.2', 0]);
  });

  it('is its ciphers in the order of the table, and the order of the server if it says so', () => {
    const order = (...more: string[]) => resolved(OLD, MODERN, 'Protocol-TLSv1.2', ...more);
    assert.equal(order().ciphers, `${MODERN}:${OLD}`);
    assert.deepEqual([order().honorCipherOrder, order('Server-Defined-Cipher-Order').honorCipherOrder], [false, true]);
  });

  it('is TLS 1.3 with its own cipher suites, only by the extension', () => {
    const suites = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
    assert.equal(resolved('Protocol-TLSv1.3').ciphers, suites);
    assert.equal(resolved('Protocol-TLSv1.3', 'Protocol-TLSv1.2', MODERN).ciphers, `${suites}:${MODERN}`);
  });

  it('lowers the security level for old versions and anonymous ciphers, and for no other policy', () => {
    const switches = fc.uniqueArray(fc.constantFrom(...SSL_SWITCHES), { maxLength: 30 });
    fc.assert(
      fc.property(switches, (names) => {
        const policy = resolveSslPolicy(on(...names));
        if (policy instanceof SslPolicyFault) return;
        const needs = names.some(
          (name) => name === 'Protocol-TLSv1' || name === 'Protocol-TLSv1.1' || /^ADH-(AES|CAM)/.test(name),
        );
        assert.equal(policy.ciphers.includes('@SECLEVEL=0'), needs);
        assert.equal(policy.ciphers.includes('@SECLEVEL'), needs);
        assert.deepEqual(
          [...policy.enforceable, ...policy.notEnforceable].toSorted(),
          names.filter((name) => name !== 'Server-Defined-Cipher-Order').toSorted(),
        );
      }),
    );
  });

  it('goes down to the level that a certificate needs', () => {
    const levelFor = (level: 0 | 1 | undefined, ...protocols: string[]) => {
      const policy = resolveSslPolicy(on(MODERN, OLD, ...protocols), level);
      return policy instanceof SslPolicyFault ? undefined : /@SECLEVEL=\d/.exec(policy.ciphers)?.[0];
    };
    assert.equal(levelFor(1, 'Protocol-TLSv1.2'), '@SECLEVEL=1');
    assert.equal(levelFor(0, 'Protocol-TLSv1.2'), '@SECLEVEL=0');
    assert.equal(levelFor(undefined, 'Protocol-TLSv1.2'), undefined);
    assert.equal(levelFor(1, 'Protocol-TLSv1'), '@SECLEVEL=0');
  });

  it('names what cannot be offered, with the reason', () => {
    const { enforceable, notEnforceable } = resolved(
      'Protocol-TLSv1.2',
      'Protocol-SSLv3',
      OLD,
      'RC4-SHA',
      'PSK-AES128-CBC-SHA',
    );
    assert.deepEqual(enforceable, ['Protocol-TLSv1.2', OLD]);
    assert.deepEqual(notEnforceable, ['Protocol-SSLv3', 'RC4-SHA', 'PSK-AES128-CBC-SHA']);
    assert.equal(SSL_CIPHERS.filter((name) => whyNotEnforceable(name) === undefined).length, 44);
  });

  it('is a fault when nothing is left of it', () => {
    const left = (...names: string[]) => refusal(on(...names), resolveSslPolicy);
    assert.match(left(OLD), /^InvalidConfigurationRequest: .* must enable a protocol \(/);
    assert.match(left('Protocol-TLSv1'), /must enable a cipher that can be offered\.$/);
    assert.match(left(), /must enable a protocol .* and a cipher that can be offered\.$/);
    assert.match(left('Protocol-SSLv3', OLD), /cannot be offered \(Protocol-SSLv3: OpenSSL has this protocol no more/);
    assert.match(left('Protocol-TLSv1', 'RC4-SHA'), /cannot be offered \(RC4-SHA: /);
    assert.match(left('Protocol-TLSv1', MODERN), /its ciphers need Protocol-TLSv1\.2/);
  });
});

describe('the policy types', () => {
  it('are the six of AWS, and that of SSL negotiation has every attribute', () => {
    assert.equal(POLICY_TYPES.length, 6);
    const { attributes } = findPolicyType('SSLNegotiationPolicyType')!;
    assert.deepEqual(
      attributes.map(({ name }) => name),
      ['Reference-Security-Policy', ...SSL_SWITCHES],
    );
    assert.equal(findPolicyType('sslnegotiationpolicytype'), undefined);
  });
});
