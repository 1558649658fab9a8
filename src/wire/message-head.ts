/**
 * What request and response heads have in common: the header section (RFC 9112 5) and the fields that concern one
 * connection only (RFC 9110 7.6.1). One pass over the bytes, results as offsets in one reused object, no allocation.
 *
 * The parser takes only what is plainly right; `odd` is everything else, and what becomes of that is the caller's to
 * decide: a request goes to the desync classifier, a response is refused.
 */
import {
  ascii,
  BYTE_CLASS,
  COLON,
  COMMA,
  CR,
  equalsFolded,
  LF,
  skipPrintable,
  SPACE,
  TAB,
  TOKEN,
  VALUE,
} from '../kit/bytes.ts';
import { HTTP_HEAD } from '../model/limits.ts';
import { Ranges } from './head-ranges.ts';

/** Outcome of a parse. */
export const PARSED = { complete: 0, incomplete: 1, odd: 2, refused: 3 } as const;

/** Options in a Connection field. */
export const CONNECTION = { close: 1, keepAlive: 2, upgrade: 4, te: 8 } as const;

/** More names in Connection than this are not looked up but refused (*ours*). */
const MAX_CONNECTION_NAMES = 32;

const CLOSE = ascii('close');
const KEEP_ALIVE = ascii('keep-alive');
const UPGRADE = ascii('upgrade');
const TE = ascii('te');
const NEVER_DROPPED = ['host', 'content-length', 'transfer-encoding'].map(ascii);

export abstract class MessageHead {
  /** Just behind the empty line. */
  end = 0;
  /** Start of the first header line. */
  headersStart = 0;
  /** Lines that are not forwarded. */
  readonly drops = new Ranges();
  /** Options of Connection fields, a set of {@link CONNECTION} bits. */
  connection = 0;
  headerCount = 0;
  /** Value of Content-Length; -1 when there is none. */
  contentLength = -1;
  /** A Transfer-Encoding that ends in chunked. */
  chunked = false;
  /** The line of an Upgrade field, 0 and 0 when there is none. */
  upgradeStart = 0;
  upgradeEnd = 0;
  protected readonly connectionNames = new Ranges();
  /** What was parsed in last: almost always the read buffer that all connections share. */
  #viewed: Buffer | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  protected clear(): void {
    this.drops.clear();
    this.connectionNames.clear();
    this.connection = 0;
    this.headerCount = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.upgradeStart = 0;
    this.upgradeEnd = 0;
  }

  /** What a header line means. The value has no white space around it. Returns a {@link PARSED} outcome. */
  protected abstract field(
    bytes: Buffer,
    lineStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    lineEnd: number,
  ): number;

  /**
   * Reads header lines up to the empty one. `lenient` accepts names and values that the classifier has let through
   * (never CR, LF or NUL).
   */
  protected parseHeaders(bytes: Buffer, start: number, end: number, lenient: boolean): number {
    let at = start;
    this.headersStart = start;
    if (bytes !== this.#viewed) this.#changeView(bytes);
    for (;;) {
      if (at === end) return PARSED.incomplete;
      const lineStart = at;
      if (bytes[at] === CR) return this.#emptyLine(bytes, at, end);
      while (at < end && (BYTE_CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
      if (lenient) while (at < end && bytes[at] !== COLON && bytes[at] !== LF) at++;
      if (at === end) return partial(lineStart, end);
      if (bytes[at] !== COLON || at === lineStart) return PARSED.odd;
      const nameEnd = at++;
      while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
      const valueStart = at;
      at = skipPrintable(this.#view, at, end);
      while (at < end && (BYTE_CLASS[bytes[at]!]! & VALUE) !== 0) at++;
      if (lenient) while (at < end && bytes[at] !== CR && bytes[at] !== LF && bytes[at] !== 0) at++;
      if (at + 1 >= end) return at < end && bytes[at] !== CR ? PARSED.odd : partial(lineStart, end);
      if (bytes[at] !== CR || bytes[at + 1] !== LF) return PARSED.odd;
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--;
      at += 2;
      // The classifier has measured what the client sent; written anew a line may be two bytes longer.
      if (!lenient && at - lineStart > HTTP_HEAD.maxHeaderBytes) return PARSED.refused;
      if (++this.headerCount > HTTP_HEAD.maxHeaders) return PARSED.refused;
      const outcome = this.field(bytes, lineStart, nameEnd, valueStart, valueEnd, at);
      if (outcome !== PARSED.complete) return outcome;
    }
  }

  #changeView(bytes: Buffer): void {
    this.#viewed = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  #emptyLine(bytes: Buffer, at: number, end: number): number {
    if (at + 1 === end) return PARSED.incomplete;
    if (bytes[at + 1] !== LF) return PARSED.odd;
    this.end = at + 2;
    if (this.connectionNames.count > 0) this.#dropNamed(bytes);
    return PARSED.complete;
  }

  /** Reads the options of a Connection field (RFC 9110 7.6.1) and drops its line. */
  protected connectionField(bytes: Buffer, lineStart: number, start: number, end: number, lineEnd: number): number {
    this.drops.add(lineStart, lineEnd);
    let at = start;
    while (at < end) {
      while (at < end && (bytes[at] === COMMA || bytes[at] === SPACE || bytes[at] === TAB)) at++;
      const optionStart = at;
      while (at < end && bytes[at] !== COMMA && bytes[at] !== SPACE && bytes[at] !== TAB) at++;
      if (at === optionStart) break;
      if (equalsFolded(bytes, optionStart, at, KEEP_ALIVE)) this.connection |= CONNECTION.keepAlive;
      else if (equalsFolded(bytes, optionStart, at, CLOSE)) this.connection |= CONNECTION.close;
      else if (equalsFolded(bytes, optionStart, at, UPGRADE)) this.connection |= CONNECTION.upgrade;
      else if (equalsFolded(bytes, optionStart, at, TE)) this.connection |= CONNECTION.te;
      else if (this.connectionNames.count === MAX_CONNECTION_NAMES) return PARSED.refused;
      else this.connectionNames.add(optionStart, at);
    }
    return PARSED.complete;
  }

  /** Of several Upgrade fields the last can pass; the others go. */
  protected upgradeField(lineStart: number, lineEnd: number): number {
    if (this.upgradeEnd !== 0) this.drops.add(this.upgradeStart, this.upgradeEnd);
    this.upgradeStart = lineStart;
    this.upgradeEnd = lineEnd;
    return PARSED.complete;
  }

  /** Called for each line that a Connection option names, before it is dropped. */
  protected abstract named(bytes: Buffer, lineStart: number, nameEnd: number): void;

  /** Second pass, for the rare Connection that names fields: drops their lines, framing and Host excepted. */
  #dropNamed(bytes: Buffer): void {
    let at = this.headersStart;
    while (at < this.end - 2) {
      const lineStart = at;
      at = bytes.indexOf(LF, at) + 1;
      const nameEnd = bytes.indexOf(COLON, lineStart);
      if (!this.#isNamed(bytes, lineStart, nameEnd) || this.#isDropped(lineStart)) continue;
      if (NEVER_DROPPED.some((name) => equalsFolded(bytes, lineStart, nameEnd, name))) continue;
      this.drops.add(lineStart, at);
    }
    this.drops.sort();
    for (let i = 0; i < this.drops.count; i++) {
      const lineStart = this.drops.start(i);
      const nameEnd = bytes.indexOf(COLON, lineStart);
      if (this.#isNamed(bytes, lineStart, nameEnd)) this.named(bytes, lineStart, nameEnd);
    }
  }

  #isNamed(bytes: Buffer, start: number, end: number): boolean {
    for (let i = 0; i < this.connectionNames.count; i++) {
      const nameStart = this.connectionNames.start(i);
      const nameEnd = this.connectionNames.end(i);
      if (nameEnd - nameStart !== end - start) continue;
      let at = 0;
      while (at < end - start && sameFolded(bytes[start + at]!, bytes[nameStart + at]!)) at++;
      if (at === end - start) return true;
    }
    return false;
  }

  #isDropped(lineStart: number): boolean {
    for (let i = 0; i < this.drops.count; i++) if (this.drops.start(i) === lineStart) return true;
    return false;
  }
}

/** The end of the bytes lies within a line that began at `lineStart`: is there room for the rest? */
function partial(lineStart: number, end: number): number {
  return end - lineStart > HTTP_HEAD.maxHeaderBytes ? PARSED.refused : PARSED.incomplete;
}

/** Is a line over that has come out too short? */
export function hasLineFeed(bytes: Buffer, start: number, end: number): boolean {
  const lineFeed = bytes.indexOf(LF, start);
  return lineFeed !== -1 && lineFeed < end;
}

function sameFolded(a: number, b: number): boolean {
  if (a === b) return true;
  const folded = a | 0x20;
  return folded === (b | 0x20) && folded >= 0x61 && folded <= 0x7a;
}

/**
 * A Content-Length in its only unambiguous form: 1 to 15 digits (15 digits are exact in a double).
 * -1 for anything else.
 */
export function parseLength(bytes: Buffer, start: number, end: number): number {
  if (start === end || end - start > 15) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
