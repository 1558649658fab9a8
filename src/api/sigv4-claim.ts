/**
 * What a signed request says of itself, in the Authorization header or in the query of a presigned URL. Read and
 * checked for form here; whether it is true is decided in sigv4.ts.
 */
import { commonFault, Fault, shown } from './fault.ts';
import { parseForm } from './codec/form.ts';
import { ALGORITHM, headerValues, TERMINATOR } from '../wire/sigv4-canonical.ts';
import type { WireRequest } from '../wire/sigv4-canonical.ts';

export type ClaimFault = Fault<'MissingAuthenticationToken' | 'IncompleteSignature' | 'SignatureDoesNotMatch'>;

export interface Claim {
  readonly accessKeyId: string;
  /** `20150830/us-east-1/iam/aws4_request`. */
  readonly scope: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `20150830T123600Z`, and the same in epoch milliseconds. */
  readonly timestamp: string;
  readonly timeMs: number;
  /** Presigned: how long after {@link timeMs} it holds. */
  readonly expiresMs?: number;
  readonly sessionToken?: string;
  /** The body is not covered by the signature (`UNSIGNED-PAYLOAD`). */
  readonly unsignedPayload: boolean;
}

const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
const MAX_EXPIRES_SECONDS = 7 * 24 * 3600;

function incomplete(message: string): Fault<'IncompleteSignature'> {
  return commonFault('IncompleteSignature', message);
}

/** Epoch milliseconds of `20150830T123600Z`, or undefined. */
function parseTimestamp(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1);
  const timeMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Epoch milliseconds as `20150830T123600Z`. */
export function formatTimestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** `<key id>/<date>/<region>/<service>/aws4_request`. */
function readScope(
  credential: string,
  timestamp: string,
): Pick<Claim, 'accessKeyId' | 'scope' | 'region' | 'service'> | ClaimFault {
  const [accessKeyId, date, region, service, terminator, ...rest] = credential.split('/');
  if (accessKeyId === undefined || accessKeyId === '' || terminator === undefined || rest.length > 0) {
    return incomplete(
      'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request, ' +
        `got '${shown(credential)}'`,
    );
  }
  const fault = scopeFault({ date, region, service, terminator, timestamp });
  if (fault !== undefined) return fault;
  return { accessKeyId, scope: [date, region, service, terminator].join('/'), region: region!, service: service! };
}

function scopeFault(
  scope: Record<'terminator' | 'timestamp', string> & Record<'date' | 'region' | 'service', string | undefined>,
): ClaimFault | undefined {
  const name = /^[a-z0-9-]{1,64}$/;
  const mismatch = (message: string): ClaimFault => commonFault('SignatureDoesNotMatch', message);
  const day = scope.timestamp.slice(0, 8);
  if (scope.terminator !== TERMINATOR) {
    return mismatch(
      `Credential should be scoped with a valid terminator: '${TERMINATOR}', not '${shown(scope.terminator)}'`,
    );
  }
  if (scope.date !== day) {
    return mismatch(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ` +
        `'${shown(scope.date ?? '')}' != '${day}', from '${scope.timestamp}'.`,
    );
  }
  if (!name.test(scope.region ?? '')) return mismatch('Credential should be scoped to a valid region.');
  if (!name.test(scope.service ?? '')) return mismatch('Credential should be scoped to a valid service.');
  return undefined;
}

/** Names of signed headers: lower-case, sorted, each once, `host` among them. */
function readSignedHeaders(text: string): readonly string[] | ClaimFault {
  const names = text.split(';');
  const sorted = names.every((name, index) => name !== '' && (index === 0 || names[index - 1]! < name));
  if (!sorted || text !== text.toLowerCase()) {
    return incomplete(`SignedHeaders must be lower-case names, sorted, each once, got '${shown(text)}'`);
  }
  if (!names.includes('host'))
    return commonFault('SignatureDoesNotMatch', "'Host' must be a 'SignedHeader' in the AWS Authorization.");
  return names;
}

/** `STREAMING-…` bodies carry a signature per chunk: services other than S3 never take them. */
function payloadFault(headers: ReadonlyMap<string, string>, hash: string | undefined): ClaimFault | undefined {
  const encodings = (headers.get('content-encoding') ?? '').toLowerCase().split(/[,\s]+/);
  if (hash?.toUpperCase().startsWith('STREAMING-') !== true && !encodings.includes('aws-chunked')) return undefined;
  return incomplete(
    'Bodies signed in chunks (x-amz-content-sha256: STREAMING-…, content-encoding: aws-chunked) are not accepted: sign the body as a whole.',
  );
}

interface RawClaim {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly timestamp: string;
  readonly sessionToken: string | undefined;
  readonly contentHash: string | undefined;
  readonly expiresMs?: number;
}

/** The checks that both forms share. */
function toClaim(raw: RawClaim, headers: ReadonlyMap<string, string>): Claim | ClaimFault {
  const timeMs = parseTimestamp(raw.timestamp);
  if (timeMs === undefined) {
    return incomplete(`Date must be in ISO-8601 'basic format' (20150830T123600Z). Got '${shown(raw.timestamp)}'.`);
  }
  const scope = readScope(raw.credential, raw.timestamp);
  if (scope instanceof Fault) return scope;
  const signedHeaders = readSignedHeaders(raw.signedHeaders);
  if (signedHeaders instanceof Fault) return signedHeaders;
  const fault = payloadFault(headers, raw.contentHash) ?? unsignedHeaderFault(headers, signedHeaders);
  if (fault !== undefined) return fault;
  return {
    ...scope,
    signedHeaders,
    signature: raw.signature,
    timestamp: raw.timestamp,
    timeMs,
    unsignedPayload: raw.contentHash === UNSIGNED_PAYLOAD,
    ...(raw.expiresMs === undefined ? {} : { expiresMs: raw.expiresMs }),
    ...(raw.sessionToken === undefined ? {} : { sessionToken: raw.sessionToken }),
  };
}

/**
 * Every `x-amz-*` header that was sent must be signed, or somebody on the way could add one that changes the meaning.
 * The session token may be added after signing, since it is compared by itself.
 */
function unsignedHeaderFault(
  headers: ReadonlyMap<string, string>,
  signedHeaders: readonly string[],
): ClaimFault | undefined {
  for (const name of headers.keys()) {
    if (!name.startsWith('x-amz-') || name === 'x-amz-security-token' || signedHeaders.includes(name)) continue;
    return commonFault('SignatureDoesNotMatch', `'${shown(name)}' must be a 'SignedHeader' in the AWS Authorization.`);
  }
  for (const name of signedHeaders) {
    if (headers.has(name)) continue;
    return commonFault('SignatureDoesNotMatch', `The signed header '${shown(name)}' is not in the request.`);
  }
  return undefined;
}

/** The date of a header-signed request: `x-amz-date`, else `date`, in either form that HTTP clients write. */
function headerTimestamp(headers: ReadonlyMap<string, string>): string | undefined {
  const amzDate = headers.get('x-amz-date');
  if (amzDate !== undefined) return amzDate;
  const date = headers.get('date');
  if (date === undefined || parseTimestamp(date) !== undefined) return date;
  const timeMs = Date.parse(date);
  return Number.isNaN(timeMs) ? date : formatTimestamp(timeMs);
}

function readHeaderClaim(authorization: string, headers: ReadonlyMap<string, string>): Claim | ClaimFault {
  const space = authorization.indexOf(' ');
  const scheme = space < 0 ? authorization : authorization.slice(0, space);
  if (scheme !== ALGORITHM) {
    return incomplete(`Authorization must be ${ALGORITHM}, got '${shown(scheme)}'.`);
  }
  const fields = new Map<string, string>();
  for (const part of authorization.slice(scheme.length).split(',')) {
    const equals = part.indexOf('=');
    const name = part.slice(0, Math.max(equals, 0)).trim();
    if (equals < 0 || fields.has(name))
      return incomplete(`Authorization header is not a list of name=value: '${shown(part)}'.`);
    fields.set(name, part.slice(equals + 1).trim());
  }
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map((name) =>
    fields.get(name),
  );
  const timestamp = headerTimestamp(headers);
  if (credential === undefined || signedHeaders === undefined || signature === undefined || timestamp === undefined) {
    return incomplete(
      missingParts({ Credential: credential, Signature: signature, SignedHeaders: signedHeaders }, timestamp),
    );
  }
  const dateHeader = headers.has('x-amz-date') ? 'x-amz-date' : 'date';
  if (!signedHeaders.split(';').includes(dateHeader)) {
    return commonFault('SignatureDoesNotMatch', `'${dateHeader}' must be a 'SignedHeader' in the AWS Authorization.`);
  }
  const sessionToken = headers.get('x-amz-security-token');
  const contentHash = headers.get('x-amz-content-sha256');
  return toClaim({ credential, signedHeaders, signature, timestamp, sessionToken, contentHash }, headers);
}

/** In the words of AWS. */
function missingParts(fields: Readonly<Record<string, string | undefined>>, timestamp: string | undefined): string {
  const missing = Object.entries(fields)
    .filter(([, value]) => value === undefined)
    .map(([name]) => `Authorization header requires '${name}' parameter.`);
  if (timestamp === undefined) {
    missing.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  }
  return missing.join(' ');
}

function readPresignedClaim(
  query: ReadonlyMap<string, string>,
  headers: ReadonlyMap<string, string>,
): Claim | ClaimFault {
  const algorithm = query.get('X-Amz-Algorithm');
  if (algorithm !== ALGORITHM)
    return incomplete(`X-Amz-Algorithm must be ${ALGORITHM}, got '${shown(algorithm ?? '')}'.`);
  const required = (name: string): string | undefined => query.get(`X-Amz-${name}`);
  const [credential, timestamp, expires] = [required('Credential'), required('Date'), required('Expires')];
  const [signedHeaders, signature] = [required('SignedHeaders'), required('Signature')];
  if (
    credential === undefined ||
    timestamp === undefined ||
    expires === undefined ||
    signedHeaders === undefined ||
    signature === undefined
  ) {
    return incomplete(
      'A presigned URL requires the parameters X-Amz-Algorithm, X-Amz-Credential, X-Amz-Date, X-Amz-Expires, X-Amz-SignedHeaders and X-Amz-Signature.',
    );
  }
  const seconds = /^\d{1,6}$/.test(expires) ? Number(expires) : 0;
  if (seconds < 1 || seconds > MAX_EXPIRES_SECONDS) {
    return incomplete(`X-Amz-Expires must be 1 to ${MAX_EXPIRES_SECONDS} seconds, got '${shown(expires)}'.`);
  }
  const sessionToken = query.get('X-Amz-Security-Token');
  const contentHash = query.get('X-Amz-Content-Sha256') ?? headers.get('x-amz-content-sha256');
  const raw = { credential, signedHeaders, signature, timestamp, sessionToken, contentHash };
  return toClaim({ ...raw, expiresMs: seconds * 1000 }, headers);
}

/** The pairs of a query whose names begin with `X-Amz-`, or the fault that two have the same name. */
function authorizationQuery(target: string): ReadonlyMap<string, string> | ClaimFault {
  const found = new Map<string, string>();
  const question = target.indexOf('?');
  const pairs = question < 0 ? [] : parseForm(target.slice(question + 1));
  // A malformed query is refused when it is read as parameters; as an authorisation it says nothing.
  if (pairs instanceof Fault) return found;
  for (const [name, value] of pairs) {
    if (!name.startsWith('X-Amz-')) continue;
    if (found.has(name)) return incomplete(`The parameter '${shown(name)}' is given more than once.`);
    found.set(name, value);
  }
  return found;
}

/** What the request claims, or why there is no telling. */
export function readClaim(request: WireRequest): Claim | ClaimFault {
  const headers = headerValues(request.rawHeaders);
  const query = authorizationQuery(request.target);
  if (query instanceof Fault) return query;
  const authorization = headers.get('authorization');
  const presigned = query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature');
  if (authorization !== undefined && presigned) {
    return incomplete('The request is signed both in the Authorization header and in the query: use one.');
  }
  if (authorization !== undefined) return readHeaderClaim(authorization, headers);
  if (presigned) return readPresignedClaim(query, headers);
  return commonFault('MissingAuthenticationToken', 'Request is missing Authentication Token');
}
