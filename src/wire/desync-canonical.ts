/** The head that is forwarded, written anew from the parsed parts. */
import { assert } from '../kit/assert.ts';
import { BYTE_CLASS, COLON, CR, LF, SPACE, TARGET, TOKEN, ascii } from '../kit/bytes.ts';
import { HTTP_HEAD } from '../model/limits.ts';
import { CODINGS, skipBlanks, skipBlanksBack, type ContentLengths, type TransferEncodings } from './desync-framing.ts';
import { LINE, type HeadLines } from './desync-lines.ts';
import { FRAMING_NAME, framingName, isBlank, mimicsOwnHeader } from './desync-names.ts';
import { VERSION, type RequestLine } from './desync-request-line.ts';

const INITIAL_CAPACITY = 2048;
const HTTP_10 = ascii(' HTTP/1.0\r\n');
const HTTP_11 = ascii(' HTTP/1.1\r\n');
const HEX = ascii('0123456789ABCDEF');
const ZERO = 0x30;
const PERCENT = 0x25;
const CODING_NAMES = CODINGS.map(ascii);
const SEPARATOR = ascii(', ');

/** Line ends and the space behind a colon make a head of the largest size longer, but never by this much. */
const MAX_CAPACITY = HTTP_HEAD.maxBytes + 1024;
assert(2 * (HTTP_HEAD.maxHeaders + 2) + 64 <= 1024, 'two bytes a line, and the blanks in a list of codings');

/**
 * Where the canonical head is put together; the memory is kept for the next one. A head whose request line grows beyond
 * HTTP_HEAD.maxLineBytes (escapes are three bytes for one) is given up: `overflow`.
 */
export class CanonicalHead {
  bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_CAPACITY);
  length = 0;
  overflow = false;

  /** Length before the header that was begun last: what goes if it turns out bad. */
  #headerStart = 0;
  /** Is that header part of the output, so that continuation lines are appended to it? */
  #kept = false;
  #valueStart = 0;
  #framingWritten = false;

  clear(): void {
    this.length = 0;
    this.overflow = false;
    this.#kept = false;
    this.#framingWritten = false;
  }

  /** `METHOD SP target SP HTTP/1.x CRLF`. HTTP/0.9 and no version are 1.0, 1.2 to 1.9 are 1.1. */
  writeRequestLine(head: Uint8Array, line: RequestLine): void {
    this.#copy(head, line.methodStart, line.methodEnd);
    this.#byte(SPACE);
    for (let i = line.targetStart; i < line.targetEnd; i++) {
      const byte = head[i]!;
      if ((BYTE_CLASS[byte]! & TARGET) !== 0) this.#byte(byte);
      else this.#escape(byte);
    }
    this.#copy(line.version <= VERSION.http10 ? HTTP_10 : HTTP_11);
    if (this.length > HTTP_HEAD.maxLineBytes) this.overflow = true;
  }

  /** What remains of one line of the header section. */
  writeLine(head: Uint8Array, line: HeadLines, encodings: TransferEncodings, lengths: ContentLengths): void {
    switch (line.kind) {
      case LINE.field:
        this.#finishHeader();
        this.#field(head, line, encodings, lengths);
        break;
      case LINE.continuation:
        this.#append(head, line);
        break;
      case LINE.mimic:
        // Folded, to a reader of the RFC; unless it could pass for a framing header, which is dropped.
        if (mayFrame(head, line)) this.#finishHeader();
        else this.#append(head, line);
        break;
      case LINE.colonless:
        this.#finishHeader();
        break;
      default:
        break;
    }
  }

  /** The empty line. */
  finish(): void {
    this.#finishHeader();
    this.#byte(CR);
    this.#byte(LF);
  }

  #field(head: Uint8Array, line: HeadLines, encodings: TransferEncodings, lengths: ContentLengths): void {
    const { nameStart, nameEnd, valueStart, valueEnd } = line;
    const name = framingName(head, nameStart, nameEnd);
    if (name === FRAMING_NAME.none) {
      if (isForwardable(head, line)) {
        this.#begin(head, nameStart, nameEnd);
        const first = skipBlanks(head, valueStart, valueEnd);
        this.#copy(head, first, skipBlanksBack(head, first, valueEnd));
      }
      return;
    }
    const wanted = encodings.exact > 0 ? FRAMING_NAME.transferEncoding : FRAMING_NAME.contentLength;
    if (name !== wanted || this.#framingWritten) return;
    this.#framingWritten = true;
    this.#begin(head, nameStart, nameEnd);
    if (name === FRAMING_NAME.transferEncoding) this.#codings(encodings);
    else if (lengths.zero) this.#byte(ZERO);
    else this.#copy(head, lengths.digitsStart, lengths.digitsEnd);
  }

  #codings(encodings: TransferEncodings): void {
    for (let i = 0; i < encodings.codingCount; i++) {
      if (i > 0) this.#copy(SEPARATOR);
      this.#copy(CODING_NAMES[encodings.codings[i]!]!);
    }
  }

  #begin(head: Uint8Array, nameStart: number, nameEnd: number): void {
    this.#headerStart = this.length;
    this.#kept = true;
    this.#copy(head, nameStart, nameEnd);
    this.#byte(COLON);
    this.#byte(SPACE);
    this.#valueStart = this.length;
  }

  /** A folded line is joined to the value by one space (RFC 9112 5.2). */
  #append(head: Uint8Array, line: HeadLines): void {
    if (!this.#kept) return;
    if (hasNul(head, line.start, line.end)) {
      this.length = this.#headerStart;
      this.#kept = false;
      return;
    }
    if (this.length > this.#valueStart) this.#byte(SPACE);
    const first = skipBlanks(head, line.start, line.end);
    this.#copy(head, first, skipBlanksBack(head, first, line.end));
  }

  #finishHeader(): void {
    if (!this.#kept) return;
    this.#kept = false;
    this.#byte(CR);
    this.#byte(LF);
  }

  #escape(byte: number): void {
    this.#byte(PERCENT);
    this.#byte(HEX[byte >> 4]!);
    this.#byte(HEX[byte & 0x0f]!);
  }

  #byte(byte: number): void {
    if (this.#reserve(1)) this.bytes[this.length++] = byte;
  }

  #copy(from: Uint8Array, start = 0, end = from.length): void {
    if (!this.#reserve(end - start)) return;
    for (let i = start; i < end; i++) this.bytes[this.length++] = from[i]!;
  }

  #reserve(count: number): boolean {
    const needed = this.length + count;
    if (needed > MAX_CAPACITY) this.overflow = true;
    if (this.overflow) return false;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(MAX_CAPACITY, Math.max(needed, this.bytes.length * 2)));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    return true;
  }
}

/** Does a line that starts with a blank have the name of a framing header, nearly, or no name? */
function mayFrame(head: Uint8Array, line: HeadLines): boolean {
  return (
    isBlank(head, line.nameStart, line.nameEnd) || framingName(head, line.nameStart, line.nameEnd) !== FRAMING_NAME.none
  );
}

/** A name, no NUL, and no look-alike of a header that is ours to say. */
function isForwardable(head: Uint8Array, line: HeadLines): boolean {
  const { nameStart, nameEnd } = line;
  if (isBlank(head, nameStart, nameEnd) || hasNul(head, line.start, line.end)) return false;
  return isToken(head, nameStart, nameEnd) || !mimicsOwnHeader(head, nameStart, nameEnd);
}

function isToken(head: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((BYTE_CLASS[head[i]!]! & TOKEN) === 0) return false;
  return true;
}

function hasNul(head: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (head[i] === 0) return true;
  return false;
}
