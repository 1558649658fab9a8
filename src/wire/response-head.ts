/** The head of a response (RFC 9112 4), as offsets into the bytes that were read. Whatever is odd is refused (502). */
import { ascii, BYTE_CLASS, CR, equalsFolded, LF, SPACE, VALUE } from '../kit/bytes.ts';
import { HTTP_HEAD } from '../model/limits.ts';
import { FieldNames } from './field-names.ts';
import { Ranges } from './head-ranges.ts';
import { CONNECTION, hasLineFeed, MessageHead, PARSED, parseLength } from './message-head.ts';
import { endsInChunked } from './request-head.ts';

const FIELD = {
  connection: 1,
  contentLength: 2,
  transferEncoding: 3,
  setCookie: 4,
  upgrade: 5,
  trailer: 6,
} as const;

/** In the order of {@link FIELD}; behind them what is always dropped: it concerns one connection. */
const FIELDS = new FieldNames([
  'connection',
  'content-length',
  'transfer-encoding',
  'set-cookie',
  'upgrade',
  'trailer',
  'keep-alive',
  'proxy-connection',
]);

const HTTP_1 = ascii('HTTP/1.');
const CHUNKED = ascii('chunked');

export class ResponseHead extends MessageHead {
  /** Three digits, 100 to 999. */
  status = 0;
  /** Start of the three digits. */
  statusStart = 0;
  /** Minor version of the back end's HTTP: 0, or 1 and above. */
  minor = 1;
  /** Both framing fields were there: chunked is obeyed, the connection is not used again (RFC 9112 6.3). */
  conflictingLength = false;
  transferEncodings = 0;
  /** There is a coding besides chunked. */
  coded = false;
  /** Lines of Transfer-Encoding, dropped for clients that cannot read chunks. */
  readonly transferEncodingLines = new Ranges();
  readonly trailerLines = new Ranges();
  /** Values of Set-Cookie fields. */
  readonly setCookies = new Ranges();
  /** The line of Content-Length that counts. */
  lengthLineStart = 0;
  lengthLineEnd = 0;

  parse(bytes: Buffer, start: number, end: number): number {
    this.clear();
    this.conflictingLength = false;
    this.transferEncodings = 0;
    this.coded = false;
    this.transferEncodingLines.clear();
    this.trailerLines.clear();
    this.setCookies.clear();
    const headersStart = this.#statusLine(bytes, start, end);
    if (headersStart < 0) return -headersStart;
    const parsed = this.parseHeaders(bytes, headersStart, end, false);
    if (parsed !== PARSED.complete) return parsed;
    if (this.transferEncodings > 0 && !this.chunked) return PARSED.refused;
    if (this.chunked && this.contentLength !== -1) {
      this.conflictingLength = true;
      this.drops.add(this.lengthLineStart, this.lengthLineEnd);
      this.contentLength = -1;
      this.drops.sort();
    }
    return PARSED.complete;
  }

  /** Offset of the first header line, or a negative {@link PARSED} outcome. */
  #statusLine(bytes: Buffer, start: number, end: number): number {
    const checked = Math.min(end - start, HTTP_1.length);
    for (let i = 0; i < checked; i++) if (bytes[start + i] !== HTTP_1[i]) return -PARSED.odd;
    if (end - start < 14) return -(hasLineFeed(bytes, start, end) ? PARSED.odd : PARSED.incomplete);
    const digits = start + 9;
    this.minor = bytes[start + 7]! - 0x30;
    if (this.minor < 0 || this.minor > 9 || bytes[start + 8] !== SPACE) return -PARSED.odd;
    this.status = parseLength(bytes, digits, digits + 3);
    if (this.status < 100) return -PARSED.odd;
    this.statusStart = digits;
    let at = digits + 3;
    if (bytes[at] !== SPACE && bytes[at] !== CR) return -PARSED.odd;
    while (at < end && (BYTE_CLASS[bytes[at]!]! & VALUE) !== 0) at++;
    if (at - start > HTTP_HEAD.maxLineBytes) return -PARSED.refused;
    if (at + 1 >= end) return at < end && bytes[at] !== CR ? -PARSED.odd : -PARSED.incomplete;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return -PARSED.odd;
    return at + 2;
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
        return PARSED.complete;
      case FIELD.connection:
        return this.connectionField(bytes, lineStart, valueStart, valueEnd, lineEnd);
      case FIELD.contentLength:
        return this.#length(bytes, lineStart, valueStart, valueEnd, lineEnd);
      case FIELD.transferEncoding:
        if (this.chunked) return PARSED.refused;
        this.transferEncodings++;
        this.coded ||= !equalsFolded(bytes, valueStart, valueEnd, CHUNKED);
        this.chunked = endsInChunked(bytes, valueStart, valueEnd);
        this.transferEncodingLines.add(lineStart, lineEnd);
        return PARSED.complete;
      case FIELD.setCookie:
        this.setCookies.add(valueStart, valueEnd);
        return PARSED.complete;
      case FIELD.upgrade:
        return this.upgradeField(lineStart, lineEnd);
      case FIELD.trailer:
        this.trailerLines.add(lineStart, lineEnd);
        return PARSED.complete;
      default:
        this.drops.add(lineStart, lineEnd);
        return PARSED.complete;
    }
  }

  /** A second, equal length is dropped; a different one makes the response unreadable. */
  #length(bytes: Buffer, lineStart: number, valueStart: number, valueEnd: number, lineEnd: number): number {
    const length = parseLength(bytes, valueStart, valueEnd);
    if (length === -1) return PARSED.refused;
    if (this.contentLength === -1) {
      this.contentLength = length;
      this.lengthLineStart = lineStart;
      this.lengthLineEnd = lineEnd;
      return PARSED.complete;
    }
    if (this.contentLength !== length) return PARSED.refused;
    this.drops.add(lineStart, lineEnd);
    return PARSED.complete;
  }

  protected named(): void {}

  /** Does the back end keep its connection open after this response, as far as it says? */
  get keepAlive(): boolean {
    if ((this.connection & CONNECTION.close) !== 0 || this.conflictingLength) return false;
    // HTTP/1.0 has no chunks: who sends them may mean something else by them (RFC 9112 6.1).
    if (this.minor === 0 && this.chunked) return false;
    return this.minor >= 1 || (this.connection & CONNECTION.keepAlive) !== 0;
  }
}
