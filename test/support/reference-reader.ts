/**
 * The reference reader: HTTP/1.1 messages out of a complete byte string, the slow and plain way. The engine, which reads
 * the same bytes in whatever pieces they arrive, must come to the same messages (test/fuzz, test/wire).
 *
 * Requests are read leniently, as far as desync mitigation allows, and forwarded strictly: see reference-request-head.ts.
 * Responses are read strictly: see reference-response.ts. For bodies see reference-body.ts.
 */
import { HTTP_HEAD } from '../../src/model/limits.ts';
import type { DesyncMitigationMode } from '../../src/model/load-balancer.ts';
import { readChunked, readLength, textOf, type BodyReading, type Bytes } from './reference-body.ts';
import type { Tier } from './reference-desync.ts';
import { authorityOf } from './reference-forwarding.ts';
import { asksForUpgrade, connectionOptions, namedByConnection } from './reference-headers.ts';
import {
  readRequestHead,
  type Header,
  type HeadLimits,
  type HeadReading,
  type ReadHead,
} from './reference-request-head.ts';

export { readResponse } from './reference-response.ts';
export type { ResponseMessage, ResponseReading } from './reference-response.ts';

export interface RequestMessage {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly headers: readonly Header[];
  readonly framing: 'none' | 'length' | 'chunked';
  /** As far as it is there. */
  readonly body: string;
  readonly trailers: readonly Header[];
}

export interface RequestReading {
  /** Whole messages, in order. */
  readonly messages: readonly RequestMessage[];
  /** A message whose head is whole and whose body is not, or breaks the grammar further on. */
  readonly unfinished?: RequestMessage;
  /**
   * - `clean`: between two messages. `unfinished`: within a message.
   * - `refused`: answered with this status, and closed. - `closed`: nothing more is read after the last message.
   */
  readonly end: { kind: 'clean' | 'unfinished' | 'closed' } | { kind: 'refused'; status: 400 | 405; why: string };
}

/** With what tests of whole connections need. */
export interface MeasuredRequests extends RequestReading {
  /** Bytes of each whole message, empty lines before it included. */
  readonly sizes: readonly number[];
  /** `closed`, because others may read the last message differently: its back-end connection serves nobody else. */
  readonly suspect: boolean;
}

/** What a connection brings when the client sends `bytes` and desync mitigation is in that mode. */
export function readRequests(
  bytes: Bytes,
  mode: DesyncMitigationMode,
  limits: HeadLimits = HTTP_HEAD,
): MeasuredRequests {
  const messages: RequestMessage[] = [];
  const sizes: number[] = [];
  let rest = textOf(bytes);
  const stop = (end: RequestReading['end'], unfinished?: RequestMessage, suspect = false): MeasuredRequests => {
    return { messages, end, sizes, suspect, ...(unfinished === undefined ? {} : { unfinished }) };
  };
  for (;;) {
    const all = rest.length;
    // Empty lines before a request line are passed over (RFC 9112 2.2).
    while (rest.startsWith('\r\n')) rest = rest.slice(2);
    if (rest === '') return stop({ kind: 'clean' });
    const read = readRequestHead(rest, limits);
    const why = whyRefused(rest, read, mode, limits);
    if (why !== undefined) return stop(why);
    if (!read.complete || 'refused' in read.head) return stop({ kind: 'unfinished' });
    const body = readRequestBody(rest.slice(read.size), read.head);
    const message = requestMessage(read.head, body);
    if (body.outcome === 'broken') return stop({ kind: 'refused', status: 400, why: body.why }, message);
    if (body.outcome === 'unfinished') return stop({ kind: 'unfinished' }, message);
    rest = rest.slice(read.size + body.size);
    messages.push(message);
    sizes.push(all - rest.length);
    const suspect = read.lengthInDoubt || (mode !== 'monitor' && read.tier === 'Ambiguous');
    if (suspect || !staysOpen(read.head)) return stop({ kind: 'closed' }, undefined, suspect);
  }
}

const REFUSED: Readonly<Record<DesyncMitigationMode, readonly Tier[]>> = {
  monitor: [],
  defensive: ['Severe'],
  strictest: ['Acceptable', 'Ambiguous', 'Severe'],
};

const LONG_METHOD = new RegExp(`^[A-Za-z0-9\\-_.!#$%&'*+^|~\`]{${HTTP_HEAD.maxMethodLength + 1}}`);

type Refusal = { kind: 'refused'; status: 400 | 405; why: string };

/** Why the request at the beginning of `text` is refused; undefined also when its head is not complete. */
function whyRefused(
  text: string,
  read: HeadReading,
  mode: DesyncMitigationMode,
  limits: HeadLimits,
): Refusal | undefined {
  const refuse = (why: string, status: 400 | 405 = 400): Refusal => ({ kind: 'refused', status, why });
  if (LONG_METHOD.test(text)) return refuse('the method is too long', 405);
  if (!read.complete) return text.length > limits.maxBytes ? refuse('the head is too long') : undefined;
  if (REFUSED[mode].includes(read.tier)) return refuse(read.reason);
  if ('refused' in read.head) return refuse(read.head.refused);
  const { method, target, headers, framing } = read.head;
  if (method === 'CONNECT') return refuse('CONNECT');
  if (/^(?::|$)/.test(authorityOf(target) ?? 'h')) return refuse('a target that names no host');
  if (namedByConnection(headers).length > 32) return refuse('too many names in Connection');
  if (framing.kind === 'length' && framing.length >= 10n ** 15n) return refuse('a length that nobody could send');
  return undefined;
}

function readRequestBody(text: string, head: ReadHead): BodyReading {
  if (head.framing.kind === 'chunked') return readChunked(text);
  return readLength(text, head.framing.kind === 'length' ? head.framing.length : 0n);
}

function requestMessage(head: ReadHead, body: BodyReading): RequestMessage {
  const { method, target, version, headers } = head;
  return { method, target, version, headers, framing: head.framing.kind, body: body.data, trailers: body.trailers };
}

/** May another request follow on the connection? (RFC 9112 9.3; what follows an Upgrade may be another protocol) */
function staysOpen(head: ReadHead): boolean {
  const options = connectionOptions(head.headers);
  if (options.includes('close') || asksForUpgrade(head.version, head.headers)) return false;
  return head.version === '1.1' || options.includes('keep-alive');
}
