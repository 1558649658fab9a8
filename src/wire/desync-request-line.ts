/** The request line, split as a lenient reader splits it, and what is wrong with its parts. */
import { BYTE_CLASS, CR, SPACE, TAB, TARGET, TOKEN, ascii } from '../kit/bytes.ts';
import { REASON, worse } from './desync-reasons.ts';

/** What {@link RequestLine.version} may be besides 10 (HTTP/1.0) to 19 (HTTP/1.9). */
export const VERSION = { bad: -1, http09: 9, http10: 10, http11: 11 } as const;

const HTTP_1 = ascii('HTTP/1.');
const HTTP_09 = ascii('HTTP/0.9');
const GET = ascii('GET');
const HEAD = ascii('HEAD');

/**
 * The method ends at the first space and the version begins after the last one (blanks and other bytes of no token
 * behind the version belong to it); what lies between is the target, spaces included. Offsets into the buffer.
 */
export class RequestLine {
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** {@link VERSION}, or 10 + the minor version. */
  version: number = VERSION.http11;
  /** No target, while there is a version or nothing at all. */
  missingUri = false;
  /** Compliant, BadMethod. */
  methodReason: number = REASON.Compliant;
  /** Compliant, NonCompliantVersion, BadVersion. */
  versionReason: number = REASON.Compliant;
  /** Compliant, SpaceInUri, AmbiguousUri, BadUri. */
  uriReason: number = REASON.Compliant;
  isGetOrHead = false;

  read(bytes: Uint8Array, start: number, end: number): void {
    const space = indexOfSpace(bytes, start, end);
    this.methodStart = start;
    this.methodEnd = space;
    this.#readMethod(bytes);
    this.#split(bytes, Math.min(space + 1, end), end);
    this.uriReason = judgeUri(bytes, this.targetStart, this.targetEnd);
    // Spaces at either end separate; they are no part of what is asked for.
    while (this.targetStart < this.targetEnd && bytes[this.targetStart] === SPACE) this.targetStart++;
    while (this.targetStart < this.targetEnd && bytes[this.targetEnd - 1] === SPACE) this.targetEnd--;
  }

  /** Can a request line that everybody reads alike be written from the parts? */
  get writable(): boolean {
    return (
      this.methodReason === REASON.Compliant &&
      this.version !== VERSION.bad &&
      this.uriReason !== REASON.BadUri &&
      this.targetStart < this.targetEnd
    );
  }

  #readMethod(bytes: Uint8Array): void {
    const { methodStart: start, methodEnd: end } = this;
    let bad = start === end;
    for (let i = start; i < end && !bad; i++) bad = (BYTE_CLASS[bytes[i]!]! & TOKEN) === 0;
    this.methodReason = bad ? REASON.BadMethod : REASON.Compliant;
    this.isGetOrHead = equals(bytes, start, end, GET) || equals(bytes, start, end, HEAD);
  }

  /** Target and version out of `bytes[start, end)`: what follows the method and its space. */
  #split(bytes: Uint8Array, start: number, end: number): void {
    let mark = end - 1;
    while (mark > start && (BYTE_CLASS[bytes[mark]!]! & TOKEN) === 0) mark--;
    while (mark > start && bytes[mark] !== SPACE) mark--;
    this.targetStart = start;
    this.missingUri = false;
    if (start < end && bytes[mark] === SPACE) {
      this.targetEnd = mark;
      this.#readVersion(bytes, mark + 1, end);
      this.missingUri = mark === start && mark + 1 === end;
    } else if (start >= end || startsWith(bytes, start, end, HTTP_1)) {
      this.targetEnd = start;
      this.#readVersion(bytes, start, end);
      this.missingUri = true;
    } else {
      this.targetEnd = end;
      this.#readVersion(bytes, end, end);
    }
  }

  #readVersion(bytes: Uint8Array, start: number, end: number): void {
    let first = start;
    let last = end;
    while (first < last && isBlankByte(bytes[first]!)) first++;
    while (first < last && isBlankByte(bytes[last - 1]!)) last--;
    if (first === last || equals(bytes, first, last, HTTP_09)) {
      this.version = VERSION.http09;
      this.versionReason = REASON.NonCompliantVersion;
      return;
    }
    const minor = last - first === 8 && startsWith(bytes, first, last, HTTP_1) ? bytes[last - 1]! - 0x30 : -1;
    if (minor < 0 || minor > 9) {
      this.version = VERSION.bad;
      this.versionReason = REASON.BadVersion;
      return;
    }
    this.version = VERSION.http10 + minor;
    const surrounded = last - first !== end - start;
    this.versionReason = surrounded || minor > 1 ? REASON.NonCompliantVersion : REASON.Compliant;
  }
}

function judgeUri(bytes: Uint8Array, start: number, end: number): number {
  let verdict: number = REASON.Compliant;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if ((BYTE_CLASS[byte]! & TARGET) !== 0) continue;
    if (byte === CR || byte === 0) return REASON.BadUri;
    verdict = worse(verdict, byte === SPACE ? REASON.SpaceInUri : REASON.AmbiguousUri);
  }
  return verdict;
}

/** Offset of the first space, or `end`. */
function indexOfSpace(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && bytes[i] !== SPACE) i++;
  return i;
}

function isBlankByte(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

function startsWith(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  return end - start >= text.length && equals(bytes, start, start + text.length, text);
}

/** Equal byte by byte: methods and versions are case-sensitive (RFC 9110 9.1, RFC 9112 2.3). */
function equals(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}
