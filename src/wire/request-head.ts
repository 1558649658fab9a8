/** The head of a request (RFC 9112 3): request line and header fields, as offsets into the bytes that were read. */
import {
  ALPHANUMERIC,
  ascii,
  BYTE_CLASS,
  COMMA,
  equalsFolded,
  SEMICOLON,
  SLASH,
  SPACE,
  TAB,
  TARGET,
  TOKEN,
} from '../kit/bytes.ts';
import { HTTP_HEAD } from '../model/limits.ts';
import { FieldNames } from './field-names.ts';
import { Ranges } from './head-ranges.ts';
import { CONNECTION, hasLineFeed, MessageHead, PARSED, parseLength } from './message-head.ts';

const FIELD = {
  host: 1,
  userAgent: 2,
  cookie: 3,
  connection: 4,
  contentLength: 5,
  transferEncoding: 6,
  upgrade: 7,
  te: 8,
  forwardedFor: 9,
  traceId: 10,
} as const;

/** In the order of {@link FIELD}; behind them what is always dropped: it concerns one connection, or is ours to say. */
const FIELDS = new FieldNames([
  'host',
  'user-agent',
  'cookie',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'te',
  'x-forwarded-for',
  'x-amzn-trace-id',
  'x-forwarded-port',
  'x-forwarded-proto',
  'keep-alive',
  'proxy-connection',
]);

const X_FORWARDED_FOR = ascii('x-forwarded-for');
const X_AMZN_TRACE_ID = ascii('x-amzn-trace-id');
const CHUNKED = ascii('chunked');
const H2C = ascii('h2c');
const TRAILERS = ascii('trailers');
const ZERO = 0x30;
const LOOKALIKES = { c: ascii('contentlength'), t: ascii('transferencoding') };

const HTTP_1 = ascii('HTTP/1.');

/** What the engine does differently for some methods. */
export const METHOD = {
  get: 0,
  head: 1,
  post: 2,
  put: 3,
  delete: 4,
  options: 5,
  trace: 6,
  connect: 7,
  other: 8,
} as const;

/** Methods that may be sent a second time (RFC 9110 9.2.2), a set of bits. */
const IDEMPOTENT =
  (1 << METHOD.get) |
  (1 << METHOD.head) |
  (1 << METHOD.put) |
  (1 << METHOD.delete) |
  (1 << METHOD.options) |
  (1 << METHOD.trace);

export function isIdempotent(method: number): boolean {
  return (IDEMPOTENT & (1 << method)) !== 0;
}

export class RequestHead extends MessageHead {
  start = 0;
  method: number = METHOD.other;
  methodEnd = 0;
  targetStart = 0;
  /** 0 until the request line has been read, and is one of HTTP/1. */
  targetEnd = 0;
  /** Minor version: 0 or 1. */
  minor = 1;
  /** The value of Host; 0 and 0 when there is none. */
  hostStart = 0;
  hostEnd = 0;
  userAgentStart = 0;
  userAgentEnd = 0;
  /** Values of Cookie fields. */
  readonly cookies = new Ranges();
  /** Values of X-Forwarded-For fields, to be continued by ours. */
  readonly forwardedFor = new Ranges();
  /** Lines of X-Amzn-Trace-Id, which are forwarded unless ours takes their place. */
  readonly traceIdLines = new Ranges();
  /** What a refused head is answered with. */
  refusal: 400 | 405 = 400;
  #vouched = false;
  #transferEncodings = 0;
  #upgradesToHttp2 = false;

  /**
   * Parses a head that starts at `start`. `vouched`: the bytes are a head that the classifier has written anew, so
   * that what it let through is taken as it stands.
   */
  parse(bytes: Buffer, start: number, end: number, vouched: boolean): number {
    this.clear();
    this.cookies.clear();
    this.forwardedFor.clear();
    this.traceIdLines.clear();
    this.start = start;
    this.targetEnd = 0;
    this.hostStart = this.hostEnd = 0;
    this.userAgentStart = this.userAgentEnd = 0;
    this.refusal = 400;
    this.#vouched = vouched;
    this.#transferEncodings = 0;
    this.#upgradesToHttp2 = false;
    const outcome = this.#requestLine(bytes, start, end);
    if (outcome < 0) return -outcome;
    const parsed = this.parseHeaders(bytes, outcome, end, vouched);
    if (parsed !== PARSED.complete) return parsed;
    if (this.method === METHOD.connect || this.#namesNoHost(bytes)) return PARSED.refused;
    // A field list that names chunked, but not last, cannot be framed (RFC 9112 6.3).
    return this.#transferEncodings > 0 && !this.chunked ? PARSED.refused : PARSED.complete;
  }

  /** Offset of the first header line, or a negative {@link PARSED} outcome. */
  #requestLine(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && (BYTE_CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
    if (at - start > HTTP_HEAD.maxMethodLength) {
      this.refusal = 405;
      return -PARSED.refused;
    }
    if (at === end) return -PARSED.incomplete;
    if (bytes[at] !== SPACE || at === start) return -PARSED.odd;
    this.methodEnd = at;
    const targetStart = ++at;
    while (at < end && (BYTE_CLASS[bytes[at]!]! & TARGET) !== 0) at++;
    if (at + 11 - start > HTTP_HEAD.maxLineBytes) return -PARSED.refused;
    if (at === end) return -PARSED.incomplete;
    if (bytes[at] !== SPACE || at === targetStart) return -PARSED.odd;
    const targetEnd = at++;
    if (end - at < 10) return -(hasLineFeed(bytes, at, end) ? PARSED.odd : PARSED.incomplete);
    if (!this.#version(bytes, at)) return -PARSED.odd;
    this.targetStart = targetStart;
    this.targetEnd = targetEnd;
    this.method = methodOf(bytes, start, this.methodEnd);
    return at + 10;
  }

  #version(bytes: Buffer, at: number): boolean {
    for (let i = 0; i < HTTP_1.length; i++) if (bytes[at + i] !== HTTP_1[i]) return false;
    this.minor = bytes[at + 7]! - 0x30;
    return (this.minor === 1 || this.minor === 0) && bytes[at + 8] === 0x0d && bytes[at + 9] === 0x0a;
  }

  protected field(
    bytes: Buffer,
    lineStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    lineEnd: number,
  ): number {
    switch (FIELDS.find(bytes, lineStart, nameEnd)) {
      case 0:
        return !this.#vouched && isLookalike(bytes, lineStart, nameEnd) ? PARSED.odd : PARSED.complete;
      case FIELD.host:
        if (this.hostStart !== 0) return PARSED.refused;
        this.hostStart = valueStart;
        this.hostEnd = valueEnd;
        return PARSED.complete;
      case FIELD.userAgent:
        this.userAgentStart = valueStart;
        this.userAgentEnd = valueEnd;
        return PARSED.complete;
      case FIELD.cookie:
        this.cookies.add(valueStart, valueEnd);
        return PARSED.complete;
      case FIELD.connection:
        return this.connectionField(bytes, lineStart, valueStart, valueEnd, lineEnd);
      case FIELD.contentLength:
        return this.#length(bytes, valueStart, valueEnd);
      case FIELD.transferEncoding:
        return this.#transferEncoding(bytes, valueStart, valueEnd);
      case FIELD.upgrade:
        this.#upgradesToHttp2 ||= namesElement(bytes, valueStart, valueEnd, H2C);
        return this.upgradeField(lineStart, lineEnd);
      case FIELD.te:
        if (!equalsFolded(bytes, valueStart, valueEnd, TRAILERS)) this.drops.add(lineStart, lineEnd);
        return PARSED.complete;
      case FIELD.forwardedFor:
        this.forwardedFor.add(valueStart, valueEnd);
        this.drops.add(lineStart, lineEnd);
        return PARSED.complete;
      case FIELD.traceId:
        this.traceIdLines.add(lineStart, lineEnd);
        return PARSED.complete;
      default:
        this.drops.add(lineStart, lineEnd);
        return PARSED.complete;
    }
  }

  #length(bytes: Buffer, start: number, end: number): number {
    const otherwise = this.#vouched ? PARSED.refused : PARSED.odd;
    if (this.contentLength !== -1 || this.#transferEncodings > 0) return otherwise;
    if (!this.#vouched && (this.method === METHOD.get || this.method === METHOD.head)) return PARSED.odd;
    // Some readers take a leading zero for octal: the classifier writes the number anew.
    if (!this.#vouched && bytes[start] === ZERO && end - start > 1) return PARSED.odd;
    this.contentLength = parseLength(bytes, start, end);
    return this.contentLength === -1 ? otherwise : PARSED.complete;
  }

  #transferEncoding(bytes: Buffer, start: number, end: number): number {
    const plain =
      this.minor === 1 &&
      this.#transferEncodings === 0 &&
      this.contentLength === -1 &&
      this.method !== METHOD.get &&
      this.method !== METHOD.head &&
      end - start === CHUNKED.length &&
      is(bytes, start, 'chunked');
    if (!plain && !this.#vouched) return PARSED.odd;
    if (this.contentLength !== -1) return PARSED.refused;
    this.#transferEncodings++;
    // A coding behind chunked, in this field or an earlier one, leaves the body without an end.
    if (this.chunked) return PARSED.refused;
    this.chunked = plain || endsInChunked(bytes, start, end);
    return PARSED.complete;
  }

  protected named(bytes: Buffer, lineStart: number, nameEnd: number): void {
    if (equalsFolded(bytes, lineStart, nameEnd, X_FORWARDED_FOR)) this.forwardedFor.clear();
    if (equalsFolded(bytes, lineStart, nameEnd, X_AMZN_TRACE_ID)) this.traceIdLines.clear();
  }

  /** May the client send another request on its connection? (RFC 9112 9.3) */
  get keepAlive(): boolean {
    if ((this.connection & CONNECTION.close) !== 0) return false;
    return this.minor === 1 || (this.connection & CONNECTION.keepAlive) !== 0;
  }

  /**
   * May its Upgrade go on to the back end? Not to HTTP/2 in the clear, which RFC 9113 3.1 has done away with: its requests
   * would pass everything that stands in front of the back end.
   */
  get passesUpgrade(): boolean {
    return this.wantsUpgrade && !this.#upgradesToHttp2;
  }

  /** The client asks for another protocol (RFC 9110 7.8). */
  get wantsUpgrade(): boolean {
    return this.minor === 1 && this.upgradeEnd !== 0 && (this.connection & CONNECTION.upgrade) !== 0;
  }

  /**
   * The authority of a target in absolute form (RFC 9112 3.2.2), which takes the place of Host; undefined for any other.
   * User information is not part of it.
   */
  targetAuthority(bytes: Buffer): string | undefined {
    if (bytes[this.targetStart] === SLASH) return undefined;
    const target = bytes.toString('latin1', this.targetStart, this.targetEnd);
    const authority = /^[A-Za-z][A-Za-z0-9+\-.]*:\/\/([^/?#]*)/.exec(target)?.[1];
    return authority?.slice(authority.lastIndexOf('@') + 1);
  }

  /** `http:///x`, `http://:80/`: who is asked says nobody, and must not go on as Host (RFC 9110 4.2.1). */
  #namesNoHost(bytes: Buffer): boolean {
    const authority = this.targetAuthority(bytes);
    return authority !== undefined && (authority === '' || authority.startsWith(':'));
  }

  /** What the fields of X-Amzn-Trace-Id say, '' where there are none. */
  traceId(bytes: Buffer): string {
    let value = '';
    for (let i = 0; i < this.traceIdLines.count; i++) {
      const start = this.traceIdLines.start(i) + X_AMZN_TRACE_ID.length + 1;
      value += `${value === '' ? '' : ';'}${bytes.toString('latin1', start, this.traceIdLines.end(i)).trim()}`;
    }
    return value;
  }
}

function methodOf(bytes: Buffer, start: number, end: number): number {
  switch (end - start) {
    case 3:
      if (is(bytes, start, 'GET')) return METHOD.get;
      return is(bytes, start, 'PUT') ? METHOD.put : METHOD.other;
    case 4:
      if (is(bytes, start, 'POST')) return METHOD.post;
      return is(bytes, start, 'HEAD') ? METHOD.head : METHOD.other;
    case 5:
      return is(bytes, start, 'TRACE') ? METHOD.trace : METHOD.other;
    case 6:
      return is(bytes, start, 'DELETE') ? METHOD.delete : METHOD.other;
    case 7:
      if (is(bytes, start, 'OPTIONS')) return METHOD.options;
      return is(bytes, start, 'CONNECT') ? METHOD.connect : METHOD.other;
    default:
      return METHOD.other;
  }
}

function is(bytes: Buffer, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name.charCodeAt(i)) return false;
  return true;
}

/** Is `wanted` an element of the list, without regard to case? */
function namesElement(bytes: Buffer, start: number, end: number, wanted: Buffer): boolean {
  let from = start;
  for (let at = start; at <= end; at++) {
    if (at < end && bytes[at] !== COMMA) continue;
    let to = at;
    while (from < to && (bytes[from] === SPACE || bytes[from] === TAB)) from++;
    while (to > from && (bytes[to - 1] === SPACE || bytes[to - 1] === TAB)) to--;
    if (equalsFolded(bytes, from, to, wanted)) return true;
    from = at + 1;
  }
  return false;
}

/**
 * Does the list end in `chunked`, and name it nowhere else? An element with parameters is not chunked, which has none
 * (RFC 9112 7.1), but counts as naming it: a back end may read it either way.
 */
export function endsInChunked(bytes: Buffer, start: number, end: number): boolean {
  let elementStart = start;
  for (let at = start; at < end; at++) {
    if (bytes[at] !== COMMA) continue;
    if (namesChunked(bytes, elementStart, at)) return false;
    elementStart = at + 1;
  }
  while (elementStart < end && (bytes[elementStart] === SPACE || bytes[elementStart] === TAB)) elementStart++;
  return equalsFolded(bytes, elementStart, end, CHUNKED);
}

function namesChunked(bytes: Buffer, start: number, end: number): boolean {
  let from = start;
  while (from < end && (bytes[from] === SPACE || bytes[from] === TAB)) from++;
  let to = from;
  while (to < end && bytes[to] !== SEMICOLON && bytes[to] !== SPACE && bytes[to] !== TAB) to++;
  return equalsFolded(bytes, from, to, CHUNKED);
}

/**
 * Does the name read as Content-Length or Transfer-Encoding once everything but letters and digits is left out?
 * Only such names are looked at whole: the first letter tells almost all others apart.
 */
function isLookalike(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < LOOKALIKES.c.length) return false;
  let wanted: Buffer | undefined;
  let matched = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if ((BYTE_CLASS[byte]! & ALPHANUMERIC) === 0) continue;
    const folded = byte | 0x20;
    wanted ??= folded === 0x63 ? LOOKALIKES.c : LOOKALIKES.t;
    if (matched === wanted.length || wanted[matched] !== folded) return false;
    matched++;
  }
  return wanted !== undefined && matched === wanted.length;
}
