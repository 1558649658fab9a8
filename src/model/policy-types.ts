/** The six policy types and their attributes, in AWS's words (DescribeLoadBalancerPolicyTypes). */
import { whyNotEnforceable } from './ssl-policy-resolve.ts';
import {
  REFERENCE_SECURITY_POLICY,
  SERVER_DEFINED_CIPHER_ORDER,
  SSL_CIPHERS,
  SSL_NEGOTIATION_POLICY_TYPE,
  SSL_PROTOCOLS,
  TLS_1_3,
} from './ssl-policy.ts';

export type PolicyTypeName =
  | 'AppCookieStickinessPolicyType'
  | 'BackendServerAuthenticationPolicyType'
  | 'LBCookieStickinessPolicyType'
  | 'ProxyProtocolPolicyType'
  | 'PublicKeyPolicyType'
  | 'SSLNegotiationPolicyType';

/** How often an attribute may be given. */
export type Cardinality = 'ONE' | 'ZERO_OR_ONE' | 'ZERO_OR_MORE' | 'ONE_OR_MORE';

export interface PolicyAttributeType {
  readonly name: string;
  readonly type: 'Boolean' | 'Long' | 'PolicyName' | 'String';
  readonly cardinality: Cardinality;
  readonly description?: string;
  readonly defaultValue?: string;
}

export interface PolicyType {
  readonly name: PolicyTypeName;
  readonly description: string;
  readonly attributes: readonly PolicyAttributeType[];
}

export const POLICY_TYPES: readonly PolicyType[] = [
  {
    name: 'ProxyProtocolPolicyType',
    description:
      'Policy that controls whether to include the IP address and port of the originating request for TCP messages. ' +
      'This policy operates on TCP/SSL listeners only',
    attributes: [{ name: 'ProxyProtocol', type: 'Boolean', cardinality: 'ONE' }],
  },
  {
    name: 'PublicKeyPolicyType',
    description:
      'Policy containing a list of public keys to accept when authenticating the back-end server(s). This policy ' +
      'cannot be applied directly to back-end servers or listeners but must be part of a ' +
      'BackendServerAuthenticationPolicyType.',
    attributes: [{ name: 'PublicKey', type: 'String', cardinality: 'ONE' }],
  },
  {
    name: 'AppCookieStickinessPolicyType',
    description:
      'Stickiness policy with session lifetimes controlled by the lifetime of the application-generated cookie. ' +
      'This policy can be associated only with HTTP/HTTPS listeners.',
    attributes: [{ name: 'CookieName', type: 'String', cardinality: 'ONE' }],
  },
  {
    name: 'LBCookieStickinessPolicyType',
    description:
      'Stickiness policy with session lifetimes controlled by the browser (user-agent) or a specified expiration ' +
      'period. This policy can be associated only with HTTP/HTTPS listeners.',
    attributes: [{ name: 'CookieExpirationPeriod', type: 'Long', cardinality: 'ZERO_OR_ONE' }],
  },
  {
    name: SSL_NEGOTIATION_POLICY_TYPE,
    description:
      'Listener policy that defines the ciphers and protocols that will be accepted by the load balancer. This ' +
      'policy can be associated only with HTTPS/SSL listeners.',
    attributes: sslAttributeTypes(),
  },
  {
    name: 'BackendServerAuthenticationPolicyType',
    description:
      'Policy that controls authentication to back-end server(s) and contains one or more policies, such as an ' +
      'instance of a PublicKeyPolicyType. This policy can be associated only with back-end servers that are using ' +
      'HTTPS/SSL.',
    attributes: [{ name: 'PublicKeyPolicyName', type: 'PolicyName', cardinality: 'ONE_OR_MORE' }],
  },
];

export function findPolicyType(name: string): PolicyType | undefined {
  return POLICY_TYPES.find((type) => type.name === name);
}

function sslAttributeTypes(): readonly PolicyAttributeType[] {
  return [
    {
      name: REFERENCE_SECURITY_POLICY,
      type: 'String',
      cardinality: 'ZERO_OR_ONE',
      description: 'The name of a predefined security policy, whose protocols, ciphers and cipher order are taken',
    },
    ...SSL_PROTOCOLS.map((name) => sslSwitch(name, whyNotOffered(name))),
    sslSwitch(TLS_1_3, 'An extension of weir: offer TLS 1.3 as well'),
    sslSwitch(
      SERVER_DEFINED_CIPHER_ORDER,
      "Choose the first cipher of the policy that the client offers, instead of the client's first that the policy has",
    ),
    ...SSL_CIPHERS.map((name) => sslSwitch(name, whyNotOffered(name))),
  ];
}

/** The one place of the API that can say so. */
function whyNotOffered(name: string): string | undefined {
  const why = whyNotEnforceable(name);
  return why === undefined ? undefined : `Kept and described, but not offered: ${why}`;
}

function sslSwitch(name: string, description?: string): PolicyAttributeType {
  const type = { name, type: 'Boolean', cardinality: 'ZERO_OR_ONE', defaultValue: 'false' } as const;
  return description === undefined ? type : { ...type, description };
}
