/**
 * Responses read the slow and plain way, and strictly: what is not in the grammar is refused (502).
 *   response-head = "HTTP/1." DIGIT SP 3DIGIT [ SP *value-byte ] CRLF *( token ":" *value-byte CRLF ) CRLF
 */
import { HTTP_HEAD, MAX_INTERIM_RESPONSES } from '../../src/model/limits.ts';
import { divide, readChunked, readLength, takeLine, textOf, type Bytes } from './reference-body.ts';
import { TOKEN, trim } from './reference-grammar.ts';
import { connectionOptions, namedByConnection, valuesOf } from './reference-headers.ts';
import type { Header, HeadLimits } from './reference-request-head.ts';

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

export interface MeasuredResponse extends ResponseReading {
  /** Bytes of the message, interim responses included, where it is whole. */
  readonly size: number;
}

/**
 * What a back end's `bytes` are, as the answer to a request with that method; `closed`: it closed after them. `upgrade`:
 * the request asked for another protocol, so that a 101 is a final response, and what follows it is no HTTP.
 */
export function readResponse(
  bytes: Bytes,
  method: string,
  closed: boolean,
  upgrade = false,
  limits: HeadLimits = HTTP_HEAD,
): MeasuredResponse {
  const interim: ResponseMessage[] = [];
  const text = textOf(bytes);
  let rest = text;
  for (;;) {
    const read = readResponseHead(rest, limits);
    if (typeof read === 'string') return { interim, end: read === '' ? 'unfinished' : 'refused', why: read, size: 0 };
    rest = rest.slice(read.size);
    const before = text.length - rest.length;
    const { status } = read.head;
    if (status === 101) {
      if (!upgrade) return { interim, end: 'refused', why: 'nobody asked for another protocol', size: 0 };
      return { interim, response: { ...read.head, framing: 'none' }, end: 'spent', why: '', size: before };
    }
    if (status >= 200) return { interim, ...readFinal(rest, before, read, method, closed) };
    if (interim.length === MAX_INTERIM_RESPONSES) {
      return { interim, end: 'refused', why: 'too many interim responses', size: 0 };
    }
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
function readResponseHead(text: string, limits: HeadLimits): ResponseHeadReading | string {
  const line = takeLine(text);
  if (line === undefined) return '';
  const match = /^HTTP\/1\.([0-9]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(line.text);
  if (match === null) return `no status line: ${JSON.stringify(line.text)}`;
  if (line.text.length > limits.maxLineBytes) return 'the status line is too long';
  const headers: Header[] = [];
  let { rest } = line;
  for (;;) {
    const next = takeLine(rest);
    if (next === undefined) return text.length > limits.maxBytes ? 'the head is too long' : '';
    const bytes = rest.length - next.rest.length;
    rest = next.rest;
    if (next.text === '') break;
    const [name, value] = divide(next.text);
    if (!TOKEN.test(name) || value === undefined || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      return `no header: ${JSON.stringify(next.text)}`;
    }
    headers.push([name, trim(value)]);
    if (bytes > limits.maxHeaderBytes || headers.length > limits.maxHeaders) return 'too much of a header, or too many';
  }
  const size = text.length - rest.length;
  if (size > limits.maxBytes) return 'the head is too long';
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
  if (namedByConnection(headers).length > 32) return 'too many names in Connection';
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

/** The final response: `text` is what follows its head, `before` the number of bytes up to there. */
function readFinal(
  text: string,
  before: number,
  read: ResponseHeadReading,
  method: string,
  closed: boolean,
): Omit<MeasuredResponse, 'interim'> {
  const { head, length, reusable } = read;
  if (method === 'HEAD' || head.status === 204 || head.status === 304) {
    const response: ResponseMessage = { ...head, framing: 'none' };
    return { response, end: reusable && text === '' ? 'complete' : 'spent', why: '', size: before };
  }
  if (head.framing === 'close') {
    const end = closed ? 'spent' : 'unfinished';
    return { response: { ...head, body: text }, end, why: '', size: before + text.length };
  }
  const body = head.framing === 'chunked' ? readChunked(text) : readLength(text, length);
  const response: ResponseMessage = { ...head, body: body.data, trailers: body.trailers };
  if (body.outcome !== 'complete') {
    return { response, end: body.outcome === 'broken' ? 'refused' : 'unfinished', why: body.why, size: 0 };
  }
  // Bytes behind a response answer no request: the connection that sent them serves nobody any more.
  const end = reusable && body.size === text.length ? 'complete' : 'spent';
  return { response, end, why: '', size: before + body.size };
}
