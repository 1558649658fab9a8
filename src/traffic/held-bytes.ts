/**
 * Bytes of one connection that have to wait: a head that has not arrived whole, or requests behind the one that is
 * being served. Grows with what arrives, bounded by whoever appends.
 */
import { CR, LF } from '../kit/bytes.ts';
import { BUFFERS, HTTP_HEAD } from '../model/limits.ts';

/**
 * So many times as long as at the last parse they are worth another one. All parses together cost a third more than the last.
 */
const PARSED_AGAIN_AT = 4;

/**
 * What fills a whole read gets room for the largest head. Buffers are memory that V8's collector has no part in but is told of,
 * and every 64 MB of them begin a full collection: a large head is to take two and not three, 80 KB and not 112.
 */
function grown(bytes: number): number {
  return bytes < BUFFERS.sharedRead ? 2 * bytes : Math.max(2 * bytes, HTTP_HEAD.maxBytes);
}

export class HeldBytes {
  bytes: Buffer;
  start = 0;
  end: number;
  /** Up to here no empty line was found. */
  #searched: number;
  /** Where the line begins that `#searched` lies in. */
  #lineStart = 0;
  /** A line was longer than a header may be: known once, for a parse to find. */
  #hasLongLine = false;
  /** A parse is worth its cost again when this many bytes are there. */
  #parseAt: number;
  /** It was found so since the last parse. */
  #isWorthParsing = false;

  constructor(source: Buffer, start: number, end: number) {
    this.end = end - start;
    this.bytes = Buffer.allocUnsafe(Math.max(512, this.end));
    source.copy(this.bytes, 0, start, end);
    this.#searched = 0;
    this.#parseAt = PARSED_AGAIN_AT * this.end;
  }

  /** The beginning of a long head, which nobody has looked at yet. */
  static ofLongHead(source: Buffer, start: number, end: number): HeldBytes {
    const held = new HeldBytes(source, start, end);
    held.#parseAt = 0;
    return held;
  }

  get length(): number {
    return this.end - this.start;
  }

  append(source: Buffer, start: number, end: number): void {
    const count = end - start;
    if (this.end + count > this.bytes.length) this.#makeRoom(count);
    source.copy(this.bytes, this.end, start, end);
    this.end += count;
  }

  #makeRoom(count: number): void {
    const needed = this.length + count;
    this.moveInto(
      needed > this.bytes.length ? Buffer.allocUnsafe(Math.max(needed, grown(this.bytes.length))) : this.bytes,
    );
  }

  /** Goes on in `room`, which they fit into. */
  moveInto(room: Buffer): void {
    const { length } = this;
    this.bytes.copy(room, 0, this.start, this.end);
    this.bytes = room;
    this.#searched = Math.max(0, this.#searched - this.start);
    this.#lineStart -= this.start;
    this.start = 0;
    this.end = length;
  }

  /** It was parsed, and everything before `start` has been used: the search for a head's end begins anew behind it. */
  advance(start: number): void {
    if (start !== this.start) this.#searched = this.#lineStart = start;
    this.start = start;
    this.#parseAt = PARSED_AGAIN_AT * this.length;
    this.#isWorthParsing = false;
  }

  /** Is a whole head there, or a line that is too long, or so much more than at the last parse that it may be found wrong? */
  worthParsing(): boolean {
    const knewLongLine = this.#hasLongLine;
    this.#isWorthParsing ||= this.#hasEmptyLine() || this.#hasLongLine !== knewLongLine || this.length >= this.#parseAt;
    return this.#isWorthParsing;
  }

  #hasEmptyLine(): boolean {
    const { bytes, end } = this;
    // An empty line may have begun up to three bytes earlier.
    for (let at = Math.max(this.start, this.#searched - 3); ; at++) {
      at = bytes.indexOf(LF, at);
      if (at === -1 || at + 1 >= end) break;
      this.#measureLine(at);
      this.#lineStart = at + 1;
      if (bytes[at + 1] === LF || (bytes[at + 1] === CR && at + 2 < end && bytes[at + 2] === LF)) {
        this.#searched = at;
        return true;
      }
    }
    this.#measureLine(end);
    this.#searched = end;
    return false;
  }

  #measureLine(end: number): void {
    if (end - this.#lineStart > HTTP_HEAD.maxHeaderBytes) this.#hasLongLine = true;
  }
}
