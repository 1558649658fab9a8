/** What the policies of a listener (SetLoadBalancerPoliciesOfListener) say of sticky sessions. */
import { layerOf, type Listener, type LoadBalancer } from './load-balancer.ts';

export type Stickiness =
  | { readonly kind: 'duration'; /** Undefined: as long as the browser's session. */ readonly periodSeconds?: number }
  | { readonly kind: 'application'; readonly cookieName: string };

/** Undefined where requests are routed each on its own. A period of 0 is none. */
export function stickinessOf(record: LoadBalancer, { protocol, policyNames }: Listener): Stickiness | undefined {
  if (layerOf(protocol) !== 7) return undefined;
  for (const { policyName, policyTypeName, attributes } of record.policies) {
    if (!policyNames.includes(policyName)) continue;
    const valueOf = (name: string): string | undefined => attributes.find((each) => each.name === name)?.value;
    if (policyTypeName === 'LBCookieStickinessPolicyType') {
      const periodSeconds = Number(valueOf('CookieExpirationPeriod') ?? 0);
      return { kind: 'duration', ...(periodSeconds > 0 ? { periodSeconds } : {}) };
    }
    const cookieName = valueOf('CookieName');
    if (policyTypeName === 'AppCookieStickinessPolicyType' && cookieName !== undefined) {
      return { kind: 'application', cookieName };
    }
  }
  return undefined;
}
