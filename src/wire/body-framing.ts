/**
 * Where a body ends (RFC 9112 6 and 7.1), read incrementally. Chunked data is moved together in place, so that a
 * caller gets one run of data bytes a call; chunk extensions are dropped, trailers kept for the end.
 */
import {
  ascii,
  BYTE_CLASS,
  COLON,
  CR,
  equalsFolded,
  HEX_VALUE,
  LF,
  SEMICOLON,
  SPACE,
  TAB,
  TOKEN,
  VALUE,
} from '../kit/bytes.ts';
import { HTTP_BODY } from '../model/limits.ts';

export const BODY = { none: 0, length: 1, chunked: 2, untilClose: 3 } as const;

const STEP = {
  size: 0,
  sizeDigits: 1,
  extension: 2,
  sizeLf: 3,
  data: 4,
  dataCr: 5,
  dataLf: 6,
  /** Behind the last chunk: the usual end is an empty line. */
  trailers: 7,
  lastLf: 8,
  trailerLines: 9,
  /** White space between a size and the semicolon of its extensions. */
  blanks: 10,
} as const;

/** Below this a loop beats a native move. */
const SMALL_MOVE = 32;
/** 2^48: a chunk size that grows past it has overflowed what anybody sends. */
const MAX_CHUNK = 2 ** 48;

/**
 * Trailer fields that are never forwarded: what frames, routes or authenticates a message must stand in its head
 * (RFC 9110 6.5.1).
 */
const FORBIDDEN_TRAILERS = [
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-forwarded-for',
  'x-forwarded-port',
  'x-forwarded-proto',
].map(ascii);

export class BodyReader {
  kind: number = BODY.none;
  /** The whole message body has been read. */
  done = true;
  /** The body breaks the grammar or a limit: where the message ends is not known. */
  broken = false;
  /** Data of the last {@link read}: one run of bytes. */
  dataStart = 0;
  dataEnd = 0;
  /** First byte behind what the last {@link read} took. */
  next = 0;
  /** Data bytes of the body so far. */
  dataBytes = 0;
  #remaining = 0;
  #step: number = STEP.size;
  #lineBytes = 0;
  #trailers: Buffer | undefined;
  #trailerBytes = 0;
  #trailerCount = 0;

  /** Starts a body. `length` counts for {@link BODY.length} only. */
  begin(kind: number, length: number): void {
    this.kind = kind;
    this.dataBytes = 0;
    this.broken = false;
    this.done = kind === BODY.none || (kind === BODY.length && length === 0);
    this.#remaining = length;
    this.#step = STEP.size;
    this.#trailerBytes = 0;
    this.#trailerCount = 0;
    this.#trailers = undefined;
  }

  /** Bytes still to come of a body with a length. */
  get remaining(): number {
    return this.#remaining;
  }

  /** Takes what belongs to the body from `bytes[start, end)`. May move bytes within that range. */
  read(bytes: Buffer, start: number, end: number): void {
    this.dataStart = start;
    this.dataEnd = start;
    this.next = start;
    switch (this.kind) {
      case BODY.length:
        this.next = this.dataEnd = Math.min(end, start + this.#remaining);
        this.#remaining -= this.next - start;
        this.done = this.#remaining === 0;
        break;
      case BODY.untilClose:
        this.next = this.dataEnd = end;
        break;
      case BODY.chunked:
        this.#readChunks(bytes, start, end);
        break;
    }
    this.dataBytes += this.dataEnd - this.dataStart;
  }

  #readChunks(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.done) {
      if (this.#step === STEP.data) {
        at = this.#takeData(bytes, at, end);
        continue;
      }
      if (!this.#framingByte(bytes[at]!)) {
        this.broken = true;
        break;
      }
      at++;
    }
    this.next = at;
  }

  #takeData(bytes: Buffer, at: number, end: number): number {
    const count = Math.min(end - at, this.#remaining);
    if (this.dataStart === this.dataEnd) {
      this.dataStart = at;
      this.dataEnd = at + count;
    } else {
      moveDown(bytes, this.dataEnd, at, count);
      this.dataEnd += count;
    }
    this.#remaining -= count;
    if (this.#remaining === 0) this.#step = STEP.dataCr;
    return at + count;
  }

  /** One byte of what is around the data: chunk-size lines, line ends, trailers. False: it cannot stand there. */
  #framingByte(byte: number): boolean {
    switch (this.#step) {
      case STEP.size:
        this.#remaining = HEX_VALUE[byte]!;
        this.#lineBytes = 1;
        this.#step = STEP.sizeDigits;
        return this.#remaining !== 0xff;
      case STEP.sizeDigits:
        return this.#sizeByte(byte);
      case STEP.blanks:
        if (byte === SEMICOLON) this.#step = STEP.extension;
        return this.#extensionByte() && (byte === SEMICOLON || byte === SPACE || byte === TAB);
      case STEP.extension:
        if (byte === CR) this.#step = STEP.sizeLf;
        return byte === CR || (this.#extensionByte() && (BYTE_CLASS[byte]! & VALUE) !== 0);
      case STEP.sizeLf:
        this.#step = this.#remaining === 0 ? STEP.trailers : STEP.data;
        return byte === LF;
      case STEP.dataCr:
        this.#step = STEP.dataLf;
        return byte === CR;
      case STEP.dataLf:
        this.#step = STEP.size;
        return byte === LF;
      case STEP.trailers:
        this.#step = byte === CR ? STEP.lastLf : STEP.trailerLines;
        return byte === CR || this.#trailerByte(byte);
      case STEP.lastLf:
        this.done = byte === LF;
        return this.done;
      default:
        return this.#trailerByte(byte);
    }
  }

  #sizeByte(byte: number): boolean {
    const value = HEX_VALUE[byte]!;
    if (value !== 0xff) {
      this.#remaining = this.#remaining * 16 + value;
      // Leading zeros cannot overflow, but must end some time.
      return this.#remaining <= MAX_CHUNK && ++this.#lineBytes <= HTTP_BODY.maxChunkLineBytes;
    }
    if (byte === CR) {
      this.#step = STEP.sizeLf;
      return true;
    }
    // RFC 9112 7.1.1 allows white space before the semicolon, and only there.
    this.#step = byte === SEMICOLON ? STEP.extension : STEP.blanks;
    return this.#extensionByte() && (byte === SEMICOLON || byte === SPACE || byte === TAB);
  }

  /** Counts a byte of a chunk-size line; false when the line is too long. */
  #extensionByte(): boolean {
    return ++this.#lineBytes <= HTTP_BODY.maxChunkLineBytes;
  }

  /** Collects the trailer section up to its empty line. Memory is taken only where there are trailers. */
  #trailerByte(byte: number): boolean {
    if (this.#trailerBytes === HTTP_BODY.maxTrailerBytes) return false;
    this.#trailers ??= Buffer.allocUnsafe(256);
    if (this.#trailerBytes === this.#trailers.length) this.#growTrailers();
    this.#trailers[this.#trailerBytes++] = byte;
    return byte !== LF || this.#trailerLine();
  }

  #growTrailers(): void {
    const larger = Buffer.allocUnsafe(this.#trailerBytes * 2);
    this.#trailers!.copy(larger);
    this.#trailers = larger;
  }

  /** A line of the trailer section is there: is it right, and is it the empty one? */
  #trailerLine(): boolean {
    const bytes = this.#trailers!;
    const end = this.#trailerBytes;
    if (bytes[end - 2] !== CR) return false;
    const lineStart = end < 3 ? 0 : bytes.lastIndexOf(LF, end - 2) + 1;
    if (lineStart === end - 2) {
      this.done = true;
      return true;
    }
    let at = lineStart;
    while ((BYTE_CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
    if (at === lineStart || bytes[at++] !== COLON) return false;
    while (at < end - 2 && (BYTE_CLASS[bytes[at]!]! & VALUE) !== 0) at++;
    return at === end - 2 && ++this.#trailerCount <= HTTP_BODY.maxTrailers;
  }

  /**
   * The trailer fields that may be forwarded, as lines without the final empty one; empty when there are none.
   * Valid until the next body begins.
   */
  trailers(): Buffer {
    const all = this.#trailers;
    this.#trailers = undefined;
    if (all === undefined) return NO_TRAILERS;
    const kept: Buffer[] = [];
    for (let at = 0; at < this.#trailerBytes - 2;) {
      const lineEnd = all.indexOf(LF, at) + 1;
      const nameEnd = all.indexOf(COLON, at);
      const lineStart = at;
      at = lineEnd;
      if (FORBIDDEN_TRAILERS.some((name) => equalsFolded(all, lineStart, nameEnd, name))) continue;
      kept.push(all.subarray(lineStart, lineEnd));
    }
    return Buffer.concat(kept);
  }
}

const NO_TRAILERS = Buffer.alloc(0);

function moveDown(bytes: Buffer, to: number, from: number, count: number): void {
  if (to === from) return;
  if (count > SMALL_MOVE) bytes.copyWithin(to, from, from + count);
  else for (let i = 0; i < count; i++) bytes[to + i] = bytes[from + i]!;
}
