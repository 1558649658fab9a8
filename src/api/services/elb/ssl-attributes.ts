/** SSL negotiation policies (model/ssl-policy.ts) behind the API: created, set on listeners, there by default. */
import { present } from '../../../kit/assert.ts';
import type { Listener, LoadBalancer, Policy, PolicyAttribute } from '../../../model/load-balancer.ts';
import { resolveSslPolicy, whyNotEnforceable } from '../../../model/ssl-policy-resolve.ts';
import {
  DEFAULT_SSL_POLICY_NAME,
  enabledSwitches,
  expandSslAttributes,
  findPredefinedSslPolicy,
  REFERENCE_SECURITY_POLICY,
  SSL_CIPHERS,
  SSL_NEGOTIATION_POLICY_TYPE,
  SSL_PROTOCOLS,
  SslPolicyFault,
  TLS_1_3,
} from '../../../model/ssl-policy.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';

/** Without attributes, a policy is the default one under another name. */
const STANDARD: readonly PolicyAttribute[] = [{ name: REFERENCE_SECURITY_POLICY, value: DEFAULT_SSL_POLICY_NAME }];

/** The attributes as they are kept: all of them. A policy of which nothing can be offered is refused. */
export function readSslAttributes(given: readonly PolicyAttribute[]): readonly PolicyAttribute[] | ElbFault {
  const attributes = expandSslAttributes(given.length === 0 ? STANDARD : given);
  if (attributes instanceof SslPolicyFault) return elbFault(attributes.code, attributes.message);
  const resolved = resolveSslPolicy(attributes);
  // Ciphers that none of the protocols has: AWS takes such a policy, and no client can connect once it is set.
  if (resolved instanceof SslPolicyFault && !offersSomething(attributes)) {
    return elbFault(resolved.code, resolved.message);
  }
  return attributes;
}

/** Why no client could connect to a listener with the policy. */
export function unusableFault({ policyName, attributes }: Policy): ElbFault | undefined {
  const resolved = resolveSslPolicy(attributes);
  if (!(resolved instanceof SslPolicyFault)) return undefined;
  return elbFault(resolved.code, `${policyName} cannot be enabled. ${resolved.message}`);
}

/** Protocols and ciphers that the policy lists and that cannot be offered; none for other kinds of policy. */
export function notEnforceable({ policyTypeName, attributes }: Policy): readonly string[] {
  if (policyTypeName !== SSL_NEGOTIATION_POLICY_TYPE) return [];
  return [...enabledSwitches(attributes)].filter((name) => whyNotEnforceable(name) !== undefined);
}

/** `policies` and the default one, when a listener has it. */
export function withDefaultSslPolicy(
  policies: LoadBalancer['policies'],
  listeners: readonly Listener[],
): LoadBalancer['policies'] {
  const isThere = policies.some(({ policyName }) => policyName === DEFAULT_SSL_POLICY_NAME);
  const isUsed = listeners.some(({ policyNames }) => policyNames.includes(DEFAULT_SSL_POLICY_NAME));
  if (isThere || !isUsed) return policies;
  const predefined = present(findPredefinedSslPolicy(DEFAULT_SSL_POLICY_NAME), 'the default policy');
  return [...policies, { ...predefined, attributes: [...STANDARD, ...predefined.attributes] }];
}

function offersSomething(attributes: readonly PolicyAttribute[]): boolean {
  const on = enabledSwitches(attributes);
  const offers = (names: readonly string[]) =>
    names.some((name) => on.has(name) && whyNotEnforceable(name) === undefined);
  return offers([...SSL_PROTOCOLS, TLS_1_3]) && offers(SSL_CIPHERS);
}
