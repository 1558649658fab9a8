/** DescribeCertificate and GetCertificate. */
import { createHash } from 'node:crypto';
import type { AcmCertificate } from '../../../model/certificate.ts';
import { userArns } from '../../certificate-records.ts';
import type { Outcome } from '../../changes.ts';
import { onCertificate } from './operation.ts';
import type { CertificateCall, Handler } from './operation.ts';
import type * as shapes from './shapes.ts';

/** What both descriptions, the long one and that of a list, say of a certificate. */
export function commonDescription(certificate: AcmCertificate, nowMs: number) {
  const { arn, details, createdTimeMs, importedTimeMs, request } = certificate;
  const [domain] = details.domainNames;
  return {
    CertificateArn: arn,
    ...(domain === undefined ? {} : { DomainName: domain }),
    Status: statusOf(certificate, nowMs),
    Type: request === undefined ? 'IMPORTED' : 'AMAZON_ISSUED',
    KeyAlgorithm: details.keyAlgorithm,
    RenewalEligibility: 'INELIGIBLE',
    NotBefore: new Date(details.notBeforeMs),
    NotAfter: new Date(details.notAfterMs),
    CreatedAt: new Date(createdTimeMs),
    ...(request === undefined ? { ImportedAt: new Date(importedTimeMs) } : { IssuedAt: new Date(createdTimeMs) }),
  };
}

export function statusOf({ details }: AcmCertificate, nowMs: number): 'ISSUED' | 'EXPIRED' {
  return nowMs < details.notAfterMs ? 'ISSUED' : 'EXPIRED';
}

function describe({ certificate, context }: CertificateCall<unknown>): Outcome<shapes.DescribeCertificateResponse> {
  const { details, request } = certificate;
  const detail: shapes.CertificateDetail = {
    ...commonDescription(certificate, context.nowMs),
    SubjectAlternativeNames: details.domainNames,
    ...(request === undefined ? {} : { DomainValidationOptions: validations(certificate) }),
    Serial: details.serial,
    Subject: details.subject,
    Issuer: details.issuer,
    SignatureAlgorithm: details.signatureAlgorithm,
    InUseBy: userArns(context.view, certificate),
    KeyUsages: details.keyUsages.map((name) => ({ Name: name })),
    ExtendedKeyUsages: details.extendedKeyUsages.map(({ name, oid }) => ({ Name: name, OID: oid })),
    Options: {
      CertificateTransparencyLoggingPreference: request?.transparencyLogging ?? 'DISABLED',
      Export: 'DISABLED',
    },
  };
  return { output: { Certificate: detail }, changes: [] };
}

/** Nobody validates a self-signed certificate; clients wait until this is there. */
function validations({ id, details, request }: AcmCertificate): readonly shapes.DomainValidation[] {
  return details.domainNames.map((domain) => {
    const plain = domain.replace(/^\*\./, '');
    const label = `_${createHash('sha256').update(`${id}/${plain}`).digest('hex').slice(0, 32)}`;
    const validation = { DomainName: domain, ValidationDomain: plain, ValidationStatus: 'SUCCESS' };
    return request?.validationMethod === 'EMAIL'
      ? { ...validation, ValidationMethod: 'EMAIL', ValidationEmails: [`admin@${plain}`] }
      : {
          ...validation,
          ValidationMethod: 'DNS',
          ResourceRecord: { Name: `${label}.${plain}.`, Type: 'CNAME', Value: `${label}.acm-validations.aws.` },
        };
  });
}

function get({ certificate }: CertificateCall<unknown>): Outcome<shapes.GetCertificateResponse> {
  const { body, chain } = certificate;
  const output = chain === '' ? { Certificate: body } : { Certificate: body, CertificateChain: chain };
  return { output, changes: [] };
}

export const describeHandlers = {
  DescribeCertificate: { mutates: false, decide: onCertificate(describe) },
  GetCertificate: { mutates: false, decide: onCertificate(get) },
} satisfies {
  DescribeCertificate: Handler<'DescribeCertificate'>;
  GetCertificate: Handler<'GetCertificate'>;
};
