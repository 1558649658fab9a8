/** Policies as callers give them: name, type and attributes, each checked; and when two are the same. */
import { isDeepStrictEqual } from 'node:util';
import { POLICIES } from '../../../model/limits.ts';
import type { LoadBalancer, Policy, PolicyAttribute } from '../../../model/load-balancer.ts';
import { findPolicyType } from '../../../model/policy-types.ts';
import type { PolicyAttributeType, PolicyType } from '../../../model/policy-types.ts';
import { readPublicKey } from '../../../model/public-key.ts';
import { SSL_NEGOTIATION_POLICY_TYPE } from '../../../model/ssl-policy.ts';
import { Fault, shown } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { nameProblem } from './names.ts';
import type * as shapes from './shapes.ts';
import { readSslAttributes } from './ssl-attributes.ts';

/** Names of predefined policies begin so. */
const RESERVED_PREFIXES = ['ELBSecurityPolicy-', 'ELBSample-'];
/** RFC 6265: a token. */
const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const OWN_COOKIES = ['AWSELB', 'AWSELBCORS'];

/** What is asked for: one attribute may be given several times. */
export interface WantedPolicy {
  readonly name: string;
  readonly typeName: string;
  readonly attributes: readonly shapes.PolicyAttribute[];
}

/** The policy as it is kept, or what is wrong with it. `record`: the load balancer that it shall belong to. */
export function readPolicy(wanted: WantedPolicy, record: LoadBalancer): Policy | ElbFault {
  const fault = nameFault(wanted.name);
  if (fault !== undefined) return fault;
  const type = findPolicyType(wanted.typeName);
  if (type === undefined) return policyTypeNotFound(wanted.typeName);
  const given = readGiven(wanted.attributes);
  if (given instanceof Fault) return given;
  const attributes =
    type.name === SSL_NEGOTIATION_POLICY_TYPE ? readSslAttributes(given) : readAttributes(type, given, record);
  if (attributes instanceof Fault) return attributes;
  return { policyName: wanted.name, policyTypeName: type.name, attributes };
}

export function policyTypeNotFound(name: string): ElbFault {
  return elbFault('PolicyTypeNotFound', `There is no policy type with name ${shown(name)}`);
}

/** Whether both say the same, in whatever form and order it was given. */
export function isSamePolicy(a: Policy, b: Policy): boolean {
  const meaning = ({ attributes }: Policy) =>
    attributes.map(({ name, value }) => `${name}=${value}`).toSorted((x, y) => (x < y ? -1 : 1));
  return a.policyTypeName === b.policyTypeName && isDeepStrictEqual(meaning(a), meaning(b));
}

function nameFault(name: string): ElbFault | undefined {
  const problem = nameProblem(name, POLICIES.maxNameLength) ?? prefixProblem(name);
  return problem === undefined ? undefined : elbFault('ValidationError', `Policy name ${problem}`);
}

function prefixProblem(name: string): string | undefined {
  if (!RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix))) return undefined;
  return `cannot begin with ${RESERVED_PREFIXES.join(' or ')}: these prefixes are reserved for the predefined policies`;
}

function readGiven(input: readonly shapes.PolicyAttribute[]): readonly PolicyAttribute[] | ElbFault {
  const given: PolicyAttribute[] = [];
  for (const { AttributeName: name = '', AttributeValue: value } of input) {
    if (!/^[\x21-\x7e]+$/.test(name)) {
      return invalid('PolicyAttributeName may only contain non-whitespace printable ASCII characters');
    }
    if (value === undefined || value === '') return invalid(`PolicyAttribute '${shown(name)}' must have a value`);
    given.push({ name, value });
  }
  return given;
}

/** In the order of the type; what is said in several ways stands in one of them, beside what was given. */
function readAttributes(
  type: PolicyType,
  given: readonly PolicyAttribute[],
  record: LoadBalancer,
): readonly PolicyAttribute[] | ElbFault {
  const unknown = given.find(({ name }) => !type.attributes.some((known) => known.name === name));
  if (unknown !== undefined) {
    const known = type.attributes.map(({ name }) => name).join(', ');
    return invalid(
      `PolicyAttribute '${shown(unknown.name)}' is not defined in the policy type: ${type.name} has ${known}`,
    );
  }
  const attributes: PolicyAttribute[] = [];
  for (const attributeType of type.attributes) {
    const values = given.filter(({ name }) => name === attributeType.name).map(({ value }) => value);
    const fault = countFault(attributeType, values.length);
    if (fault !== undefined) return fault;
    for (const value of new Set(values)) {
      const read = readValue(attributeType, value, record);
      if (read instanceof Fault) return read;
      const { name } = attributeType;
      attributes.push(read === value ? { name, value } : { name, value: read, given: value });
    }
  }
  // A period of no seconds is none: the cookie lasts as long as the browser.
  return attributes.filter(({ name, value }) => name !== 'CookieExpirationPeriod' || value !== '0');
}

function countFault({ name, cardinality }: PolicyAttributeType, count: number): ElbFault | undefined {
  const atLeast = cardinality === 'ONE' || cardinality === 'ONE_OR_MORE' ? 1 : 0;
  const atMost = cardinality === 'ONE' || cardinality === 'ZERO_OR_ONE' ? 1 : Infinity;
  if (count < atLeast) return invalid(`PolicyAttribute '${name}' must be given`);
  return count > atMost ? invalid(`PolicyAttribute '${name}' must be given once`) : undefined;
}

/** The value in the form in which it is kept. */
function readValue(type: PolicyAttributeType, value: string, record: LoadBalancer): string | ElbFault {
  switch (type.type) {
    case 'Boolean':
      if (/^(true|false)$/i.test(value)) return value.toLowerCase();
      return invalid(`PolicyAttribute '${type.name}' must be true or false, not '${shown(value)}'`);
    case 'Long':
      return readPeriod(type, value);
    case 'PolicyName':
      return readKeyPolicyName(value, record);
    default:
      return type.name === 'PublicKey' ? readKey(value) : readCookieName(value);
  }
}

function readPeriod({ name }: PolicyAttributeType, value: string): string | ElbFault {
  const seconds = /^\+?\d{1,15}$/.test(value) ? Number(value) : -1;
  if (seconds >= 0 && seconds <= POLICIES.maxCookiePeriod) return String(seconds);
  return invalid(
    `PolicyAttribute '${name}' must be a whole number of seconds from 0 (the cookie lasts as long as the browser) to ` +
      `${POLICIES.maxCookiePeriod}, not '${shown(value)}'`,
  );
}

function readKeyPolicyName(value: string, { name, policies }: LoadBalancer): string | ElbFault {
  const policy = policies.find(({ policyName }) => policyName === value);
  if (policy?.policyTypeName === 'PublicKeyPolicyType') return value;
  const problem =
    policy === undefined
      ? `There is no policy with name ${shown(value)} for load balancer ${name}`
      : `The policy ${value} is a ${policy.policyTypeName}`;
  return elbFault(
    'InvalidConfigurationRequest',
    `${problem}: PublicKeyPolicyName must name a PublicKeyPolicyType policy of the same load balancer`,
  );
}

function readKey(value: string): string | ElbFault {
  const key = value.length > POLICIES.maxPublicKeyLength ? undefined : readPublicKey(value);
  return (
    key ??
    invalid(
      "PolicyAttribute 'PublicKey' must be a public key or an X.509 certificate in PEM format, with or without its " +
        `first and last line, of at most ${POLICIES.maxPublicKeyLength} characters`,
    )
  );
}

function readCookieName(value: string): string | ElbFault {
  if (OWN_COOKIES.includes(value))
    return invalid(`CookieName cannot be ${value}: it is the load balancer's own cookie`);
  if (value.length <= POLICIES.maxCookieNameLength && COOKIE_NAME.test(value)) return value;
  return invalid(
    `CookieName must be 1 to ${POLICIES.maxCookieNameLength} characters that the name of a cookie can have (letters, ` +
      `digits, and such as - _ . but no spaces, commas, semicolons or equal signs), not '${shown(value)}'`,
  );
}

function invalid(message: string): ElbFault {
  return elbFault('ValidationError', message);
}
