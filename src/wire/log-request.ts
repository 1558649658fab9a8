/**
 * The request in an access log line: the client's words, which are anything. Everything that is not
 * printable ASCII is escaped, so that a line is one line and the file is text for every reader, whatever encoding it takes
 * it for.
 */
import { ascii, BYTE_CLASS, COLON, DIGIT, SPACE } from '../kit/bytes.ts';
import { ACCESS_LOG } from '../model/limits.ts';
import { Phrase, PHRASE_SLACK, putPhrase } from './phrase.ts';
import type { RequestHead } from './request-head.ts';

const ZERO = 0x30;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;
const HEX = ascii('0123456789ABCDEF');
const HTTP_1 = new Phrase(' HTTP/1.');
/** What stands for a request line that nobody could read, and for a TCP connection, which has none. */
const NO_REQUEST = new Phrase('"- - - " "-"');
const BEFORE_AGENT = new Phrase('" "');
const NO_AGENT = new Phrase('-');

/** The least byte that is plain: in a text, and in a word of the request line, which has no spaces. */
const TEXT = SPACE;
const WORD = SPACE + 1;

/** The four bytes of an integer, each of them this. */
const EACH = 0x01_01_01_01;
const HIGH_BITS = 0x80 * EACH;

/** How a listener is named in request lines. */
export interface RequestOrigin {
  /** `http://` or `https://`. */
  readonly scheme: Phrase;
  /** `:80`. */
  readonly port: Phrase;
}

/** Where a target stands. */
export interface TargetPlace {
  readonly targetStart: number;
  readonly targetEnd: number;
}

/** The most bytes that {@link RequestWriter.put} can write for this head. */
export function requestRoom(head: RequestHead, origin: RequestOrigin, host: Phrase): number {
  const escaped = head.methodEnd - head.start + head.targetEnd - head.targetStart + head.hostEnd - head.hostStart;
  const agent = Math.min(ACCESS_LOG.maxUserAgentBytes, head.userAgentEnd - head.userAgentStart);
  return 4 * (escaped + agent) + host.length + origin.scheme.length + origin.port.length + 32 + PHRASE_SLACK;
}

/** Puts `"- - - " "-"`, where there is no request line. */
export function putNoRequest(out: DataView, at: number): number {
  return putPhrase(out, at, NO_REQUEST);
}

/** Writes requests. One of a thread: most requests stand in the same buffer, which it has a view of. */
export class RequestWriter {
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(this.#bytes.buffer, 0, 0);

  /**
   * `"GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0"`, from a head that was parsed in `bytes` as far as its request
   * line. `host` stands in where the head has no Host. `sent`, `target`: the client's own bytes, where `bytes` are a head that
   * the classifier has written anew. Returns the offset behind it.
   */
  put(
    out: DataView,
    at: number,
    bytes: Buffer,
    head: RequestHead,
    origin: RequestOrigin,
    host: Phrase,
    sent = bytes,
    target: TargetPlace = head,
  ): number {
    if (bytes !== this.#bytes) this.#look(bytes);
    out.setUint8(at, QUOTE);
    let to = this.#plain(out, at + 1, head.start, head.methodEnd, WORD);
    out.setUint8(to, SPACE);
    to = putPhrase(out, to + 1, origin.scheme);
    const { hostStart, hostEnd } = head;
    if (hostEnd > hostStart) to = this.#plain(out, to, hostStart, withoutPort(bytes, hostStart, hostEnd), WORD);
    else to = putPhrase(out, to, host);
    to = putPhrase(out, to, origin.port);
    if (sent !== bytes) this.#look(sent);
    to = this.#plain(out, to, target.targetStart, target.targetEnd, WORD);
    if (sent !== bytes) this.#look(bytes);
    to = putPhrase(out, to, HTTP_1);
    out.setUint8(to, ZERO + head.minor);
    to = putPhrase(out, to + 1, BEFORE_AGENT);
    const { userAgentStart: start, userAgentEnd: end } = head;
    if (end > start) to = this.#plain(out, to, start, Math.min(end, start + ACCESS_LOG.maxUserAgentBytes), TEXT);
    else to = putPhrase(out, to, NO_AGENT);
    out.setUint8(to, QUOTE);
    return to + 1;
  }

  /** `source` with what is not plain in a text as `\xHH`, which takes up to four bytes for one. */
  putText(out: DataView, at: number, source: Buffer): number {
    this.#look(source);
    return this.#plain(out, at, 0, source.length, TEXT);
  }

  #look(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** As it is, where nothing has to be escaped: then a pass without a branch was enough. */
  #plain(out: DataView, at: number, start: number, end: number, least: number): number {
    const view = this.#view;
    const leastOfEach = least * EACH;
    let odd = 0;
    let to = at;
    let from = start;
    for (; from + 4 <= end; from += 4, to += 4) {
      const word = view.getInt32(from, true);
      out.setInt32(to, word, true);
      odd |= oddities(word, leastOfEach);
    }
    for (; from < end; from++) {
      const byte = view.getUint8(from);
      out.setUint8(to++, byte);
      odd |= oddities(Math.imul(byte, EACH), leastOfEach);
    }
    return (odd & HIGH_BITS) === 0 ? to : this.#escaped(out, at, start, end, least);
  }

  #escaped(out: DataView, at: number, start: number, end: number, least: number): number {
    let to = at;
    for (let from = start; from < end; from++) {
      const byte = this.#view.getUint8(from);
      if (byte >= least && byte < DELETE && byte !== QUOTE && byte !== BACKSLASH) out.setUint8(to++, byte);
      else to = putEscape(out, to, byte);
    }
    return to;
  }
}

/**
 * Has the high bit of a byte set, of one at least, where one of the four is below the least, DEL, above ASCII, a quote or a
 * backslash. What a borrow or a carry does to the byte above it does not matter: the byte that it comes from is odd.
 */
function oddities(word: number, leastOfEach: number): number {
  const quotes = word ^ (QUOTE * EACH);
  const backslashes = word ^ (BACKSLASH * EACH);
  return (
    (word - leastOfEach) | word | (word + EACH) | ((quotes - EACH) & ~quotes) | ((backslashes - EACH) & ~backslashes)
  );
}

function putEscape(out: DataView, at: number, byte: number): number {
  out.setUint8(at, BACKSLASH);
  out.setUint8(at + 1, 0x78);
  out.setUint8(at + 2, HEX[byte >> 4]!);
  out.setUint8(at + 3, HEX[byte & 15]!);
  return at + 4;
}

/** The end of a Host without the port that it may name: the line has the listener's. */
function withoutPort(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (BYTE_CLASS[bytes[at - 1]!]! & DIGIT) !== 0) at--;
  return at > start && bytes[at - 1] === COLON ? at - 1 : end;
}
