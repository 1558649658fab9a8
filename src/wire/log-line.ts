/**
 * The parts of an access log line as bytes (spec/traffic.md 9). Everything is written at an offset of a buffer that has
 * room, and returns the offset behind it: no strings, no allocation.
 */
import { ascii, DIGIT, BYTE_CLASS, COLON, SPACE } from '../kit/bytes.ts';
import { ACCESS_LOG } from '../model/limits.ts';
import type { RequestHead } from './request-head.ts';

const ZERO = 0x30;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DASH = 0x2d;
const DOT = 0x2e;
const HEX = ascii('0123456789ABCDEF');
const MINUS_ONE = ascii('-1');
const HTTP_1 = ascii(' HTTP/1.');
/** What stands for a request line that nobody could read, and for a TCP connection, which has none. */
const NO_REQUEST = ascii('"- - - " "-"');
const QUOTE_QUOTE = ascii('" "');
const DAY_MS = 86_400_000;
const PREFIX_LENGTH = '2015-05-13T23:39:43.'.length;
/** `2015-05-13T23:39:43.945958Z`. */
export const TIMESTAMP_LENGTH = PREFIX_LENGTH + 7;

/** Below this a loop beats a native copy. */
const SMALL_COPY = 48;

/** Bits in {@link PLAIN}: may stand in a text as it is, and in a word of the request line, which has no spaces. */
const TEXT = 1;
const WORD = 2;

/**
 * What is written as it is. Everything that is not printable ASCII is escaped, so that a line is one line and the file is
 * text for every reader, whatever encoding it takes it for.
 */
const PLAIN = makePlain();

function makePlain(): Uint8Array {
  const plain = new Uint8Array(256).fill(TEXT | WORD, 0x20, 0x7f);
  plain[SPACE] = TEXT;
  plain[QUOTE] = plain[BACKSLASH] = 0;
  return plain;
}

/** Appends all of `source`. */
export function putBytes(out: Buffer, at: number, source: Buffer, length = source.length): number {
  if (length > SMALL_COPY) {
    source.copy(out, at, 0, length);
    return at + length;
  }
  for (let i = 0; i < length; i++) out[at + i] = source[i]!;
  return at + length;
}

/** `source[start, end)` with what is not plain as `\xHH`, which takes up to four bytes for one. */
export function putText(out: Buffer, at: number, source: Buffer, start: number, end: number): number {
  return putPlain(out, at, source, start, end, TEXT);
}

/** As it is, where nothing has to be escaped: then a pass without a branch was enough. */
function putPlain(out: Buffer, at: number, source: Buffer, start: number, end: number, wanted: number): number {
  let plain = wanted;
  let to = at;
  for (let i = start; i < end; i++) {
    const byte = source[i]!;
    out[to++] = byte;
    plain &= PLAIN[byte]!;
  }
  return plain === wanted ? to : putEscaped(out, at, source, start, end, wanted);
}

function putEscaped(out: Buffer, at: number, source: Buffer, start: number, end: number, wanted: number): number {
  let to = at;
  for (let i = start; i < end; i++) {
    const byte = source[i]!;
    if ((PLAIN[byte]! & wanted) === 0) to = putEscape(out, to, byte);
    else out[to++] = byte;
  }
  return to;
}

function putEscape(out: Buffer, at: number, byte: number): number {
  out[at] = BACKSLASH;
  out[at + 1] = 0x78;
  out[at + 2] = HEX[byte >> 4]!;
  out[at + 3] = HEX[byte & 15]!;
  return at + 4;
}

/** A whole number, 0 or more. */
export function putNumber(out: Buffer, at: number, value: number): number {
  if (value < 10) {
    out[at] = ZERO + value;
    return at + 1;
  }
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    out[i] = ZERO + (rest - next * 10);
    rest = next;
  }
  return at + digits;
}

function putPair(out: Buffer, at: number, value: number): void {
  const tens = (value / 10) | 0;
  out[at] = ZERO + tens;
  out[at + 1] = ZERO + value - tens * 10;
}

/** Six digits. */
function putMicros(out: Buffer, at: number, value: number): number {
  const high = (value / 10_000) | 0;
  const rest = value - high * 10_000;
  const middle = (rest / 100) | 0;
  putPair(out, at, high);
  putPair(out, at + 2, middle);
  putPair(out, at + 4, rest - middle * 100);
  return at + 6;
}

/** Seconds with six decimals, from milliseconds; `-1` for a time that is negative: there was none. */
export function putSeconds(out: Buffer, at: number, ms: number): number {
  if (ms < 999) {
    if (ms < 0) return putBytes(out, at, MINUS_ONE);
    out[at] = ZERO;
    out[at + 1] = DOT;
    return putMicros(out, at + 2, (ms * 1000 + 0.5) | 0);
  }
  const micros = Math.round(ms * 1000);
  const seconds = Math.floor(micros / 1e6);
  const to = putNumber(out, at, seconds);
  out[to] = DOT;
  return putMicros(out, to + 1, micros - seconds * 1e6);
}

/** Writes ISO 8601 timestamps, UTC, in microseconds; remembers the second, since many lines have the same. */
export class TimestampWriter {
  #secondMs = -Infinity;
  #day = -1;
  /** Up to the decimal point. */
  readonly #prefix = Buffer.alloc(PREFIX_LENGTH);

  put(out: Buffer, at: number, epochMs: number): number {
    let micros = (epochMs - this.#secondMs) * 1000;
    if (!(micros >= 0 && micros < 999_999)) {
      const rounded = Math.round(epochMs * 1000);
      this.#begin(Math.floor(rounded / 1e6) * 1000);
      micros = rounded - this.#secondMs * 1000;
    }
    const prefix = this.#prefix;
    for (let i = 0; i < PREFIX_LENGTH; i++) out[at + i] = prefix[i]!;
    putMicros(out, at + PREFIX_LENGTH, (micros + 0.5) | 0);
    out[at + TIMESTAMP_LENGTH - 1] = 0x5a;
    return at + TIMESTAMP_LENGTH;
  }

  /** `2015-05-13T23:39:43.` */
  #begin(secondMs: number): void {
    const prefix = this.#prefix;
    this.#secondMs = secondMs;
    const day = Math.floor(secondMs / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      prefix.write(new Date(day * DAY_MS).toISOString(), 'latin1');
    }
    const second = Math.round((secondMs - day * DAY_MS) / 1000);
    const minute = (second / 60) | 0;
    const hour = (minute / 60) | 0;
    putPair(prefix, 11, hour);
    putPair(prefix, 14, minute - hour * 60);
    putPair(prefix, 17, second - minute * 60);
  }
}

/** `-`. */
export function putDash(out: Buffer, at: number): number {
  out[at] = DASH;
  return at + 1;
}

/** How a listener is named in request lines. */
export interface RequestOrigin {
  /** `http://` or `https://`. */
  readonly scheme: Buffer;
  /** `:80`. */
  readonly port: Buffer;
}

/** The most bytes that {@link putRequest} can take for this head. */
export function requestRoom(head: RequestHead, origin: RequestOrigin, host: Buffer): number {
  const escaped = head.methodEnd - head.start + head.targetEnd - head.targetStart + head.hostEnd - head.hostStart;
  const agent = Math.min(ACCESS_LOG.maxUserAgentBytes, head.userAgentEnd - head.userAgentStart);
  return 4 * (escaped + agent) + host.length + origin.scheme.length + origin.port.length + 32;
}

/**
 * `"GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0"`, from a head that was parsed as far as its request line.
 * `host` stands in where the head has no Host.
 */
export function putRequest(
  out: Buffer,
  at: number,
  bytes: Buffer,
  head: RequestHead,
  origin: RequestOrigin,
  host: Buffer,
): number {
  let to = at;
  out[to++] = QUOTE;
  to = putPlain(out, to, bytes, head.start, head.methodEnd, WORD);
  out[to++] = SPACE;
  to = putBytes(out, to, origin.scheme);
  to =
    head.hostEnd > head.hostStart
      ? putPlain(out, to, bytes, head.hostStart, withoutPort(bytes, head.hostStart, head.hostEnd), WORD)
      : putBytes(out, to, host);
  to = putBytes(out, to, origin.port);
  to = putPlain(out, to, bytes, head.targetStart, head.targetEnd, WORD);
  to = putBytes(out, to, HTTP_1);
  out[to++] = ZERO + head.minor;
  to = putBytes(out, to, QUOTE_QUOTE);
  const { userAgentStart: start, userAgentEnd: end } = head;
  if (end > start) to = putText(out, to, bytes, start, Math.min(end, start + ACCESS_LOG.maxUserAgentBytes));
  else to = putDash(out, to);
  out[to++] = QUOTE;
  return to;
}

/** The end of a Host without the port that it may name: the line has the listener's. */
function withoutPort(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (BYTE_CLASS[bytes[at - 1]!]! & DIGIT) !== 0) at--;
  return at > start && bytes[at - 1] === COLON ? at - 1 : end;
}

/** What {@link putRequest} writes where there is no request line. */
export function putNoRequest(out: Buffer, at: number): number {
  return putBytes(out, at, NO_REQUEST);
}

/**
 * ` ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2`, or ` - -` without TLS. The names of TLS 1.3 get hyphens, as those of all other
 * suites have: the field of a classic log has no underscores, and readers of it refuse them.
 */
export function tlsFields(tls: { readonly cipher: string; readonly protocol: string } | undefined): Buffer {
  return ascii(tls === undefined ? ' - -\n' : ` ${tls.cipher.replaceAll('_', '-')} ${tls.protocol}\n`);
}
