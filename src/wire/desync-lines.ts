/** The lines of a request head, as a reader that takes anything sees them. */
import { COLON, CR, LF, SPACE, TAB, ascii, equalsFolded } from '../kit/bytes.ts';
import { isBlank } from './desync-names.ts';

/** What a line after the request line is. */
export const LINE = {
  /** Ends the head. */
  empty: 0,
  /** Only blanks. */
  blank: 1,
  /** `name: value`. */
  field: 2,
  /** Neither a colon nor a blank in front. */
  colonless: 3,
  /** Folded (obs-fold, RFC 9112 5.2): starts with a blank and continues the field before it. */
  continuation: 4,
  /** Starts with a blank too, but could be a field of its own: it has a colon, or there is no field before it. */
  mimic: 5,
} as const;

const CONTENT_TYPE = ascii('content-type');

/**
 * Offset just after the empty line that ends the head which begins at `start`, or -1 while it is not in
 * `bytes[start, end)`. Lines end in CRLF or in a bare LF. `seen` is the `end` of an earlier call for the same head: what
 * was looked at then is not looked at again.
 */
export function findHeadEnd(bytes: Uint8Array, start: number, end: number, seen = start): number {
  // The empty line may have begun in the last two bytes of what was seen: LF, or LF and CR.
  let lineFeed = bytes.indexOf(LF, Math.max(start, seen - 2));
  while (lineFeed !== -1 && lineFeed < end) {
    let next = lineFeed + 1;
    if (next < end && bytes[next] === CR) next++;
    if (next < end && bytes[next] === LF) return next + 1;
    lineFeed = bytes.indexOf(LF, lineFeed + 1);
  }
  return -1;
}

/**
 * Walks over the lines of a head. Lines end in CRLF or in a bare LF; what is left at the end of the input is a line too.
 * One object serves all heads: after each step its fields say what was found, as offsets into the buffer.
 */
export class HeadLines {
  /** One of {@link LINE}; not set by {@link HeadLines.readLine}. */
  kind: number = LINE.empty;
  /** The line without its end. */
  start = 0;
  end = 0;
  /** Just after the line's end. */
  next = 0;
  /** Does the line end in CRLF (at the end of the input: in CR)? */
  crlf = false;
  /** Is there an LF? */
  terminated = false;
  /** A field's name; nothing for a continuation. */
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** A continuation of Content-Type, the one header that may be folded. */
  continuesContentType = false;

  #bytes: Uint8Array = new Uint8Array(0);
  #limit = 0;
  #inField = false;
  #inContentType = false;

  /** Begins with the line at `start`; nothing at or after `end` is looked at. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#limit = end;
    this.next = start;
    this.#inField = false;
    this.#inContentType = false;
  }

  /** Is there no byte left? */
  get exhausted(): boolean {
    return this.next >= this.#limit;
  }

  /** The next line as it is: the request line. */
  readLine(): void {
    const bytes = this.#bytes;
    this.start = this.next;
    const lineFeed = this.exhausted ? -1 : bytes.indexOf(LF, this.start);
    this.terminated = lineFeed !== -1 && lineFeed < this.#limit;
    this.end = this.terminated ? lineFeed : this.#limit;
    this.next = this.terminated ? lineFeed + 1 : this.#limit;
    this.crlf = this.end > this.start && bytes[this.end - 1] === CR;
    if (this.crlf) this.end--;
  }

  /** The next line of the header section, with its kind and parts. */
  readField(): void {
    this.readLine();
    const bytes = this.#bytes;
    if (this.start === this.end) {
      this.kind = LINE.empty;
      return;
    }
    const folded = bytes[this.start] === SPACE || bytes[this.start] === TAB;
    if (folded && isBlank(bytes, this.start, this.end)) {
      this.kind = LINE.blank;
      return;
    }
    const colon = indexOfColon(bytes, this.start, this.end);
    this.continuesContentType = folded && this.#inContentType;
    if (folded && this.#inField && (this.#inContentType || colon === -1)) this.#continueField();
    else this.#startField(colon, folded);
  }

  #continueField(): void {
    this.kind = LINE.continuation;
    this.nameStart = this.start;
    this.nameEnd = this.start;
    this.valueStart = this.start;
    this.valueEnd = this.end;
  }

  #startField(colon: number, folded: boolean): void {
    this.nameStart = this.start;
    this.nameEnd = colon === -1 ? this.end : colon;
    this.valueStart = colon === -1 ? this.end : colon + 1;
    this.valueEnd = this.end;
    if (folded) {
      this.kind = LINE.mimic;
    } else if (colon === -1) {
      this.kind = LINE.colonless;
    } else {
      this.kind = LINE.field;
      this.#inField = true;
      this.#inContentType = equalsFolded(this.#bytes, this.nameStart, this.nameEnd, CONTENT_TYPE);
    }
  }
}

/** Offset of the first colon, or -1. */
function indexOfColon(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) if (bytes[i] === COLON) return i;
  return -1;
}
