/**
 * CreateLoadBalancerPolicy, CreateAppCookieStickinessPolicy, CreateLBCookieStickinessPolicy, DeleteLoadBalancerPolicy.
 * A policy does nothing until it is set on a listener (listener-policies.ts) or an instance port (backend-policies.ts).
 */
import { POLICIES } from '../../../model/limits.ts';
import type { LoadBalancer, Policy } from '../../../model/load-balancer.ts';
import { DEFAULT_SSL_POLICY_NAME } from '../../../model/ssl-policy.ts';
import type { Note } from '../../changes.ts';
import { Fault } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import { isSamePolicy, readPolicy } from './policy-rules.ts';
import type { WantedPolicy } from './policy-rules.ts';
import type * as shapes from './shapes.ts';
import { notEnforceable } from './ssl-attributes.ts';

type Nothing = Readonly<Record<string, never>>;

/** The same policy again is fine, another of the name is `DuplicatePolicyName`. */
function create(loadBalancerName: string, wanted: WantedPolicy, context: CallContext): Decision<Nothing> | ElbFault {
  const record = find(context, loadBalancerName);
  if (record instanceof Fault) return record;
  const policy = readPolicy(wanted, record);
  if (policy instanceof Fault) return policy;
  const other = record.policies.find(({ policyName }) => policyName === policy.policyName);
  if (other !== undefined) return isSamePolicy(other, policy) ? answer({}) : duplicateFault(policy, record);
  const counted = record.policies.filter(({ policyName }) => policyName !== DEFAULT_SSL_POLICY_NAME);
  if (counted.length >= POLICIES.maxCount) {
    return elbFault(
      'TooManyPolicies',
      `The quota for the number of policies for this load balancer has been reached: ${POLICIES.maxCount}`,
    );
  }
  const decision = save({ ...record, policies: [...record.policies, policy] }, {});
  return { ...decision, notes: notesOn(policy, record) };
}

function duplicateFault({ policyName }: Policy, { name }: LoadBalancer): ElbFault {
  return elbFault(
    'DuplicatePolicyName',
    `A policy with name ${policyName} already exists for load balancer ${name}, but with a different type or ` +
      'different attributes',
  );
}

/** Where the API's answer has no place to say it, the log says what a policy asks for in vain. */
function notesOn(policy: Policy, { name }: LoadBalancer): readonly Note[] {
  const missing = notEnforceable(policy);
  if (missing.length === 0) return [];
  const fields = { loadBalancer: name, policy: policy.policyName, notOffered: missing };
  return [{ fields, message: 'a policy lists protocols or ciphers that cannot be offered: all others are' }];
}

function createPolicy(
  input: shapes.CreateLoadBalancerPolicyInput,
  context: CallContext,
): Decision<shapes.CreateLoadBalancerPolicyOutput> | ElbFault {
  const { PolicyName: name, PolicyTypeName: typeName, PolicyAttributes: attributes = [] } = input;
  return create(input.LoadBalancerName, { name, typeName, attributes }, context);
}

function createAppCookiePolicy(
  input: shapes.CreateAppCookieStickinessPolicyInput,
  context: CallContext,
): Decision<shapes.CreateAppCookieStickinessPolicyOutput> | ElbFault {
  const attributes = [{ AttributeName: 'CookieName', AttributeValue: input.CookieName }];
  const wanted = { name: input.PolicyName, typeName: 'AppCookieStickinessPolicyType', attributes };
  return create(input.LoadBalancerName, wanted, context);
}

function createLbCookiePolicy(
  input: shapes.CreateLBCookieStickinessPolicyInput,
  context: CallContext,
): Decision<shapes.CreateLBCookieStickinessPolicyOutput> | ElbFault {
  const period = input.CookieExpirationPeriod ?? 0;
  const attributes = [{ AttributeName: 'CookieExpirationPeriod', AttributeValue: String(period) }];
  const wanted = { name: input.PolicyName, typeName: 'LBCookieStickinessPolicyType', attributes };
  return create(input.LoadBalancerName, wanted, context);
}

/** Where the policy is in use, for the message; undefined when it is nowhere. */
function useOf(name: string, { listeners, backendServerPolicies, policies }: LoadBalancer): string | undefined {
  const listener = listeners.find(({ policyNames }) => policyNames.includes(name));
  if (listener !== undefined) return `set on the listener on port ${listener.loadBalancerPort}`;
  const backend = backendServerPolicies.find(({ policyNames }) => policyNames.includes(name));
  if (backend !== undefined) return `set on instance port ${backend.instancePort}`;
  const policy = policies.find(({ attributes }) =>
    attributes.some((attribute) => attribute.name === 'PublicKeyPolicyName' && attribute.value === name),
  );
  return policy === undefined ? undefined : `named by the policy ${policy.policyName}`;
}

/** One that does not exist is as good as deleted. */
function deletePolicy(
  input: shapes.DeleteLoadBalancerPolicyInput,
  context: CallContext,
): Decision<shapes.DeleteLoadBalancerPolicyOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const policies = record.policies.filter(({ policyName }) => policyName !== input.PolicyName);
  if (policies.length === record.policies.length) return answer({});
  const use = useOf(input.PolicyName, record);
  if (use === undefined) return save({ ...record, policies }, {});
  return elbFault(
    'InvalidConfigurationRequest',
    `You cannot delete policy [${input.PolicyName}] since it is enabled or referred by other enabled policy: it is ${use}`,
  );
}

export const policyHandlers = {
  CreateAppCookieStickinessPolicy: { mutates: true, decide: createAppCookiePolicy },
  CreateLBCookieStickinessPolicy: { mutates: true, decide: createLbCookiePolicy },
  CreateLoadBalancerPolicy: { mutates: true, decide: createPolicy },
  DeleteLoadBalancerPolicy: { mutates: true, decide: deletePolicy },
} satisfies {
  CreateAppCookieStickinessPolicy: Handler<'CreateAppCookieStickinessPolicy'>;
  CreateLBCookieStickinessPolicy: Handler<'CreateLBCookieStickinessPolicy'>;
  CreateLoadBalancerPolicy: Handler<'CreateLoadBalancerPolicy'>;
  DeleteLoadBalancerPolicy: Handler<'DeleteLoadBalancerPolicy'>;
};
