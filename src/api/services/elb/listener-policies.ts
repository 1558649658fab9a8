/** SetLoadBalancerPoliciesOfListener, SetLoadBalancerPoliciesForBackendServer: what the set policies replace. */
import { isDeepStrictEqual } from 'node:util';
import { isTls, layerOf } from '../../../model/load-balancer.ts';
import type { Listener, LoadBalancer, Policy } from '../../../model/load-balancer.ts';
import type { PolicyTypeName } from '../../../model/policy-types.ts';
import { Fault, shown } from '../../fault.ts';
import { policyNotFound } from './describe-policies.ts';
import { findListener, withListener } from './find-listener.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import type * as shapes from './shapes.ts';
import { unusableFault } from './ssl-attributes.ts';

/** The policies of `names`, each once. */
function readPolicies(names: readonly string[], { name, policies }: LoadBalancer): readonly Policy[] | ElbFault {
  const found: Policy[] = [];
  for (const wanted of new Set(names)) {
    const policy = policies.find(({ policyName }) => policyName === wanted);
    if (policy === undefined) return policyNotFound(wanted, name);
    found.push(policy);
  }
  return found;
}

function refuse({ policyName }: Policy, why: string): ElbFault {
  return elbFault('InvalidConfigurationRequest', `${policyName} cannot be enabled: ${why}`);
}

/** Why the policy cannot be on the listener, whatever else is. */
function listenerFault(policy: Policy, { protocol, loadBalancerPort: port }: Listener): ElbFault | undefined {
  switch (policy.policyTypeName as PolicyTypeName) {
    case 'AppCookieStickinessPolicyType':
    case 'LBCookieStickinessPolicyType':
      if (layerOf(protocol) === 7) return undefined;
      return refuse(
        policy,
        `Session stickiness policy can be associated with only HTTP/HTTPS, and port ${port} is ${protocol}`,
      );
    case 'SSLNegotiationPolicyType':
      if (isTls(protocol)) return unusableFault(policy);
      return refuse(
        policy,
        `SSL negotiation policy can be associated with only HTTPS/SSL, and port ${port} is ${protocol}`,
      );
    case 'PublicKeyPolicyType':
      return refuse(
        policy,
        'a PublicKeyPolicyType policy takes effect through a BackendServerAuthenticationPolicyType',
      );
    default:
      return refuse(
        policy,
        `a ${policy.policyTypeName} policy is set on instance ports (SetLoadBalancerPoliciesForBackendServer)`,
      );
  }
}

function isStickiness({ policyTypeName }: Policy): boolean {
  return policyTypeName === 'AppCookieStickinessPolicyType' || policyTypeName === 'LBCookieStickinessPolicyType';
}

function setOfListener(
  input: shapes.SetLoadBalancerPoliciesOfListenerInput,
  context: CallContext,
): Decision<shapes.SetLoadBalancerPoliciesOfListenerOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const listener = findListener(record, input.LoadBalancerPort);
  if (listener instanceof Fault) return listener;
  const policies = readPolicies(input.PolicyNames, record);
  if (policies instanceof Fault) return policies;
  for (const policy of policies) {
    const fault = listenerFault(policy, listener);
    if (fault !== undefined) return fault;
  }
  const [, second] = policies.filter(isStickiness);
  if (second !== undefined) return refuse(second, 'Only one cookie stickiness policy can be set');
  const [, other] = policies.filter((policy) => !isStickiness(policy));
  if (other !== undefined) return refuse(other, 'Only one SSL negotiation policy can be set');
  const policyNames = policies.map(({ policyName }) => policyName);
  if (isDeepStrictEqual(policyNames, listener.policyNames)) return answer({});
  return save(withListener(record, { ...listener, policyNames }), {});
}

/** Why the policies cannot be together on the instance port that `listeners` go to. */
function backendFault(policies: readonly Policy[], listeners: readonly Listener[]): ElbFault | undefined {
  const seen = new Set<string>();
  for (const policy of policies) {
    const type = policy.policyTypeName;
    if (type === 'PublicKeyPolicyType') {
      return refuse(
        policy,
        'a PublicKeyPolicyType policy takes effect through a BackendServerAuthenticationPolicyType',
      );
    }
    if (type !== 'ProxyProtocolPolicyType' && type !== 'BackendServerAuthenticationPolicyType') {
      return refuse(policy, `a ${type} policy is set on listeners (SetLoadBalancerPoliciesOfListener)`);
    }
    if (seen.has(type)) return refuse(policy, `Only one ${type} policy can be set on an instance port`);
    seen.add(type);
    const clear = listeners.find(({ instanceProtocol }) => !isTls(instanceProtocol));
    if (type !== 'BackendServerAuthenticationPolicyType' || clear === undefined) continue;
    return refuse(
      policy,
      'Back-end server authentication policy can be associated with only HTTPS/SSL instance protocols, and instance ' +
        `port ${clear.instancePort} is ${clear.instanceProtocol}`,
    );
  }
  return undefined;
}

/**
 * What stands at an instance port stays there when its last listener goes, as at AWS: clients take it away by name, so
 * an empty list is fine for such a port too. Proxy protocol can be set for any listener, and takes effect on TCP and SSL.
 * Authentication is for HTTPS and SSL instance protocols only: elsewhere nobody would be authenticated, without a word.
 */
function setForBackendServer(
  input: shapes.SetLoadBalancerPoliciesForBackendServerInput,
  context: CallContext,
): Decision<shapes.SetLoadBalancerPoliciesForBackendServerOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const { InstancePort: instancePort } = input;
  const policies = readPolicies(input.PolicyNames, record);
  if (policies instanceof Fault) return policies;
  const before = record.backendServerPolicies.find((one) => one.instancePort === instancePort);
  const listeners = record.listeners.filter((listener) => listener.instancePort === instancePort);
  if (listeners.length === 0 && (before === undefined || policies.length > 0)) {
    return elbFault(
      'InvalidConfigurationRequest',
      `No listener configured on this port: load balancer ${record.name} has no listener with instance port ${shown(`${instancePort}`)}`,
    );
  }
  const fault = backendFault(policies, listeners);
  if (fault !== undefined) return fault;
  const policyNames = policies.map(({ policyName }) => policyName);
  if (isDeepStrictEqual(policyNames, before?.policyNames ?? [])) return answer({});
  const others = record.backendServerPolicies.filter((one) => one !== before);
  const backendServerPolicies = policyNames.length === 0 ? others : [...others, { instancePort, policyNames }];
  return save({ ...record, backendServerPolicies }, {});
}

export const listenerPolicyHandlers = {
  SetLoadBalancerPoliciesForBackendServer: { mutates: true, decide: setForBackendServer },
  SetLoadBalancerPoliciesOfListener: { mutates: true, decide: setOfListener },
} satisfies {
  SetLoadBalancerPoliciesForBackendServer: Handler<'SetLoadBalancerPoliciesForBackendServer'>;
  SetLoadBalancerPoliciesOfListener: Handler<'SetLoadBalancerPoliciesOfListener'>;
};
