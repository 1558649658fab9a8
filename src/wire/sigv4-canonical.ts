/**
 * The canonical form of a request in AWS Signature Version 4, and the signature over it. Text here is latin1: one
 * character per byte as it came over the wire, so that whatever bytes a client signed are the bytes that are hashed.
 */
import { createHash, createHmac } from 'node:crypto';

export const ALGORITHM = 'AWS4-HMAC-SHA256';
export const TERMINATOR = 'aws4_request';

/** A request as it came over the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path and query, undecoded. */
  readonly target: string;
  /** Names and values in turn, as `node:http` gives them. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}

const UNRESERVED = /^[A-Za-z0-9._~-]$/;
/** Every byte in its percent-encoded form: unreserved characters stand for themselves (RFC 3986 section 2.3). */
const ENCODED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return UNRESERVED.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

/** Percent-encodes every byte but the unreserved ones. */
function encode(text: string): string {
  let encoded = '';
  for (let i = 0; i < text.length; i++) encoded += ENCODED[text.charCodeAt(i) & 0xff];
  return encoded;
}

/** Undoes percent-encoding; a `%` that begins no escape stands for itself. */
function decode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

/** The path without `.`, `..` and empty segments; it keeps its last slash. */
function normalizePath(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const last = segments.at(-1);
  const open = kept.length > 0 && (last === '' || last === '.' || last === '..');
  return `/${kept.join('/')}${open ? '/' : ''}`;
}

/**
 * The canonical forms of a path. SDKs encode what is encoded already once more (`%20` becomes `%2520`), as the
 * documentation asks for every service but S3; AWS's own test suite encodes once. They differ only with a `%`.
 */
export function canonicalPaths(path: string): readonly string[] {
  const segments = normalizePath(path).split('/');
  const twice = segments.map(encode).join('/');
  return path.includes('%') ? [twice, segments.map((segment) => encode(decode(segment))).join('/')] : [twice];
}

/** The pairs of a query, encoded alike and sorted by name, then value; without the one called `leftOut`. */
export function canonicalQuery(query: string, leftOut?: string): string {
  const pairs: [string, string][] = [];
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    const canonical = (text: string): string => encode(decode(text.replaceAll('+', ' ')));
    if (canonical(name) !== leftOut) pairs.push([canonical(name), canonical(value)]);
  }
  pairs.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

/**
 * Lower-case names; every value of a name, trimmed, runs of blanks as one, joined by commas. In the order sent, as the
 * documentation asks; `sorted` is what AWS's first test suite did instead.
 */
export function headerValues(
  rawHeaders: readonly string[],
  order: 'sent' | 'sorted' = 'sent',
): ReadonlyMap<string, string> {
  const values = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const value = rawHeaders[i + 1]!.trim().replace(/[ \t\r\n]+/g, ' ');
    const before = values.get(name);
    if (before === undefined) values.set(name, [value]);
    else before.push(value);
  }
  return new Map([...values].map(([name, all]) => [name, (order === 'sent' ? all : all.sort()).join(',')]));
}

export interface CanonicalParts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Signed headers, sorted by name. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string;
}

export function canonicalRequest(parts: CanonicalParts): string {
  const lines = [parts.method, parts.path, parts.query];
  for (const [name, value] of parts.headers) lines.push(`${name}:${value}`);
  lines.push('', parts.headers.map(([name]) => name).join(';'), parts.payloadHash);
  return lines.join('\n');
}

export function sha256Hex(data: string | Uint8Array): string {
  const hash = createHash('sha256');
  return (typeof data === 'string' ? hash.update(data, 'latin1') : hash.update(data)).digest('hex');
}

/** `timestamp` is `20150830T123600Z`, `scope` is `20150830/us-east-1/iam/aws4_request`. */
export function stringToSign(timestamp: string, scope: string, canonical: string): string {
  return [ALGORITHM, timestamp, scope, sha256Hex(canonical)].join('\n');
}

function hmac(key: string | Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'latin1').digest();
}

/** The signature (32 bytes) of `text` by the key that `secret` gives for the scope. */
export function sign(secret: string, scope: string, text: string): Buffer {
  let key: string | Uint8Array = `AWS4${secret}`;
  for (const part of scope.split('/')) key = hmac(key, part);
  return hmac(key, text);
}
