/** The handler of each of the 29 actions. */
import { accountLimitHandlers } from './account-limits.ts';
import { attributeHandlers } from './attributes.ts';
import { certificateHandlers } from './certificates.ts';
import { describeHandlers } from './describe-load-balancers.ts';
import { describePolicyHandlers } from './describe-policies.ts';
import { healthCheckHandlers } from './health-check.ts';
import { instanceHealthHandlers } from './instance-health.ts';
import { instanceHandlers } from './instances.ts';
import { listenerPolicyHandlers } from './listener-policies.ts';
import { listenerHandlers } from './listeners.ts';
import { loadBalancerHandlers } from './load-balancers.ts';
import { networkHandlers } from './network.ts';
import type { Action, Handler } from './operation.ts';
import { policyHandlers } from './policies.ts';
import { tagHandlers } from './tags.ts';

export type Handlers = { readonly [A in Action]: Handler<A> };

export const handlers: Handlers = {
  ...accountLimitHandlers,
  ...attributeHandlers,
  ...certificateHandlers,
  ...describeHandlers,
  ...describePolicyHandlers,
  ...healthCheckHandlers,
  ...instanceHandlers,
  ...instanceHealthHandlers,
  ...listenerHandlers,
  ...listenerPolicyHandlers,
  ...loadBalancerHandlers,
  ...networkHandlers,
  ...policyHandlers,
  ...tagHandlers,
};
