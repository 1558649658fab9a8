/** ListCertificates. */
import type { AcmCertificate } from '../../../model/certificate.ts';
import { CERTIFICATES } from '../../../model/limits.ts';
import { usersIn } from '../../certificate-records.ts';
import type { Outcome } from '../../changes.ts';
import { pageOf } from '../../page.ts';
import { commonDescription, statusOf } from './describe.ts';
import { acmFault } from './model.ts';
import type { AcmFault } from './model.ts';
import { ownCertificates } from './operation.ts';
import type { CallContext, Handler } from './operation.ts';
import { listFault } from './rules.ts';
import type * as shapes from './shapes.ts';

const DEFAULT_MAX_ITEMS = 1000;
/** AWS's: other kinds of key are listed only to those who ask for them. */
const DEFAULT_KEY_TYPES = ['RSA_1024', 'RSA_2048'];
/** Digits of epoch milliseconds until the year 5138. */
const TIME_DIGITS = 14;

function list(
  input: shapes.ListCertificatesRequest,
  context: CallContext,
): Outcome<shapes.ListCertificatesResponse> | AcmFault {
  const fault = listFault(input);
  if (fault !== undefined) return fault;
  const isDescending = input.SortOrder === 'DESCENDING';
  const keyOf = ({ arn, createdTimeMs }: AcmCertificate): string =>
    input.SortBy === undefined ? arn : `${String(Math.floor(createdTimeMs)).padStart(TIME_DIGITS, '0')} ${arn}`;
  const chosen = ownCertificates(context).filter((certificate) => isChosen(certificate, input, context.nowMs));
  const sorted = chosen.toSorted((a, b) => (keyOf(a) < keyOf(b) !== isDescending ? -1 : 1));
  const { MaxItems: size = DEFAULT_MAX_ITEMS, NextToken: marker } = input;
  const page = pageOf(sorted, { size, marker, keyOf, isDescending });
  if (page === undefined) return acmFault('ValidationError', 'NextToken must be that of the page before.');
  const output = {
    CertificateSummaryList: page.items.map((certificate) => summary(certificate, context)),
    ...(page.nextMarker === undefined ? {} : { NextToken: page.nextMarker }),
  };
  return { output, changes: [] };
}

function isChosen(certificate: AcmCertificate, input: shapes.ListCertificatesRequest, nowMs: number): boolean {
  const { CertificateStatuses: statuses, Includes: includes = {} } = input;
  const { details } = certificate;
  const has = (wanted: readonly string[] | undefined, values: readonly string[]): boolean =>
    wanted === undefined || wanted.length === 0 || values.some((value) => wanted.includes(value));
  const extended = details.extendedKeyUsages.map(({ name }) => name);
  return (
    has(statuses, [statusOf(certificate, nowMs)]) &&
    (includes.keyTypes ?? DEFAULT_KEY_TYPES).includes(details.keyAlgorithm) &&
    has(includes.keyUsage, details.keyUsages) &&
    has(includes.extendedKeyUsage, extended) &&
    // None can be exported, and none is managed by another service.
    includes.exportOption !== 'ENABLED' &&
    includes.managedBy === undefined
  );
}

function summary(certificate: AcmCertificate, { view, nowMs }: CallContext): shapes.CertificateSummary {
  const { details } = certificate;
  return {
    ...commonDescription(certificate, nowMs),
    SubjectAlternativeNameSummaries: details.domainNames.slice(0, CERTIFICATES.maxDomainNames),
    HasAdditionalSubjectAlternativeNames: details.domainNames.length > CERTIFICATES.maxDomainNames,
    KeyUsages: details.keyUsages,
    ExtendedKeyUsages: details.extendedKeyUsages.map(({ name }) => name),
    ExportOption: 'DISABLED',
    InUse: usersIn(view, certificate).length > 0,
    Exported: false,
  };
}

export const listHandlers = {
  ListCertificates: { mutates: false, decide: list },
} satisfies { ListCertificates: Handler<'ListCertificates'> };
