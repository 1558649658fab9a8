/**
 * The parts of an access log line as bytes. Everything is written at an offset of a buffer that has
 * room, and returns the offset behind it: no strings, no allocation.
 */
import { Phrase, putPhrase, putView } from './phrase.ts';

const ZERO = 0x30;
/** Two of them, as putPair writes them. */
const ZEROS = 0x3030;
const DASH = 0x2d;
const DOT = 0x2e;
const MINUS_ONE = new Phrase('-1');
const DAY_MS = 86_400_000;
const PREFIX_LENGTH = '2015-05-13T23:39:43.'.length;
/** `2015-05-13T23:39:43.945958Z`. */
export const TIMESTAMP_LENGTH = PREFIX_LENGTH + 7;

/** A whole number, 0 or more. */
export function putNumber(out: DataView, at: number, value: number): number {
  if (value < 10) {
    out.setUint8(at, ZERO + value);
    return at + 1;
  }
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    out.setUint8(i, ZERO + (rest - next * 10));
    rest = next;
  }
  return at + digits;
}

function putPair(out: DataView, at: number, value: number): void {
  const tens = (value / 10) | 0;
  out.setUint16(at, ZEROS + tens + ((value - tens * 10) << 8), true);
}

/** Six digits. */
function putMicros(out: DataView, at: number, value: number): number {
  const high = (value / 10_000) | 0;
  const rest = value - high * 10_000;
  const middle = (rest / 100) | 0;
  putPair(out, at, high);
  putPair(out, at + 2, middle);
  putPair(out, at + 4, rest - middle * 100);
  return at + 6;
}

/** Seconds with six decimals, from milliseconds; `-1` for a time that is negative: there was none. */
export function putSeconds(out: DataView, at: number, ms: number): number {
  if (ms < 999) {
    if (ms < 0) return putPhrase(out, at, MINUS_ONE);
    out.setUint16(at, ZERO + (DOT << 8), true);
    return putMicros(out, at + 2, (ms * 1000 + 0.5) | 0);
  }
  const micros = Math.round(ms * 1000);
  const seconds = Math.floor(micros / 1e6);
  const to = putNumber(out, at, seconds);
  out.setUint8(to, DOT);
  return putMicros(out, to + 1, micros - seconds * 1e6);
}

/** Writes ISO 8601 timestamps, UTC, in microseconds; remembers the second, since many lines have the same. */
export class TimestampWriter {
  #secondMs = -Infinity;
  #day = -1;
  /** Up to the decimal point. */
  readonly #prefix = new DataView(new ArrayBuffer(PREFIX_LENGTH));

  put(out: DataView, at: number, epochMs: number): number {
    let micros = (epochMs - this.#secondMs) * 1000;
    if (!(micros >= 0 && micros < 999_999)) {
      const rounded = Math.round(epochMs * 1000);
      this.#begin(Math.floor(rounded / 1e6) * 1000);
      micros = rounded - this.#secondMs * 1000;
    }
    const to = putView(out, at, this.#prefix, PREFIX_LENGTH);
    out.setUint8(putMicros(out, to, (micros + 0.5) | 0), 0x5a);
    return at + TIMESTAMP_LENGTH;
  }

  /** `2015-05-13T23:39:43.` */
  #begin(secondMs: number): void {
    const prefix = this.#prefix;
    this.#secondMs = secondMs;
    const day = Math.floor(secondMs / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      Buffer.from(prefix.buffer).write(new Date(day * DAY_MS).toISOString(), 'latin1');
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
export function putDash(out: DataView, at: number): number {
  out.setUint8(at, DASH);
  return at + 1;
}

/**
 * ` ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2`, or ` - -` without TLS. The names of TLS 1.3 get hyphens, as those of all other
 * suites have: the field of a classic log has no underscores, and readers of it refuse them.
 */
export function tlsFields(tls: { readonly cipher: string; readonly protocol: string } | undefined): Phrase {
  return new Phrase(tls === undefined ? ' - -\n' : ` ${tls.cipher.replaceAll('_', '-')} ${tls.protocol}\n`);
}
