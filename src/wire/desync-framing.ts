/**
 * The Transfer-Encoding and Content-Length headers of one request. Look-alikes count for the verdict, so that a message
 * whose length somebody may read differently is never trusted; but only headers that really have the name say how long
 * the message is.
 */
import { BYTE_CLASS, COMMA, DIGIT, SEMICOLON, SPACE, TAB, ascii, equalsFolded } from '../kit/bytes.ts';
import { REASON, worse } from './desync-reasons.ts';
import { VERSION, type RequestLine } from './desync-request-line.ts';

/** The codings that AWS lets pass; anything else is BadTransferEncoding. */
export const CODINGS = ['chunked', 'compress', 'deflate', 'gzip', 'identity'] as const;
const CODING_NAMES = CODINGS.map(ascii);
const CHUNKED = 0;
const IDENTITY = 4;

/** More codings than this are no honest message. */
const MAX_CODINGS = 16;
const MAX_LENGTH = ascii('18446744073709551615');

/** All Transfer-Encoding headers of a request, in order: they are one list (RFC 9110 5.3). */
export class TransferEncodings {
  /** Compliant, BadTransferEncoding, MultipleTransferEncodingChunked. */
  reason: number = REASON.Compliant;
  /** Headers with the very name, and look-alikes. */
  exact = 0;
  lookAlikes = 0;
  /** What is forwarded: indexes into {@link CODINGS}. `identity` says nothing and is left out. */
  readonly codings = new Uint8Array(MAX_CODINGS);
  codingCount = 0;

  #afterChunked = false;
  #lastExact = -1;
  #unframable = false;

  clear(): void {
    this.reason = REASON.Compliant;
    this.exact = 0;
    this.lookAlikes = 0;
    this.codingCount = 0;
    this.#afterChunked = false;
    this.#lastExact = -1;
    this.#unframable = false;
  }

  get any(): boolean {
    return this.exact + this.lookAlikes > 0;
  }

  /** May the message be framed by this list: is `chunked` there once, and last (RFC 9112 6.3)? True without a header. */
  get framable(): boolean {
    return !this.#unframable && (this.exact === 0 || this.#lastExact === CHUNKED);
  }

  add(bytes: Uint8Array, start: number, end: number, exact: boolean): void {
    if (exact) this.exact++;
    else this.lookAlikes++;
    let elementStart = start;
    for (let i = start; i <= end; i++) {
      if (i < end && bytes[i] !== COMMA) continue;
      this.#addCoding(codingOf(bytes, elementStart, i), exact);
      elementStart = i + 1;
    }
  }

  #addCoding(coding: number, exact: boolean): void {
    if (coding === -1) {
      this.reason = worse(this.reason, REASON.BadTransferEncoding);
      this.#unframable = true;
      return;
    }
    if (coding === CHUNKED && this.#afterChunked) {
      this.reason = worse(this.reason, REASON.MultipleTransferEncodingChunked);
    }
    this.#afterChunked = coding === CHUNKED;
    if (!exact) return;
    if (this.#lastExact === CHUNKED || this.codingCount === MAX_CODINGS) this.#unframable = true;
    else if (coding !== IDENTITY) this.codings[this.codingCount++] = coding;
    this.#lastExact = coding;
  }
}

/** All Content-Length headers of a request. Offsets into the head. */
export class ContentLengths {
  /** Compliant, DuplicateContentLength, BadContentLength, MultipleContentLength. */
  reason: number = REASON.Compliant;
  /** Headers with the very name, and look-alikes. */
  exact = 0;
  lookAlikes = 0;
  /** The first valid length, without leading zeros: nothing is left of 0. -1 while there is none. */
  digitsStart = -1;
  digitsEnd = -1;

  #unframable = false;

  clear(): void {
    this.reason = REASON.Compliant;
    this.exact = 0;
    this.lookAlikes = 0;
    this.digitsStart = -1;
    this.#unframable = false;
  }

  get any(): boolean {
    return this.exact + this.lookAlikes > 0;
  }

  get known(): boolean {
    return this.digitsStart !== -1;
  }

  get zero(): boolean {
    return this.digitsStart === this.digitsEnd;
  }

  /** May the message be framed by these headers: do they all say the same number? True without a header. */
  get framable(): boolean {
    return !this.#unframable;
  }

  add(bytes: Uint8Array, start: number, end: number, exact: boolean): void {
    if (exact) this.exact++;
    else this.lookAlikes++;
    const first = skipBlanks(bytes, start, end);
    const last = skipBlanksBack(bytes, first, end);
    let digits = first;
    while (digits < last && bytes[digits] === 0x30) digits++;
    if (!isLength(bytes, digits, last)) {
      this.reason = worse(this.reason, REASON.BadContentLength);
      this.#unframable = true;
      return;
    }
    // AWS reads an empty value as 0; a strict framer must not (RFC 9112 6.3).
    if (exact && first === last) this.#unframable = true;
    if (this.digitsStart === -1) {
      this.digitsStart = digits;
      this.digitsEnd = last;
    } else if (sameBytes(bytes, this.digitsStart, this.digitsEnd, digits, last)) {
      this.reason = worse(this.reason, REASON.DuplicateContentLength);
    } else {
      this.reason = worse(this.reason, REASON.MultipleContentLength);
      this.#unframable = true;
    }
  }
}

/** `verdict` after what Transfer-Encoding, Content-Length, method and version say together. */
export function judgeFraming(
  verdict: number,
  line: RequestLine,
  encodings: TransferEncodings,
  lengths: ContentLengths,
): number {
  const before11 = line.version === VERSION.http09 || line.version === VERSION.http10;
  let result = verdict;
  if (encodings.any && before11) result = worse(result, REASON.UndefinedTransferEncodingSemantics);
  else if (lengths.any && line.version === VERSION.http09)
    result = worse(result, REASON.UndefinedContentLengthSemantics);
  result = worse(worse(result, encodings.reason), lengths.reason);
  if (line.isGetOrHead) {
    if (encodings.any) result = worse(result, REASON.UndefinedTransferEncodingSemantics);
    if (lengths.known) {
      const defined = lengths.zero ? REASON.GetHeadZeroContentLength : REASON.UndefinedContentLengthSemantics;
      result = worse(result, defined);
    }
  }
  return encodings.any && lengths.known ? worse(result, REASON.BothTeClPresent) : result;
}

/** Index of an element's coding, its parameters left aside; -1 for none that is known. */
function codingOf(bytes: Uint8Array, start: number, end: number): number {
  const first = skipBlanks(bytes, start, end);
  let last = first;
  while (last < end && bytes[last] !== SEMICOLON) last++;
  last = skipBlanksBack(bytes, first, last);
  return CODING_NAMES.findIndex((name) => equalsFolded(bytes, first, last, name));
}

/** Are these digits, leading zeros off, and at most 2^64 - 1? */
function isLength(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((BYTE_CLASS[bytes[i]!]! & DIGIT) === 0) return false;
  if (end - start !== MAX_LENGTH.length) return end - start < MAX_LENGTH.length;
  for (let i = 0; i < MAX_LENGTH.length; i++) {
    const difference = bytes[start + i]! - MAX_LENGTH[i]!;
    if (difference !== 0) return difference < 0;
  }
  return true;
}

function sameBytes(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let i = 0; i < end - start; i++) if (bytes[start + i] !== bytes[otherStart + i]) return false;
  return true;
}

/** `start` moved over optional whitespace (RFC 9110 5.6.3). */
export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i++;
  return i;
}

/** `end` moved back over optional whitespace. */
export function skipBlanksBack(bytes: Uint8Array, start: number, end: number): number {
  let i = end;
  while (i > start && (bytes[i - 1] === SPACE || bytes[i - 1] === TAB)) i--;
  return i;
}
