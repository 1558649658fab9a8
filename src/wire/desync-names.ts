/** Header names that say how long a message is, and names that only look like it. */
import { ALPHANUMERIC, BYTE_CLASS, SPACE, TAB, TOKEN, ascii, equalsFolded } from '../kit/bytes.ts';

/** What {@link framingName} found. */
export const FRAMING_NAME = {
  none: 0,
  transferEncoding: 1,
  contentLength: 2,
  /** Not the name, but some reader may take it for it: `Transfer_Encoding`, `Content-Length ` and the like. */
  likeTransferEncoding: 3,
  likeContentLength: 4,
} as const;

const TRANSFER_ENCODING = ascii('transfer-encoding');
const CONTENT_LENGTH = ascii('content-length');
const TRANSFER_ENCODING_LETTERS = ascii('transferencoding');
const CONTENT_LENGTH_LETTERS = ascii('contentlength');

/** Letters of the other names that the load balancer itself obeys, replaces or removes. */
const OWN_LETTERS = [
  'connection',
  'expect',
  'host',
  'keepalive',
  'proxyconnection',
  'te',
  'trailer',
  'upgrade',
  'xforwardedfor',
  'xforwardedport',
  'xforwardedproto',
].map(ascii);

/**
 * Which of {@link FRAMING_NAME} the name is. Some readers take a name for over at its first blank: `Transfer-Encoding x`
 * is a look-alike too.
 */
export function framingName(bytes: Uint8Array, start: number, end: number): number {
  const name = wholeFramingName(bytes, start, end);
  if (name !== FRAMING_NAME.none) return name;
  const wordEnd = firstWordEnd(bytes, start, end, isVisible);
  return wordEnd === end ? name : lookAlike(wholeFramingName(bytes, start, wordEnd));
}

function lookAlike(name: number): number {
  if (name === FRAMING_NAME.transferEncoding) return FRAMING_NAME.likeTransferEncoding;
  return name === FRAMING_NAME.contentLength ? FRAMING_NAME.likeContentLength : name;
}

function wholeFramingName(bytes: Uint8Array, start: number, end: number): number {
  if (squashesTo(bytes, start, end, TRANSFER_ENCODING_LETTERS)) {
    return equalsFolded(bytes, start, end, TRANSFER_ENCODING)
      ? FRAMING_NAME.transferEncoding
      : FRAMING_NAME.likeTransferEncoding;
  }
  if (squashesTo(bytes, start, end, CONTENT_LENGTH_LETTERS)) {
    return equalsFolded(bytes, start, end, CONTENT_LENGTH)
      ? FRAMING_NAME.contentLength
      : FRAMING_NAME.likeContentLength;
  }
  return FRAMING_NAME.none;
}

/**
 * May a lenient back end read this name, which has bytes that no name may have, as one that we obey, replace or
 * remove? `X-Forwarded-Proto : https` must not slip past the header that we set; nor `Content-Length;x`, past what we
 * framed by, where a name is over at the first byte that it may not have.
 */
export function mimicsOwnHeader(bytes: Uint8Array, start: number, end: number): boolean {
  const wordEnd = firstWordEnd(bytes, start, end, isNameByte);
  if (wholeFramingName(bytes, start, wordEnd) !== FRAMING_NAME.none) return true;
  for (const letters of OWN_LETTERS) {
    if (squashesTo(bytes, start, end, letters) || squashesTo(bytes, start, wordEnd, letters)) return true;
  }
  return false;
}

/** Where the first word ends: what stands before its first letter or digit is left aside, as those readers do. */
function firstWordEnd(bytes: Uint8Array, start: number, end: number, belongs: (byte: number) => boolean): number {
  let i = start;
  while (i < end && (BYTE_CLASS[bytes[i]!]! & ALPHANUMERIC) === 0) i++;
  while (i < end && belongs(bytes[i]!)) i++;
  return i;
}

function isVisible(byte: number): boolean {
  return byte > SPACE;
}

/** Bytes of UTF-8 separate nothing. */
function isNameByte(byte: number): boolean {
  return byte >= 0x80 || (BYTE_CLASS[byte]! & TOKEN) !== 0;
}

/** Is there nothing but blanks? */
export function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== SPACE && bytes[i] !== TAB) return false;
  return true;
}

/** Is the name `letters` once everything but letters and digits is dropped and case is folded? */
function squashesTo(bytes: Uint8Array, start: number, end: number, letters: Uint8Array): boolean {
  let matched = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    let letter: number;
    if ((BYTE_CLASS[byte]! & ALPHANUMERIC) !== 0) {
      letter = byte | 0x20;
    } else {
      // Two letters outside ASCII become ASCII when a reader changes case: U+017F (long s) and U+0131 (dotless i).
      const next = i + 1 < end ? bytes[i + 1]! : 0;
      if (byte === 0xc5 && next === 0xbf) letter = 0x73;
      else if (byte === 0xc4 && next === 0xb1) letter = 0x69;
      else continue;
      i++;
    }
    if (matched === letters.length || letters[matched] !== letter) return false;
    matched++;
  }
  return matched === letters.length;
}
