/** What the policies set on an instance port (SetLoadBalancerPoliciesForBackendServer) mean for its connections. */
import { isTls, layerOf, type Listener, type LoadBalancer, type Policy } from './load-balancer.ts';

/** Layer 4 only: is a proxy protocol line sent ahead? The value comes in any letter case. */
export function hasProxyProtocol(record: LoadBalancer, { instanceProtocol, instancePort }: Listener): boolean {
  if (layerOf(instanceProtocol) !== 4) return false;
  return policiesOf(record, instancePort).some(
    ({ policyTypeName, attributes }) =>
      policyTypeName === 'ProxyProtocolPolicyType' &&
      attributes.some(({ name, value }) => name === 'ProxyProtocol' && value.toLowerCase() === 'true'),
  );
}

/**
 * Public keys that instances may have at the port, in base64 of DER without line breaks; undefined where any is
 * accepted: no policy asks for one, or no listener speaks TLS to that port.
 */
export function backendPublicKeys(record: LoadBalancer, instancePort: number): readonly string[] | undefined {
  if (!encrypts(record, instancePort)) return undefined;
  const asking = policiesOf(record, instancePort).filter(
    ({ policyTypeName }) => policyTypeName === 'BackendServerAuthenticationPolicyType',
  );
  if (asking.length === 0) return undefined;
  const names = new Set(asking.flatMap((policy) => valuesOf(policy, 'PublicKeyPolicyName')));
  return record.policies
    .filter(({ policyName, policyTypeName }) => policyTypeName === 'PublicKeyPolicyType' && names.has(policyName))
    .flatMap((policy) => valuesOf(policy, 'PublicKey'));
}

/** Does a listener speak TLS to that port? */
export function encrypts({ listeners }: LoadBalancer, instancePort: number): boolean {
  return listeners.some((listener) => listener.instancePort === instancePort && isTls(listener.instanceProtocol));
}

function policiesOf(record: LoadBalancer, instancePort: number): readonly Policy[] {
  const set = record.backendServerPolicies.find((each) => each.instancePort === instancePort);
  const names = new Set(set?.policyNames);
  return record.policies.filter(({ policyName }) => names.has(policyName));
}

function valuesOf({ attributes }: Policy, wanted: string): readonly string[] {
  return attributes.filter(({ name }) => name === wanted).map(({ value }) => value);
}
