/** DescribeLoadBalancerPolicies, DescribeLoadBalancerPolicyTypes. */
import type { Policy, PolicyAttribute } from '../../../model/load-balancer.ts';
import { findPolicyType, POLICY_TYPES } from '../../../model/policy-types.ts';
import type { PolicyType } from '../../../model/policy-types.ts';
import { predefinedSslPolicies } from '../../../model/ssl-policy.ts';
import { Fault, shown } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import { policyTypeNotFound } from './policy-rules.ts';
import type * as shapes from './shapes.ts';

/** `owner`: the load balancer that was asked; without one, the predefined policies were. */
export function policyNotFound(name: string, owner?: string): ElbFault {
  const where = owner === undefined ? ' among the predefined ones' : ` for load balancer ${owner}`;
  return elbFault('PolicyNotFound', `There is no policy with name ${shown(name)}${where}`);
}

/** What AWS describes of a policy. A duration without a period is one of 0: clients read this one attribute. */
function describedAttributes({ policyTypeName, attributes }: Policy): readonly PolicyAttribute[] {
  if (policyTypeName !== 'LBCookieStickinessPolicyType' || attributes.length > 0) return attributes;
  return [{ name: 'CookieExpirationPeriod', value: '0' }];
}

function describePolicy(policy: Policy): shapes.PolicyDescription {
  return {
    PolicyName: policy.policyName,
    PolicyTypeName: policy.policyTypeName,
    PolicyAttributeDescriptions: describedAttributes(policy).map(({ name, value, given }) => {
      return { AttributeName: name, AttributeValue: given ?? value };
    }),
  };
}

/** Those of the load balancer, or the predefined ones; all, or those named. */
function describePolicies(
  input: shapes.DescribeLoadBalancerPoliciesInput,
  context: CallContext,
): Decision<shapes.DescribeLoadBalancerPoliciesOutput> | ElbFault {
  const owner = input.LoadBalancerName === '' ? undefined : input.LoadBalancerName;
  const record = owner === undefined ? undefined : find(context, owner);
  if (record instanceof Fault) return record;
  const policies = record?.policies ?? predefinedSslPolicies();
  const names = new Set(input.PolicyNames);
  for (const name of names) {
    if (!policies.some(({ policyName }) => policyName === name)) return policyNotFound(name, record?.name);
  }
  const wanted = names.size === 0 ? policies : policies.filter(({ policyName }) => names.has(policyName));
  return answer({ PolicyDescriptions: wanted.map(describePolicy) });
}

function describeType({ name, description, attributes }: PolicyType): shapes.PolicyTypeDescription {
  return {
    PolicyTypeName: name,
    Description: description,
    PolicyAttributeTypeDescriptions: attributes.map((attribute) => ({
      AttributeName: attribute.name,
      AttributeType: attribute.type,
      ...(attribute.description === undefined ? {} : { Description: attribute.description }),
      ...(attribute.defaultValue === undefined ? {} : { DefaultValue: attribute.defaultValue }),
      Cardinality: attribute.cardinality,
    })),
  };
}

function describePolicyTypes(
  input: shapes.DescribeLoadBalancerPolicyTypesInput,
): Decision<shapes.DescribeLoadBalancerPolicyTypesOutput> | ElbFault {
  const names = new Set(input.PolicyTypeNames);
  for (const name of names) {
    if (findPolicyType(name) === undefined) return policyTypeNotFound(name);
  }
  const wanted = names.size === 0 ? POLICY_TYPES : POLICY_TYPES.filter(({ name }) => names.has(name));
  return answer({ PolicyTypeDescriptions: wanted.map(describeType) });
}

export const describePolicyHandlers = {
  DescribeLoadBalancerPolicies: { mutates: false, decide: describePolicies },
  DescribeLoadBalancerPolicyTypes: { mutates: false, decide: describePolicyTypes },
} satisfies {
  DescribeLoadBalancerPolicies: Handler<'DescribeLoadBalancerPolicies'>;
  DescribeLoadBalancerPolicyTypes: Handler<'DescribeLoadBalancerPolicyTypes'>;
};
