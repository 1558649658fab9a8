/** What the parameters of ACM's actions may be. */
import { CERTIFICATES, MAX_TAGS } from '../../../model/limits.ts';
import type { Tag } from '../../../model/load-balancer.ts';
import { itemPath } from '../../codec/member-path.ts';
import { Fault, rangeViolations, violation, violationsFault } from '../../fault.ts';
import { enumViolations, tagKeysProblem, tagViolations, textViolations } from '../../input-rules.ts';
import type { TextRule } from '../../input-rules.ts';
import { acmFault } from './model.ts';
import type { AcmFault } from './model.ts';
import type * as shapes from './shapes.ts';

const { maxBodyLength, maxKeyLength, maxChainLength } = CERTIFICATES.acm;
const ARN: TextRule = {
  min: 20,
  max: 2048,
  pattern: /^arn:[\w+=/,.@-]+:acm:[\w+=/,.@-]*:[0-9]+:[\w+=,.@-]+(\/[\w+=,.@-]+)*$/,
};
const BODY: TextRule = { min: 1, max: maxBodyLength };
const CHAIN: TextRule = { min: 1, max: maxChainLength };
const PRIVATE_KEY: TextRule = { min: 1, max: maxKeyLength, isSensitive: true };
/** AWS's, and *ours*: a single label such as `localhost`. */
const DOMAIN: TextRule = {
  min: 1,
  max: 253,
  pattern: /^(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)*((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])$/,
};
const TOKEN: TextRule = { min: 1, max: 32, pattern: /^\w+$/ };
const NEXT_TOKEN: TextRule = { min: 1, max: 10_000 };
const MAX_ITEMS = { min: 1, max: 1000 };
/** The common name of a certificate (RFC 5280, ub-common-name). */
const MAX_COMMON_NAME_LENGTH = 64;

/** The algorithms of keys that weir makes. */
const REQUESTED_KEYS = ['RSA_2048', 'EC_prime256v1', 'EC_secp384r1'];

export function arnFault(arn: string): AcmFault | undefined {
  return violationsFault(textViolations(arn, 'certificateArn', ARN));
}

export function importFault(input: shapes.ImportCertificateRequest): AcmFault | undefined {
  return violationsFault([
    ...textViolations(input.CertificateArn, 'certificateArn', ARN),
    ...textViolations(input.Certificate, 'certificate', BODY),
    ...textViolations(input.PrivateKey, 'privateKey', PRIVATE_KEY),
    ...textViolations(input.CertificateChain, 'certificateChain', CHAIN),
  ]);
}

export function listFault(input: shapes.ListCertificatesRequest): AcmFault | undefined {
  const fault = violationsFault([
    ...textViolations(input.NextToken, 'nextToken', NEXT_TOKEN),
    ...enumViolations(input.SortBy, 'sortBy', ['CREATED_AT']),
    ...enumViolations(input.SortOrder, 'sortOrder', ['ASCENDING', 'DESCENDING']),
    ...rangeViolations(input.MaxItems, 'maxItems', MAX_ITEMS),
  ]);
  if (fault !== undefined || (input.SortBy === undefined) === (input.SortOrder === undefined)) return fault;
  return acmFault('ValidationError', 'SortBy and SortOrder must be given together.');
}

export function requestFault(input: shapes.RequestCertificateRequest): AcmFault | undefined {
  const { SubjectAlternativeNames: names = [], DomainName: domain, Options: options } = input;
  const violations = [
    ...textViolations(domain, 'domainName', DOMAIN),
    ...names.flatMap((name, index) => textViolations(name, itemPath('subjectAlternativeNames', index + 1), DOMAIN)),
    ...textViolations(input.IdempotencyToken, 'idempotencyToken', TOKEN),
    ...enumViolations(input.ValidationMethod, 'validationMethod', ['DNS', 'EMAIL']),
    ...enumViolations(input.KeyAlgorithm, 'keyAlgorithm', REQUESTED_KEYS),
    ...enumViolations(options?.CertificateTransparencyLoggingPreference, 'options', ['ENABLED', 'DISABLED']),
    ...enumViolations(options?.Export, 'options', ['DISABLED']),
  ];
  if (names.length > CERTIFICATES.maxDomainNames) {
    const rule = `Member must have length less than or equal to ${CERTIFICATES.maxDomainNames}`;
    violations.push(violation(names.length, 'subjectAlternativeNames', rule));
  }
  const fault = violationsFault(violations);
  if (fault !== undefined) return fault;
  if (domain.length > MAX_COMMON_NAME_LENGTH) {
    return acmFault(
      'ValidationError',
      `The first domain name can be no more than ${MAX_COMMON_NAME_LENGTH} octets, including periods.`,
    );
  }
  if (input.CertificateAuthorityArn === undefined && input.ManagedBy === undefined) return undefined;
  return acmFault(
    'ValidationError',
    'weir signs a requested certificate with its own key: it has neither a CertificateAuthorityArn nor a ManagedBy.',
  );
}

/** Tags to be set, each key once. */
export function readTags(given: readonly shapes.Tag[] = []): readonly Tag[] | AcmFault {
  const tags = given.map(({ Key, Value }): Tag => (Value === undefined ? { key: Key } : { key: Key, value: Value }));
  const fault = violationsFault(tags.flatMap((tag, index) => tagViolations(tag, itemPath('tags', index + 1))));
  if (fault !== undefined) return fault;
  const problem = tagKeysProblem(tags);
  return problem === undefined ? mergeTags([], tags) : acmFault('InvalidTagException', problem);
}

/** `tags` with `added`; a key that is there already gets the new value. */
export function mergeTags(tags: readonly Tag[], added: readonly Tag[]): readonly Tag[] | AcmFault {
  const merged = [...new Map([...tags, ...added].map((tag) => [tag.key, tag])).values()];
  if (merged.length <= MAX_TAGS) return merged;
  const message = `A certificate can have at most ${MAX_TAGS} tags; these would be ${merged.length}.`;
  return acmFault('TooManyTagsException', message);
}

/** Tags that a new certificate gets, which are no tags of one that is there. */
export function newTags(given: readonly shapes.Tag[] | undefined, isNew: boolean): readonly Tag[] | AcmFault {
  const tags = readTags(given);
  if (isNew || tags instanceof Fault || tags.length === 0) return tags;
  return acmFault('ValidationError', 'Tags cannot be given when a certificate is imported again.');
}
