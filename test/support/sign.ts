/** Signs requests as a client does, with every part open to a test's meddling. */
import {
  ALGORITHM,
  canonicalPaths,
  canonicalQuery,
  canonicalRequest,
  headerValues,
  sha256Hex,
  sign,
  stringToSign,
} from '../../src/wire/sigv4-canonical.ts';
import type { WireRequest } from '../../src/wire/sigv4-canonical.ts';
import { formatTimestamp } from '../../src/api/sigv4-claim.ts';

export interface SigningOptions {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly timeMs: number;
  readonly region?: string;
  readonly service?: string;
  readonly method?: string;
  readonly target?: string;
  readonly body?: string;
  /** Sent and signed. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Leave out X-Amz-Date. */
  readonly onlyDateHeader?: true;
  /** Sent, not signed. */
  readonly unsignedHeaders?: Readonly<Record<string, string>>;
  /** Stands for the hash of the body. */
  readonly payloadHash?: string;
}

function scopeOf(options: SigningOptions): string {
  const day = formatTimestamp(options.timeMs).slice(0, 8);
  return `${day}/${options.region ?? 'us-east-1'}/${options.service ?? 'elasticloadbalancing'}/aws4_request`;
}

function signatureOver(
  options: SigningOptions,
  target: string,
  rawHeaders: readonly string[],
  names: string[],
): string {
  const [path = '', query = ''] = target.split('?');
  const values = headerValues(rawHeaders);
  const canonical = canonicalRequest({
    method: options.method ?? 'POST',
    path: canonicalPaths(path)[0]!,
    query: canonicalQuery(query),
    headers: names.map((name) => [name, values.get(name) ?? ''] as const),
    payloadHash: options.payloadHash ?? sha256Hex(Buffer.from(options.body ?? '')),
  });
  const scope = scopeOf(options);
  const text = stringToSign(formatTimestamp(options.timeMs), scope, canonical);
  return sign(options.secretAccessKey, scope, text).toString('hex');
}

/** A request with an Authorization header. */
export function signedRequest(options: SigningOptions): WireRequest {
  const dated = options.onlyDateHeader === true ? {} : { 'X-Amz-Date': formatTimestamp(options.timeMs) };
  const signed = { Host: 'weir.test', ...dated, ...options.headers };
  const rawHeaders = Object.entries({ ...signed, ...options.unsignedHeaders }).flat();
  const names = Object.keys(signed)
    .map((name) => name.toLowerCase())
    .sort();
  const target = options.target ?? '/';
  const signature = signatureOver(options, target, rawHeaders, names);
  rawHeaders.push(
    'Authorization',
    `${ALGORITHM} Credential=${options.accessKeyId}/${scopeOf(options)}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  );
  return { method: options.method ?? 'POST', target, rawHeaders, body: Buffer.from(options.body ?? '') };
}

/** A request signed in its query. */
export function presignedRequest(
  options: SigningOptions & { readonly expires: number; readonly token?: string },
): WireRequest {
  const signed = { Host: 'weir.test', ...options.headers };
  const names = Object.keys(signed)
    .map((name) => name.toLowerCase())
    .sort();
  const authorization: Record<string, string> = {
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': `${options.accessKeyId}/${scopeOf(options)}`,
    'X-Amz-Date': formatTimestamp(options.timeMs),
    'X-Amz-Expires': String(options.expires),
    'X-Amz-SignedHeaders': names.join(';'),
    ...(options.token === undefined ? {} : { 'X-Amz-Security-Token': options.token }),
    ...(options.payloadHash === undefined || names.includes('x-amz-content-sha256')
      ? {}
      : { 'X-Amz-Content-Sha256': options.payloadHash }),
  };
  const query = Object.entries(authorization).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const base = options.target ?? '/?Action=DescribeLoadBalancers';
  const target = `${base}${base.includes('?') ? '&' : '?'}${query.join('&')}`;
  const rawHeaders = Object.entries({ ...signed, ...options.unsignedHeaders }).flat();
  const method = options.method ?? 'GET';
  const signature = signatureOver({ ...options, method }, target, rawHeaders, names);
  return {
    method,
    target: `${target}&X-Amz-Signature=${signature}`,
    rawHeaders,
    body: Buffer.from(options.body ?? ''),
  };
}

/** The request with the value of one header changed, or the header left out. */
export function withHeader(
  request: WireRequest,
  name: string,
  change: (value: string) => string | undefined,
): WireRequest {
  const rawHeaders: string[] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const [header, value] = [request.rawHeaders[i]!, request.rawHeaders[i + 1]!];
    const changed = header.toLowerCase() === name ? change(value) : value;
    if (changed !== undefined) rawHeaders.push(header, changed);
  }
  return { ...request, rawHeaders };
}
