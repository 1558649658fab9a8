/** The handler of each of the 29 actions. */
import { accountLimitHandlers } from './account-limits.ts';
import { attributeHandlers } from './attributes.ts';
import { describeHandlers } from './describe-load-balancers.ts';
import { healthCheckHandlers } from './health-check.ts';
import { instanceHealthHandlers } from './instance-health.ts';
import { instanceHandlers } from './instances.ts';
import { listenerHandlers } from './listeners.ts';
import { loadBalancerHandlers } from './load-balancers.ts';
import { notImplemented } from './operation.ts';
import type { Action, Handler } from './operation.ts';
import { tagHandlers } from './tags.ts';

export type Handlers = { readonly [A in Action]: Handler<A> };

/** An action that AWS has and this version of weir has not. */
function missing<A extends Action>(action: A): Handler<A> {
  return { mutates: !action.startsWith('Describe'), decide: () => notImplemented(`The action ${action}`) };
}

export const handlers: Handlers = {
  ...accountLimitHandlers,
  ...attributeHandlers,
  ...describeHandlers,
  ...healthCheckHandlers,
  ...instanceHandlers,
  ...instanceHealthHandlers,
  ...listenerHandlers,
  ...loadBalancerHandlers,
  ...tagHandlers,
  ApplySecurityGroupsToLoadBalancer: missing('ApplySecurityGroupsToLoadBalancer'),
  AttachLoadBalancerToSubnets: missing('AttachLoadBalancerToSubnets'),
  CreateAppCookieStickinessPolicy: missing('CreateAppCookieStickinessPolicy'),
  CreateLBCookieStickinessPolicy: missing('CreateLBCookieStickinessPolicy'),
  CreateLoadBalancerPolicy: missing('CreateLoadBalancerPolicy'),
  DeleteLoadBalancerPolicy: missing('DeleteLoadBalancerPolicy'),
  DescribeLoadBalancerPolicies: missing('DescribeLoadBalancerPolicies'),
  DescribeLoadBalancerPolicyTypes: missing('DescribeLoadBalancerPolicyTypes'),
  DetachLoadBalancerFromSubnets: missing('DetachLoadBalancerFromSubnets'),
  DisableAvailabilityZonesForLoadBalancer: missing('DisableAvailabilityZonesForLoadBalancer'),
  EnableAvailabilityZonesForLoadBalancer: missing('EnableAvailabilityZonesForLoadBalancer'),
  SetLoadBalancerListenerSSLCertificate: missing('SetLoadBalancerListenerSSLCertificate'),
  SetLoadBalancerPoliciesForBackendServer: missing('SetLoadBalancerPoliciesForBackendServer'),
  SetLoadBalancerPoliciesOfListener: missing('SetLoadBalancerPoliciesOfListener'),
};
