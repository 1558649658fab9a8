/**
 * What becomes of a message on its way through, the slow and plain way: what a back end must get of a
 * request that the reference reader has read, and what a client must get of a response.
 */
import { HTTP_HEAD } from '../../src/model/limits.ts';
import { fold, namedByConnection, passesUpgrade, valuesOf } from './reference-headers.ts';
import type { RequestMessage } from './reference-reader.ts';
import type { Header, HeadLimits } from './reference-request-head.ts';
import type { ResponseMessage } from './reference-response.ts';

/** Where a request came in. */
export interface Entrance {
  readonly clientAddress: string;
  readonly nodeAddress: string;
  readonly port: number;
  /** Is Upgrade passed on (extension attribute)? */
  readonly upgrade: boolean;
}

/** A forwarded head has our lines in addition, and addresses gathered in one of them. */
export const FORWARDED_LIMITS: HeadLimits = {
  maxBytes: HTTP_HEAD.maxBytes + 4096,
  maxLineBytes: HTTP_HEAD.maxLineBytes,
  maxHeaderBytes: HTTP_HEAD.maxBytes,
  maxHeaders: HTTP_HEAD.maxHeaders + 5,
};

/** They concern one connection only. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection'];
/** What the load balancer says itself. */
const OURS = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port'];
/** Connection cannot take these away: they say where a message ends, and where it goes. */
const NEVER_DROPPED = ['host', 'content-length', 'transfer-encoding'];

/** Headers without those that end here: hop-by-hop ones, and what Connection names. */
function endToEnd(headers: readonly Header[]): Header[] {
  const dropped = [...HOP_BY_HOP, ...namedByConnection(headers).filter((name) => !NEVER_DROPPED.includes(name))];
  return headers.filter(([name]) => !dropped.includes(fold(name)));
}

function without(headers: readonly Header[], ...names: string[]): Header[] {
  return headers.filter(([name]) => !names.includes(fold(name)));
}

/** Of several Upgrade headers the last one passes. */
function withoutUpgrade(headers: readonly Header[], exceptLast: boolean): Header[] {
  const last = headers.findLast(([name]) => fold(name) === 'upgrade');
  return headers.filter((header) => fold(header[0]) !== 'upgrade' || (exceptLast && header === last));
}

/** The request as the back end must read it. */
export function forwardedRequest(message: RequestMessage, entrance: Entrance): RequestMessage {
  const upgrade = entrance.upgrade && passesUpgrade(message.version, message.headers);
  const headers = endToEnd(message.headers);
  const forwardedFor = valuesOf(headers, 'X-Forwarded-For').filter((value) => value !== '');
  const authority = authorityOf(message.target);
  const added: Header[] = [];
  const named = valuesOf(headers, 'Host').length > 0;
  // HTTP/1.0 may do without it.
  const host = authority ?? (message.version === '1.0' ? entrance.nodeAddress : undefined);
  if (host !== undefined && !named) added.push(['Host', host]);
  if (upgrade) added.push(['Connection', 'upgrade']);
  added.push(
    ['X-Forwarded-For', [...forwardedFor, entrance.clientAddress].join(', ')],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Port', String(entrance.port)],
  );
  const kept = withoutUpgrade(without(headers, ...OURS), upgrade)
    .filter(([name, value]) => fold(name) !== 'te' || fold(value) === 'trailers')
    .map(([name, value]): Header => [name, fold(name) === 'host' ? (authority ?? value) : value]);
  return { ...message, version: '1.1', headers: [...kept, ...added] };
}

/** The authority of a target in absolute form (RFC 9112 3.2.2): it overrules Host. */
export function authorityOf(target: string): string | undefined {
  return /^[A-Za-z][A-Za-z0-9+\-.]*:\/\/(?:[^/?#]*@)?([^/?#]*)/.exec(target)?.[1];
}

/** The final response as a client of that version must read it, but for the Connection header that is ours. */
export function relayedResponse(response: ResponseMessage, clientVersion: '1.0' | '1.1'): ResponseMessage {
  const coded = valuesOf(response.headers, 'Transfer-Encoding').length > 0;
  const unchunked = response.framing === 'chunked' && clientVersion === '1.0';
  // 426 says what to switch to, which HTTP/1.0 cannot.
  const upgrade = response.status === 101 || (response.status === 426 && clientVersion === '1.1');
  let headers = withoutUpgrade(endToEnd(response.headers), upgrade);
  // HTTP/1.0 has no transfer codings, with or without a body.
  const withoutCodings = response.status === 204 || (coded && clientVersion === '1.0');
  if (withoutCodings) headers = without(headers, 'transfer-encoding', 'trailer');
  if (response.status === 204) headers = without(headers, 'content-length');
  if (response.status === 101) headers = without(headers, 'transfer-encoding', 'content-length');
  return {
    ...response,
    version: '1.1',
    headers,
    framing: unchunked ? 'close' : response.framing,
    trailers: unchunked ? [] : response.trailers,
  };
}

/** An interim response as the client must read it. */
export function relayedInterim(response: ResponseMessage): ResponseMessage {
  const headers = withoutUpgrade(endToEnd(response.headers), false);
  // What it says of a body is not true: it has none.
  return {
    ...response,
    version: '1.1',
    headers: without(headers, 'transfer-encoding', 'content-length'),
    framing: 'close',
  };
}
