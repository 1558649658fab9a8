/** RequestCertificate: *ours*, a self-signed certificate, issued at once, for development. */
import { X509Certificate } from 'node:crypto';
import { present } from '../../../kit/assert.ts';
import { readDetails } from '../../../model/certificate-details.ts';
import { issueCertificate } from '../../../model/certificate-issue.ts';
import type { AcmCertificate, CertificateRequest } from '../../../model/certificate.ts';
import { CERTIFICATES } from '../../../model/limits.ts';
import { certificateChange } from '../../../store/store.ts';
import type { Outcome } from '../../changes.ts';
import { Fault } from '../../fault.ts';
import { newCertificate } from './import-certificate.ts';
import type { AcmFault } from './model.ts';
import { ownCertificates, quotaFault } from './operation.ts';
import type { CallContext, Handler } from './operation.ts';
import { readTags, requestFault } from './rules.ts';
import type * as shapes from './shapes.ts';

const DEFAULT_KEY = 'RSA_2048';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long a token stands for the same request. */
const IDEMPOTENT_MS = HOUR_MS;
/** Clocks of clients that are slow must not take it for one of the future. */
const SKEW_MS = HOUR_MS;
const SERIAL_BYTES = 16;

function requestCertificate(
  input: shapes.RequestCertificateRequest,
  context: CallContext,
): Outcome<shapes.RequestCertificateResponse> | AcmFault {
  const fault = requestFault(input);
  if (fault !== undefined) return fault;
  const tags = readTags(input.Tags);
  if (tags instanceof Fault) return tags;
  const domainNames = [...new Set([input.DomainName, ...(input.SubjectAlternativeNames ?? [])])];
  const before = findSame(input.IdempotencyToken, domainNames, context);
  if (before !== undefined) return { output: { CertificateArn: before.arn }, changes: [] };
  const full = quotaFault(context);
  if (full !== undefined) return full;
  const certificate = {
    ...newCertificate(selfSigned(input, domainNames, context), tags, context),
    request: requestOf(input),
  };
  return { output: { CertificateArn: certificate.arn }, changes: [certificateChange(certificate.arn, certificate)] };
}

function requestOf(input: shapes.RequestCertificateRequest): CertificateRequest {
  const { ValidationMethod, Options, IdempotencyToken } = input;
  return {
    validationMethod: ValidationMethod === 'EMAIL' ? 'EMAIL' : 'DNS',
    transparencyLogging: Options?.CertificateTransparencyLoggingPreference === 'DISABLED' ? 'DISABLED' : 'ENABLED',
    ...(IdempotencyToken === undefined ? {} : { idempotencyToken: IdempotencyToken }),
  };
}

function findSame(
  token: string | undefined,
  domainNames: readonly string[],
  context: CallContext,
): AcmCertificate | undefined {
  if (token === undefined) return undefined;
  return ownCertificates(context).find(
    ({ request, details, createdTimeMs }) =>
      request?.idempotencyToken === token &&
      createdTimeMs > context.nowMs - IDEMPOTENT_MS &&
      details.domainNames.join() === domainNames.join(),
  );
}

function selfSigned(
  { DomainName: commonName, KeyAlgorithm: algorithm = DEFAULT_KEY }: shapes.RequestCertificateRequest,
  domainNames: readonly string[],
  { nowMs, random, keyPair }: CallContext,
) {
  const { publicKey, privateKey } = present(keyPair, 'the key pair that newKey asked for');
  const body = issueCertificate({
    commonName,
    domainNames,
    publicKey,
    issuerCommonName: commonName,
    signingKey: privateKey,
    serial: random.bytes(SERIAL_BYTES),
    notBeforeMs: nowMs - SKEW_MS,
    notAfterMs: nowMs + CERTIFICATES.validDays * DAY_MS,
  });
  const details = readDetails(new X509Certificate(body), algorithm);
  return { body, chain: '', details, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
}

export const requestHandlers = {
  RequestCertificate: {
    mutates: true,
    newKey: (input) => (requestFault(input) === undefined ? (input.KeyAlgorithm ?? DEFAULT_KEY) : undefined),
    decide: requestCertificate,
  },
} satisfies { RequestCertificate: Handler<'RequestCertificate'> };
