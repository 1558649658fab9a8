/** What the parameters of IAM's actions may be. */
import { CERTIFICATES, MAX_TAGS } from '../../../model/limits.ts';
import type { Tag } from '../../../model/load-balancer.ts';
import { itemPath } from '../../codec/member-path.ts';
import { rangeViolations, violation, violationsFault } from '../../fault.ts';
import { tagKeysProblem, tagViolations, textViolations } from '../../input-rules.ts';
import type { TextRule } from '../../input-rules.ts';
import { iamFault } from './model.ts';
import type { IamFault } from './model.ts';
import type * as shapes from './shapes.ts';

const { maxBodyLength, maxKeyLength, maxChainLength } = CERTIFICATES.iam;
const NAME: TextRule = { min: 1, max: 128, pattern: /^[\w+=,.@-]+$/ };
const PATH: TextRule = { min: 1, max: 512, pattern: /^(?:\/|\/[\x21-\x7e]+\/)$/ };
const PATH_PREFIX: TextRule = { min: 1, max: 512, pattern: /^\/[\x21-\x7f]*$/ };
const BODY: TextRule = { min: 1, max: maxBodyLength };
const CHAIN: TextRule = { min: 1, max: maxChainLength };
const PRIVATE_KEY: TextRule = { min: 1, max: maxKeyLength, isSensitive: true };
const MARKER: TextRule = { min: 1, max: 320 };
const MAX_ITEMS = { min: 1, max: 1000 };

/** The content of the texts is checkCertificate's job. */
export function uploadFault(input: shapes.UploadServerCertificateRequest): IamFault | undefined {
  return violationsFault([
    ...textViolations(input.ServerCertificateName, 'serverCertificateName', NAME),
    ...textViolations(input.Path, 'path', PATH),
    ...textViolations(input.CertificateBody, 'certificateBody', BODY),
    ...textViolations(input.PrivateKey, 'privateKey', PRIVATE_KEY),
    ...textViolations(input.CertificateChain, 'certificateChain', CHAIN),
  ]);
}

/** Tags to be set, each key once. */
export function readTags(given: readonly shapes.Tag[] = []): readonly Tag[] | IamFault {
  const tags = given.map(({ Key, Value }): Tag => ({ key: Key, value: Value }));
  const violations = tags.flatMap((tag, index) => tagViolations(tag, itemPath('tags', index + 1)));
  if (tags.length > MAX_TAGS) {
    violations.push(violation(tags.length, 'tags', `Member must have length less than or equal to ${MAX_TAGS}`));
  }
  const fault = violationsFault(violations);
  if (fault !== undefined) return fault;
  const problem = tagKeysProblem(tags);
  return problem === undefined ? tags : iamFault('InvalidInput', problem);
}

export function nameFault(name: string): IamFault | undefined {
  return violationsFault(textViolations(name, 'serverCertificateName', NAME));
}

export function updateFault(input: shapes.UpdateServerCertificateRequest): IamFault | undefined {
  return violationsFault([
    ...textViolations(input.ServerCertificateName, 'serverCertificateName', NAME),
    ...textViolations(input.NewPath, 'newPath', PATH),
    ...textViolations(input.NewServerCertificateName, 'newServerCertificateName', NAME),
  ]);
}

export function listFault({ PathPrefix, ...page }: shapes.ListServerCertificatesRequest): IamFault | undefined {
  return violationsFault([...textViolations(PathPrefix, 'pathPrefix', PATH_PREFIX), ...pageViolations(page)]);
}

export function listTagsFault({
  ServerCertificateName,
  ...page
}: shapes.ListServerCertificateTagsRequest): IamFault | undefined {
  return violationsFault([
    ...textViolations(ServerCertificateName, 'serverCertificateName', NAME),
    ...pageViolations(page),
  ]);
}

export interface PageInput {
  readonly Marker?: string;
  readonly MaxItems?: number;
}

function pageViolations({ Marker, MaxItems }: PageInput): readonly string[] {
  return [...textViolations(Marker, 'marker', MARKER), ...rangeViolations(MaxItems, 'maxItems', MAX_ITEMS)];
}

export function userNameFault(name: string | undefined): IamFault | undefined {
  return violationsFault(textViolations(name, 'userName', NAME));
}
