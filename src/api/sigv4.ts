/**
 * Verification of AWS Signature Version 4: who calls, in which region, for which service. Whatever the key, the same
 * work is done and the same time taken before an answer, so that timing tells nothing of which keys there are.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { API } from '../model/limits.ts';
import type { Credential, KeyRing } from './credentials.ts';
import { commonFault, Fault } from './fault.ts';
import {
  canonicalPaths,
  canonicalQuery,
  canonicalRequest,
  headerValues,
  sha256Hex,
  sign,
  stringToSign,
} from '../wire/sigv4-canonical.ts';
import type { WireRequest } from '../wire/sigv4-canonical.ts';
import { formatTimestamp, readClaim } from './sigv4-claim.ts';
import type { Claim, ClaimFault } from './sigv4-claim.ts';

export type SignatureFault = ClaimFault | Fault<'InvalidClientTokenId' | 'RequestExpired'>;

/** A request whose signature is right. */
export interface Signed {
  readonly credential: Credential;
  /** From the credential scope: lower-case letters, digits and hyphens. */
  readonly region: string;
  readonly service: string;
}

/** Stands in for the secret of a key that does not exist. */
const NO_SECRET = 'there-is-no-such-key-but-the-work-is-the-same';
const SIGNATURE_BYTES = 32;

/** Equal or not, in a time that depends on neither. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

interface Expectation {
  readonly canonical: string;
  readonly toSign: string;
  readonly signature: Buffer;
}

/** What the signature should be, for each canonical form that the request may have; the usual one first. */
function expectations(request: WireRequest, claim: Claim, secret: string): readonly Expectation[] {
  const question = request.target.indexOf('?');
  const path = question < 0 ? request.target : request.target.slice(0, question);
  const query = question < 0 ? '' : request.target.slice(question + 1);
  const parts = {
    method: request.method,
    query: canonicalQuery(query, 'X-Amz-Signature'),
    payloadHash: claim.unsignedPayload ? 'UNSIGNED-PAYLOAD' : sha256Hex(request.body),
  };
  const expected: Expectation[] = [];
  for (const order of ['sent', 'sorted'] as const) {
    const values = headerValues(request.rawHeaders, order);
    const headers = claim.signedHeaders.map((name) => [name, values.get(name) ?? ''] as const);
    for (const canonicalPath of canonicalPaths(path)) {
      const canonical = canonicalRequest({ ...parts, headers, path: canonicalPath });
      if (expected.some((form) => form.canonical === canonical)) continue;
      const toSign = stringToSign(claim.timestamp, claim.scope, canonical);
      expected.push({ canonical, toSign, signature: sign(secret, claim.scope, toSign) });
    }
  }
  return expected;
}

/** Compares all of them, without stopping at the first that fits. */
function matches(claim: Claim, expected: readonly Expectation[]): boolean {
  const wellFormed = /^[0-9a-f]{64}$/.test(claim.signature);
  const given = wellFormed ? Buffer.from(claim.signature, 'hex') : Buffer.alloc(SIGNATURE_BYTES);
  const results = expected.map(({ signature }) => timingSafeEqual(given, signature));
  return wellFormed && results.includes(true);
}

/** Too early or too late, or undefined. */
function timeFault(claim: Claim, nowMs: number): Fault<'RequestExpired'> | undefined {
  const skewMs = API.clockSkewMs;
  const skew = `${skewMs / 60_000} min.`;
  const [signed, now] = [claim.timestamp, formatTimestamp(nowMs)];
  if (claim.timeMs > nowMs + skewMs) {
    const latest = formatTimestamp(nowMs + skewMs);
    return commonFault(
      'RequestExpired',
      `Signature not yet current: ${signed} is still later than ${latest} (${now} + ${skew})`,
    );
  }
  if (claim.expiresMs !== undefined) {
    if (nowMs <= claim.timeMs + claim.expiresMs) return undefined;
    const end = formatTimestamp(claim.timeMs + claim.expiresMs);
    return commonFault('RequestExpired', `The presigned request expired at ${end}; it is now ${now}.`);
  }
  if (claim.timeMs >= nowMs - skewMs) return undefined;
  const earliest = formatTimestamp(nowMs - skewMs);
  return commonFault(
    'RequestExpired',
    `Signature expired: ${signed} is now earlier than ${earliest} (${now} - ${skew})`,
  );
}

/** The answer to a wrong signature shows what was expected to be signed, as AWS does: all of it is the caller's own. */
function mismatch({ canonical, toSign }: Expectation): SignatureFault {
  return commonFault(
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
      'and signing method. Consult the service documentation for details.\n\n' +
      `The Canonical String for this request should have been\n'${canonical}'\n\n` +
      `The String-to-Sign should have been\n'${toSign}'\n`,
  );
}

/** Who signed the request, or why the signature does not count. */
export function verifySignature(request: WireRequest, keys: KeyRing, nowMs: number): Signed | SignatureFault {
  const claim = readClaim(request);
  if (claim instanceof Fault) return claim;
  const credential = keys.find(claim.accessKeyId);
  const expected = expectations(request, claim, credential?.secretAccessKey ?? NO_SECRET);
  const right = matches(claim, expected);
  const tokenRight = sameText(claim.sessionToken ?? '', credential?.sessionToken ?? '');
  if (credential === undefined || !tokenRight) {
    return commonFault('InvalidClientTokenId', 'The security token included in the request is invalid.');
  }
  const late = timeFault(claim, nowMs);
  if (late !== undefined) return late;
  if (!right) return mismatch(expected[0]!);
  return { credential, region: claim.region, service: claim.service };
}
