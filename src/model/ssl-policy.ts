/**
 * SSL negotiation policies: the predefined ones of AWS's table (ssl-policies.json) and custom ones.
 * A policy's attributes always stand complete and in the order of that table, whatever order they were given in, as
 * AWS describes them: this is also the order of the server's preference.
 */
import type { Policy, PolicyAttribute } from './load-balancer.ts';
import table from './ssl-policies.json' with { type: 'json' };

export const SSL_NEGOTIATION_POLICY_TYPE = 'SSLNegotiationPolicyType';
/** What an HTTPS or SSL listener without a policy of its own uses. */
export const DEFAULT_SSL_POLICY_NAME = 'ELBSecurityPolicy-2016-08';
export const REFERENCE_SECURITY_POLICY = 'Reference-Security-Policy';
export const SERVER_DEFINED_CIPHER_ORDER = 'Server-Defined-Cipher-Order';
/** *Ours*: in no predefined policy, and described only where it was given. */
export const TLS_1_3 = 'Protocol-TLSv1.3';

interface PredefinedPolicy {
  readonly protocols: readonly string[];
  readonly serverDefinedCipherOrder: boolean;
  readonly ciphers: readonly string[];
}

/** The five of AWS, in the order in which it describes them. */
export const SSL_PROTOCOLS: readonly string[] = table.protocols;
/** The 88 of AWS, by their OpenSSL names. */
export const SSL_CIPHERS: readonly string[] = table.ciphers;
const PREDEFINED: Readonly<Record<string, PredefinedPolicy>> = table.policies;

/** The names of all attributes with a value of true or false, ours included. */
export const SSL_SWITCHES: readonly string[] = [...SSL_PROTOCOLS, TLS_1_3, SERVER_DEFINED_CIPHER_ORDER, ...SSL_CIPHERS];
const SWITCHES: ReadonlySet<string> = new Set(SSL_SWITCHES);

/** Why a policy is refused, in AWS's words where they are known. */
export class SslPolicyFault {
  readonly code: 'ValidationError' | 'InvalidConfigurationRequest';
  readonly message: string;

  constructor(code: SslPolicyFault['code'], message: string) {
    this.code = code;
    this.message = message;
  }
}

/** AWS's 11 predefined policies, each with its 94 attributes; the newest first. */
export function predefinedSslPolicies(): readonly Policy[] {
  return Object.entries(PREDEFINED).map(([policyName, policy]) => ({
    policyName,
    policyTypeName: SSL_NEGOTIATION_POLICY_TYPE,
    attributes: describe(switchesOf(policy)),
  }));
}

/** The predefined policy of that name, in AWS's letter case. */
export function findPredefinedSslPolicy(name: string): Policy | undefined {
  return predefinedSslPolicies().find(({ policyName }) => policyName === name);
}

/**
 * The attributes as a policy keeps them: all of them, in the order of the table; `Reference-Security-Policy` first,
 * expanded to what the predefined policy says. What is not given is off.
 */
export function expandSslAttributes(given: readonly PolicyAttribute[]): readonly PolicyAttribute[] | SslPolicyFault {
  const switches = new Map<string, boolean>();
  let reference: string | undefined;
  for (const { name, value } of given) {
    const fault = nameFault(name);
    if (fault !== undefined) return fault;
    if (switches.has(name) || (name === REFERENCE_SECURITY_POLICY && reference !== undefined)) {
      return invalid(`PolicyAttribute '${name}' must be given once.`);
    }
    if (name === REFERENCE_SECURITY_POLICY) {
      reference = value;
      continue;
    }
    const on = readBoolean(value);
    if (on === undefined) return invalid(`PolicyAttribute '${name}' must be true or false, not '${cut(value)}'.`);
    switches.set(name, on);
  }
  return reference === undefined ? describe(onOf(switches)) : expandReference(reference, switches);
}

/** Other attributes may come along when they say the same: clients send back what was described to them. */
function expandReference(
  reference: string,
  others: ReadonlyMap<string, boolean>,
): readonly PolicyAttribute[] | SslPolicyFault {
  const policy = Object.hasOwn(PREDEFINED, reference) ? PREDEFINED[reference] : undefined;
  if (policy === undefined) {
    return invalid(
      `Invalid Reference Security Policy: ${cut(reference)}. ` +
        'Use DescribeLoadBalancerPolicies API to list valid security policies.',
    );
  }
  const on = switchesOf(policy);
  for (const [name, value] of others) {
    if (value === on.has(name)) continue;
    return invalid(
      `PolicyAttribute '${name}' is ${on.has(name)} in ${reference}, which Reference-Security-Policy names: ` +
        'leave one of the two out.',
    );
  }
  return [{ name: REFERENCE_SECURITY_POLICY, value: reference }, ...describe(on)];
}

/** The names of what is on. */
export function enabledSwitches(attributes: readonly PolicyAttribute[]): ReadonlySet<string> {
  return new Set(attributes.filter(({ value }) => value === 'true').map(({ name }) => name));
}

function nameFault(name: string): SslPolicyFault | undefined {
  if (!/^[\x21-\x7e]+$/.test(name)) {
    return invalid('PolicyAttributeName may only contain non-whitespace printable ASCII characters');
  }
  if (name === REFERENCE_SECURITY_POLICY || SWITCHES.has(name)) return undefined;
  return invalid(`PolicyAttribute '${cut(name)}' is not defined in the policy type`);
}

function describe(on: ReadonlySet<string>): readonly PolicyAttribute[] {
  return SSL_SWITCHES.filter((name) => name !== TLS_1_3 || on.has(name)).map((name) => ({
    name,
    value: String(on.has(name)),
  }));
}

function switchesOf(policy: PredefinedPolicy): ReadonlySet<string> {
  const order = policy.serverDefinedCipherOrder ? [SERVER_DEFINED_CIPHER_ORDER] : [];
  return new Set([...policy.protocols, ...order, ...policy.ciphers]);
}

function onOf(switches: ReadonlyMap<string, boolean>): ReadonlySet<string> {
  return new Set([...switches].filter(([, on]) => on).map(([name]) => name));
}

function readBoolean(value: string): boolean | undefined {
  return /^(?:true|false)$/i.test(value) ? value.toLowerCase() === 'true' : undefined;
}

/** A message must not grow with what it complains about. */
function cut(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64)}…`;
}

function invalid(message: string): SslPolicyFault {
  return new SslPolicyFault('ValidationError', message);
}
