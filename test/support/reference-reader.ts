/**
 * The reference reader: HTTP/1.1 messages out of a complete byte string, the slow and plain way. The engine, which reads
 * the same bytes in whatever pieces they arrive, must come to the same messages (test/fuzz, test/wire).
 *
 * Requests are read leniently, as far as desync mitigation allows, and forwarded strictly: see reference-request-head.ts.
 * Responses are read strictly: what is not in the grammar is refused (502).
 *   response-head = "HTTP/1." DIGIT SP 3DIGIT [ SP *value-byte ] CRLF *( token ":" *value-byte CRLF ) CRLF
 * For bodies see reference-body.ts.
 */
import { HTTP_HEAD, MAX_INTERIM_RESPONSES } from '../../src/model/limits.ts';
import type { DesyncMitigationMode } from '../../src/model/load-balancer.ts';
import { divide, readChunked, readLength, takeLine, type BodyReading } from './reference-body.ts';
import type { Tier } from './reference-desync.ts';
import { TOKEN, trim } from './reference-grammar.ts';
import { readRequestHead, type Header, type ReadHead } from './reference-request-head.ts';

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
  /** A message whose head is whole and whose body is not. */
  readonly unfinished?: RequestMessage;
  /**
   * - `clean`: between two messages. `unfinished`: within a message.
   * - `refused`: answered with this status, and closed. - `closed`: nothing more is read after the last message.
   */
  readonly end: { kind: 'clean' | 'unfinished' | 'closed' } | { kind: 'refused'; status: 400 | 405; why: string };
}

/** What a connection brings when the client sends `bytes` and desync mitigation is in that mode. */
export function readRequests(bytes: Uint8Array, mode: DesyncMitigationMode): RequestReading {
  const messages: RequestMessage[] = [];
  let rest = Buffer.from(bytes).toString('latin1');
  for (;;) {
    // Empty lines before a request line are passed over (RFC 9112 2.2).
    while (rest.startsWith('\r\n')) rest = rest.slice(2);
    if (rest === '') return { messages, end: { kind: 'clean' } };
    const read = readRequestHead(rest);
    const why = whyRefused(rest, mode);
    if (why !== undefined) return { messages, end: why };
    if (!read.complete || 'refused' in read.head) return { messages, end: { kind: 'unfinished' } };
    const body = readRequestBody(rest.slice(read.size), read.head);
    if (body.outcome === 'broken') return { messages, end: { kind: 'refused', status: 400, why: body.why } };
    const message = requestMessage(read.head, body);
    if (body.outcome === 'unfinished') return { messages, unfinished: message, end: { kind: 'unfinished' } };
    messages.push(message);
    const suspect = read.lengthInDoubt || (mode !== 'monitor' && read.tier === 'Ambiguous');
    if (suspect || !staysOpen(read.head)) return { messages, end: { kind: 'closed' } };
    rest = rest.slice(read.size + body.size);
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
function whyRefused(text: string, mode: DesyncMitigationMode): Refusal | undefined {
  const read = readRequestHead(text);
  const refuse = (why: string, status: 400 | 405 = 400): Refusal => ({ kind: 'refused', status, why });
  if (LONG_METHOD.test(text)) return refuse('the method is too long', 405);
  if (!read.complete) return text.length > HTTP_HEAD.maxBytes ? refuse('the head is too long') : undefined;
  if (REFUSED[mode].includes(read.tier)) return refuse(read.reason);
  if ('refused' in read.head) return refuse(read.head.refused);
  const { method, headers, framing } = read.head;
  if (method === 'CONNECT') return refuse('CONNECT');
  if (unknownOptions(headers).length > 32) return refuse('too many names in Connection');
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
  const upgrades =
    head.version === '1.1' && options.includes('upgrade') && valuesOf(head.headers, 'Upgrade').length > 0;
  if (options.includes('close') || upgrades) return false;
  return head.version === '1.1' || options.includes('keep-alive');
}

function connectionOptions(headers: readonly Header[]): string[] {
  return valuesOf(headers, 'Connection').flatMap((value) =>
    value
      .toLowerCase()
      .split(/[ \t,]+/)
      .filter(Boolean),
  );
}

function unknownOptions(headers: readonly Header[]): string[] {
  return connectionOptions(headers).filter((option) => !['close', 'keep-alive', 'upgrade', 'te'].includes(option));
}

function valuesOf(headers: readonly Header[], name: string): string[] {
  return headers.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

export interface ResponseMessage {
  readonly version: '1.0' | '1.1';
  readonly status: number;
  readonly headers: readonly Header[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  /** As far as it is there. */
  readonly body: string;
  readonly trailers: readonly Header[];
}

export interface ResponseReading {
  /** Interim responses relayed before the final one. */
  readonly interim: readonly ResponseMessage[];
  readonly response?: ResponseMessage;
  /**
   * - `complete`: and the connection may be used again. `spent`: complete, but it may not.
   * - `unfinished`: more must come. - `refused`: this is no HTTP response.
   */
  readonly end: 'complete' | 'spent' | 'unfinished' | 'refused';
  readonly why: string;
}

/** What a back end's `bytes` are, as the answer to a request with that method; `closed`: it closed after them. */
export function readResponse(bytes: Uint8Array, method: string, closed: boolean): ResponseReading {
  const interim: ResponseMessage[] = [];
  let rest = Buffer.from(bytes).toString('latin1');
  for (;;) {
    const read = readResponseHead(rest);
    if (typeof read === 'string') return { interim, end: read === '' ? 'unfinished' : 'refused', why: read };
    rest = rest.slice(read.size);
    const { status } = read.head;
    if (status === 101) return { interim, end: 'refused', why: 'nobody asked for another protocol' };
    if (status >= 200) return { interim, ...readFinal(rest, read, method, closed) };
    if (interim.length === MAX_INTERIM_RESPONSES) return { interim, end: 'refused', why: 'too many interim responses' };
    interim.push(read.head);
  }
}

interface ResponseHeadReading {
  readonly head: ResponseMessage;
  readonly length: bigint;
  readonly reusable: boolean;
  readonly size: number;
}

/** The head at the beginning of `text`; why there is none, and an empty text when it is not whole. */
function readResponseHead(text: string): ResponseHeadReading | string {
  const line = takeLine(text);
  if (line === undefined) return '';
  const match = /^HTTP\/1\.([0-9]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(line.text);
  if (match === null) return `no status line: ${JSON.stringify(line.text)}`;
  if (line.text.length > HTTP_HEAD.maxLineBytes) return 'the status line is too long';
  const headers: Header[] = [];
  let { rest } = line;
  for (;;) {
    const next = takeLine(rest);
    if (next === undefined) return text.length > HTTP_HEAD.maxBytes ? 'the head is too long' : '';
    const bytes = rest.length - next.rest.length;
    rest = next.rest;
    if (next.text === '') break;
    const [name, value] = divide(next.text);
    if (!TOKEN.test(name) || value === undefined || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      return `no header: ${JSON.stringify(next.text)}`;
    }
    headers.push([name, trim(value)]);
    if (bytes > HTTP_HEAD.maxHeaderBytes || headers.length > HTTP_HEAD.maxHeaders)
      return 'too much of a header, or too many';
  }
  const size = text.length - rest.length;
  if (size > HTTP_HEAD.maxBytes) return 'the head is too long';
  return frameResponse(match[1] === '0' ? '1.0' : '1.1', Number(match[2]), headers, size);
}

function frameResponse(
  version: '1.0' | '1.1',
  status: number,
  headers: readonly Header[],
  size: number,
): ResponseHeadReading | string {
  const codings = valuesOf(headers, 'Transfer-Encoding').flatMap((value) =>
    value.split(',').map((coding) => trim(coding).toLowerCase()),
  );
  const lengths = valuesOf(headers, 'Content-Length');
  if (lengths.some((length) => !/^[0-9]{1,15}$/.test(length))) return 'a length is no number';
  if (new Set(lengths.map(BigInt)).size > 1) return 'lengths differ';
  const named = codings.map((coding) => trim(coding.split(/[; \t]/)[0]!));
  if (codings.length > 0 && (codings.at(-1) !== 'chunked' || named.indexOf('chunked') !== codings.length - 1)) {
    return 'chunked is not last, or not alone';
  }
  const chunked = codings.length > 0;
  const options = connectionOptions(headers);
  if (unknownOptions(headers).length > 32) return 'too many names in Connection';
  const persistent = version === '1.1' || options.includes('keep-alive');
  const kept = headers.filter(([name], index) => {
    if (name.toLowerCase() !== 'content-length') return true;
    return !chunked && headers.findIndex(([other]) => other.toLowerCase() === 'content-length') === index;
  });
  const framing = chunked ? 'chunked' : lengths.length > 0 ? 'length' : 'close';
  return {
    head: { version, status, headers: kept, framing, body: '', trailers: [] },
    length: BigInt(lengths[0] ?? 0),
    // Where there are two opinions about the length, the connection carries no other response (RFC 9112 6.1, 6.3).
    reusable: persistent && !options.includes('close') && !(chunked && (lengths.length > 0 || version === '1.0')),
    size,
  };
}

function readFinal(
  text: string,
  read: ResponseHeadReading,
  method: string,
  closed: boolean,
): Pick<ResponseReading, 'response' | 'end' | 'why'> {
  const { head, length, reusable } = read;
  if (method === 'HEAD' || head.status === 204 || head.status === 304) {
    const response: ResponseMessage = { ...head, framing: 'none' };
    return { response, end: reusable && text === '' ? 'complete' : 'spent', why: '' };
  }
  if (head.framing === 'close') {
    return { response: { ...head, body: text }, end: closed ? 'spent' : 'unfinished', why: '' };
  }
  const body = head.framing === 'chunked' ? readChunked(text) : readLength(text, length);
  const response: ResponseMessage = { ...head, body: body.data, trailers: body.trailers };
  if (body.outcome !== 'complete') {
    return { response, end: body.outcome === 'broken' ? 'refused' : 'unfinished', why: body.why };
  }
  // Bytes behind a response answer no request: the connection that sent them serves nobody any more.
  return { response, end: reusable && body.size === text.length ? 'complete' : 'spent', why: '' };
}
