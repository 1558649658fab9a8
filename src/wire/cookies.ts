/** Cookies on bytes (RFC 6265 4.2.1 and 5.2): the pairs of a request's fields, and what a Set-Cookie field says. */
import { BYTE_CLASS, SEMICOLON, SPACE, TAB, TOKEN, ascii, equalsFolded } from '../kit/bytes.ts';

const EQUALS = 0x3d;
const QUOTE = 0x22;

/** Attributes that the load balancer's cookie takes over from the application's. */
const TAKEN_OVER = [
  'path',
  'port',
  'domain',
  'secure',
  'httponly',
  'discard',
  'max-age',
  'expires',
  'version',
  'comment',
  'commenturl',
  'samesite',
].map(ascii);
const PATH = ascii('path');

/**
 * Goes through the pairs of a Cookie field. One object, used again: nothing is allocated. A pair ends at the next
 * semicolon, whatever quotes are around it, as all servers read it; the quotes themselves are not part of a value.
 */
export class CookiePairs {
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** Begins with the value `bytes[start, end)` of a field. */
  begin(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Is there another pair? Then its offsets are here. What has no `=` is passed over. */
  next(): boolean {
    const bytes = this.#bytes;
    while (this.#at < this.#end) {
      const start = this.#at;
      let equals = -1;
      let at = start;
      for (; at < this.#end && bytes[at] !== SEMICOLON; at++) if (equals === -1 && bytes[at] === EQUALS) equals = at;
      this.#at = at + 1;
      if (equals === -1) continue;
      this.nameStart = skipSpace(bytes, start, equals);
      this.nameEnd = trimSpace(bytes, this.nameStart, equals);
      this.valueStart = skipSpace(bytes, equals + 1, at);
      this.valueEnd = trimSpace(bytes, this.valueStart, at);
      this.#unquote();
      return true;
    }
    return false;
  }

  #unquote(): void {
    if (this.valueEnd - this.valueStart < 2) return;
    if (this.#bytes[this.valueStart] !== QUOTE || this.#bytes[this.valueEnd - 1] !== QUOTE) return;
    this.valueStart++;
    this.valueEnd--;
  }

  /** Is this the pair of that name? Cookie names are compared as they are, case included. */
  isNamed(name: Buffer): boolean {
    return equals(this.#bytes, this.nameStart, this.nameEnd, name);
  }
}

/**
 * What the load balancer's cookie takes over from the Set-Cookie value `bytes[start, end)`, each attribute with its
 * semicolon, as it was written; undefined when the field does not set the cookie `name`, or ends with a semicolon.
 */
export function attributesOf(bytes: Buffer, start: number, end: number, name: Buffer): string | undefined {
  const nameStart = skipSpace(bytes, start, end);
  let at = nameStart;
  while (at < end && (BYTE_CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
  if (!equals(bytes, nameStart, at, name)) return undefined;
  at = skipSpace(bytes, at, end);
  if (bytes[at] !== EQUALS || bytes[trimSpace(bytes, at, end) - 1] === SEMICOLON) return undefined;
  while (at < end && bytes[at] !== SEMICOLON) at++;
  let attributes = '';
  while (at < end) {
    const attributeStart = skipSpace(bytes, at + 1, end);
    at = attributeStart;
    while (at < end && bytes[at] !== SEMICOLON) at++;
    attributes += takenOver(bytes, attributeStart, trimSpace(bytes, attributeStart, at));
  }
  return attributes;
}

/** `;name=value` of an attribute that is taken over, else nothing. */
function takenOver(bytes: Buffer, start: number, end: number): string {
  let nameEnd = start;
  while (nameEnd < end && bytes[nameEnd] !== EQUALS) nameEnd++;
  const trimmed = trimSpace(bytes, start, nameEnd);
  if (!TAKEN_OVER.some((name) => equalsFolded(bytes, start, trimmed, name))) return '';
  const text = `;${bytes.toString('latin1', start, end)}`;
  return equalsFolded(bytes, start, trimmed, PATH) ? text.replaceAll('_', '%5F') : text;
}

function equals(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}

function skipSpace(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  return at;
}

/** The end of `bytes[start, end)` without the white space there. */
function trimSpace(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] === SPACE || bytes[at - 1] === TAB)) at--;
  return at;
}
