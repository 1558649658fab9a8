/** Bytes of ASCII, by name, and classes of bytes as the HTTP grammar has them (RFC 9110 5.6.2, RFC 9112 2-5). */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

/** Bit classes in {@link BYTE_CLASS}. */
export const TOKEN = 1;
/** What a header value may hold: visible ASCII, space, tab, bytes from 0x80 on. */
export const VALUE = 2;
/** What a request target may hold: everything above space but DEL. */
export const TARGET = 4;
export const DIGIT = 8;
export const ALPHANUMERIC = 16;

export const BYTE_CLASS: Uint8Array = makeClasses();

/** Value of a hex digit, 0xff for any other byte. */
export const HEX_VALUE: Uint8Array = makeHexValues();

function makeClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    let bits = 0;
    if (byte < 0x80 && /[A-Za-z0-9\-_.!#$%&'*+^|~`]/.test(character)) bits |= TOKEN;
    if (byte === TAB || (byte >= 0x20 && byte !== 0x7f)) bits |= VALUE;
    if (byte > 0x20 && byte !== 0x7f) bits |= TARGET;
    if (byte >= 0x30 && byte <= 0x39) bits |= DIGIT;
    if (byte < 0x80 && /[A-Za-z0-9]/.test(character)) bits |= ALPHANUMERIC;
    classes[byte] = bits;
  }
  return classes;
}

function makeHexValues(): Uint8Array {
  const values = new Uint8Array(256).fill(0xff);
  for (let value = 0; value < 16; value++) {
    const digit = value.toString(16);
    values[digit.charCodeAt(0)] = value;
    values[digit.toUpperCase().charCodeAt(0)] = value;
  }
  return values;
}

/**
 * How far printable ASCII (0x20 to 0x7e) goes on from `start`, in whole steps of eight bytes. Four times as fast as looking at each
 * byte; what ends it, if anything does before `end`, is one of the next eight.
 */
export function skipPrintable(view: DataView, start: number, end: number): number {
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    // The highest bit of a byte of the difference is set by one below 0x20, of the sum by 0x7f, of the word itself by all above.
    const others = (a - 0x2020_2020) | (a + 0x0101_0101) | a | (b - 0x2020_2020) | (b + 0x0101_0101) | b;
    if ((others & 0x8080_8080) !== 0) break;
  }
  return at;
}

/** Does `bytes[start, end)` equal the lower-case ASCII text, without regard to case? */
export function equalsFolded(bytes: Uint8Array, start: number, end: number, lowerCase: Uint8Array): boolean {
  const length = lowerCase.length;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    const wanted = lowerCase[i]!;
    if (byte !== wanted) {
      // Only letters fold: a byte that differs in bit 5 from a letter is its upper-case form.
      if ((byte | 0x20) !== wanted || wanted < 0x61 || wanted > 0x7a) return false;
    }
  }
  return true;
}

/** ASCII text as bytes, for {@link equalsFolded} and for writing. */
export function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
