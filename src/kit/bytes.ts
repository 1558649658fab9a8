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
