import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { backendPublicKeys, hasProxyProtocol } from './backend-policies.ts';
import type { Listener, LoadBalancer, Policy, Protocol } from './load-balancer.ts';

const policy = (
  policyName: string,
  policyTypeName: string,
  ...attributes: [name: string, value: string][]
): Policy => ({
  policyName,
  policyTypeName,
  attributes: attributes.map(([name, value]) => ({ name, value })),
});

function listener(protocol: Protocol, instanceProtocol: Protocol, instancePort: number): Listener {
  return { protocol, instanceProtocol, loadBalancerPort: 80, instancePort, policyNames: [] };
}

const POLICIES = [
  policy('proxy', 'ProxyProtocolPolicyType', ['ProxyProtocol', 'True']),
  policy('no-proxy', 'ProxyProtocolPolicyType', ['ProxyProtocol', 'false']),
  policy('key-1', 'PublicKeyPolicyType', ['PublicKey', 'AAAA']),
  policy('key-2', 'PublicKeyPolicyType', ['PublicKey', 'BBBB']),
  policy('key-3', 'PublicKeyPolicyType', ['PublicKey', 'CCCC']),
  policy(
    'both',
    'BackendServerAuthenticationPolicyType',
    ['PublicKeyPolicyName', 'key-1'],
    ['PublicKeyPolicyName', 'key-2'],
  ),
];

function record(policyNames: readonly string[], listeners: readonly Listener[] = []): LoadBalancer {
  const backendServerPolicies = [{ instancePort: 443, policyNames }];
  return sampleLoadBalancer('shop', { policies: POLICIES, backendServerPolicies, listeners });
}

test('proxy protocol is for layer 4, at the port that it is set on, and on in any letter case', () => {
  const cases: readonly [policies: string[], instanceProtocol: Protocol, instancePort: number, on: boolean][] = [
    [['proxy'], 'TCP', 443, true],
    [['proxy'], 'SSL', 443, true],
    [['proxy', 'both'], 'SSL', 443, true],
    [['proxy'], 'HTTP', 443, false],
    [['proxy'], 'HTTPS', 443, false],
    [['proxy'], 'TCP', 80, false],
    [['no-proxy'], 'TCP', 443, false],
    [['both'], 'TCP', 443, false],
  ];
  for (const [policies, instanceProtocol, instancePort, on] of cases) {
    const what = `${policies.join()} ${instanceProtocol} ${instancePort}`;
    assert.equal(hasProxyProtocol(record(policies), listener('TCP', instanceProtocol, instancePort)), on, what);
  }
});

test('public keys are those that the authentication policy names, where TLS is spoken to the port', () => {
  const keysOf = (policies: readonly string[], ...listeners: Listener[]) =>
    backendPublicKeys(record(policies, listeners), 443);
  const https = listener('HTTP', 'HTTPS', 443);
  assert.deepEqual(keysOf(['both'], https), ['AAAA', 'BBBB']);
  assert.deepEqual(keysOf(['proxy', 'both'], listener('TCP', 'SSL', 443)), ['AAAA', 'BBBB']);
  assert.equal(keysOf(['proxy'], https), undefined);
  assert.equal(keysOf(['both'], listener('TCP', 'TCP', 443)), undefined);
  assert.equal(keysOf(['both'], listener('HTTP', 'HTTPS', 8443)), undefined);
});
