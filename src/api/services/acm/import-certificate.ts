/** ImportCertificate: a new certificate, or another one under the ARN of an imported one. */
import { checkCertificate } from '../../../model/certificate-check.ts';
import type { CheckedCertificate } from '../../../model/certificate-check.ts';
import { acmArnPrefix } from '../../../model/certificate.ts';
import type { AcmCertificate } from '../../../model/certificate.ts';
import type { Tag } from '../../../model/load-balancer.ts';
import { certificateChange } from '../../../store/store.ts';
import { configuredFault, outOfDateNotes } from '../../certificate-records.ts';
import type { Outcome } from '../../changes.ts';
import { Fault } from '../../fault.ts';
import { makeRequestId } from '../../request-id.ts';
import { acmFault } from './model.ts';
import type { AcmFault } from './model.ts';
import { find, quotaFault } from './operation.ts';
import type { CallContext, Handler } from './operation.ts';
import { importFault, newTags } from './rules.ts';
import type * as shapes from './shapes.ts';

function importCertificate(
  input: shapes.ImportCertificateRequest,
  context: CallContext,
): Outcome<shapes.ImportCertificateResponse> | AcmFault {
  const fault = importFault(input);
  if (fault !== undefined) return fault;
  const before = input.CertificateArn === undefined ? undefined : findImported(input.CertificateArn, context);
  if (before instanceof Fault) return before;
  const tags = newTags(input.Tags, before === undefined);
  if (tags instanceof Fault) return tags;
  const checked = checkCertificate(textsOf(input), context.nowMs);
  if ('reason' in checked) return acmFault('ValidationError', checked.message);
  const full = before === undefined ? quotaFault(context) : undefined;
  if (full !== undefined) return full;
  const certificate = before ?? newCertificate(checked, tags, context);
  const { arn, id } = certificate;
  const record: AcmCertificate = {
    ...certificate,
    body: checked.body,
    chain: checked.chain,
    details: checked.details,
    sealedKey: context.secrets.seal(checked.privateKey, id),
    importedTimeMs: context.nowMs,
  };
  return {
    output: { CertificateArn: arn },
    changes: [certificateChange(arn, record)],
    notes: outOfDateNotes(arn, checked),
  };
}

function findImported(arn: string, context: CallContext): AcmCertificate | AcmFault {
  const certificate = find(arn, context);
  if (certificate instanceof Fault) return certificate;
  if (certificate.request === undefined) return configuredFault(certificate) ?? certificate;
  return acmFault('ValidationError', `The certification ARN ${arn} is not an imported certificate ARN`);
}

/** PEM is ASCII; bytes beyond are outside of its blocks. */
function textsOf({ Certificate, PrivateKey, CertificateChain }: shapes.ImportCertificateRequest) {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
  const given = { certificate: text(Certificate), privateKey: text(PrivateKey) };
  return CertificateChain === undefined ? given : { ...given, chain: text(CertificateChain) };
}

/** The record of a new certificate, its key sealed. */
export function newCertificate(
  { body, chain, details, privateKey }: Omit<CheckedCertificate, 'isOutOfDate'>,
  tags: readonly Tag[],
  { caller, random, nowMs, secrets }: CallContext,
): AcmCertificate {
  const { accountId, region } = caller;
  const id = makeRequestId(random);
  return {
    kind: 'acm',
    accountId,
    region,
    arn: acmArnPrefix(accountId, region) + id,
    id,
    body,
    chain,
    details,
    sealedKey: secrets.seal(privateKey, id),
    createdTimeMs: nowMs,
    importedTimeMs: nowMs,
    tags,
  };
}

export const importHandlers = {
  ImportCertificate: { mutates: true, decide: importCertificate },
} satisfies { ImportCertificate: Handler<'ImportCertificate'> };
