/** The two forms in which `weir classify --batch` takes many requests, read in pieces of any size with bounded memory. */
import { LF } from '../kit/bytes.ts';

/** The longest raw request taken: far more than a head that the load balancer would accept. */
export const MAX_REQUEST_BYTES = 1024 * 1024;

/** A request, or what stands in its place and cannot be read. */
export type BatchEntry = { readonly bytes: Uint8Array } | { readonly error: string };

/** Takes the input piece by piece; each call returns the entries completed by it, in order. */
export interface BatchParser {
  push(piece: Uint8Array): BatchEntry[];
  /** The end of the input: what was still open. */
  end(): BatchEntry[];
}

/**
 * One request a line, as hexadecimal digits of either case; the line may end in CRLF, the last one need not end. Empty
 * lines are passed over. A line that is no request gives an entry with an error, and the next line is read.
 */
export class HexLines implements BatchParser {
  #pieces: Buffer[] = [];
  #length = 0;
  #lineNumber = 1;

  push(piece: Uint8Array): BatchEntry[] {
    const entries: BatchEntry[] = [];
    let start = 0;
    for (let lineFeed = piece.indexOf(LF); lineFeed !== -1; lineFeed = piece.indexOf(LF, start)) {
      this.#keep(piece.subarray(start, lineFeed));
      this.#finishLine(entries);
      start = lineFeed + 1;
    }
    this.#keep(piece.subarray(start));
    return entries;
  }

  end(): BatchEntry[] {
    const entries: BatchEntry[] = [];
    this.#finishLine(entries);
    return entries;
  }

  /** Copies, since the piece belongs to the caller; what is beyond any valid line is only counted. */
  #keep(part: Uint8Array): void {
    this.#length += part.length;
    if (part.length > 0 && this.#length <= 2 * MAX_REQUEST_BYTES + 1) this.#pieces.push(Buffer.from(part));
  }

  #finishLine(entries: BatchEntry[]): void {
    const length = this.#length;
    const text = Buffer.concat(this.#pieces).toString('latin1').replace(/\r$/, '');
    const where = `line ${this.#lineNumber}`;
    this.#pieces = [];
    this.#length = 0;
    this.#lineNumber++;
    if (length > 2 * MAX_REQUEST_BYTES + 1) {
      entries.push({ error: `${where}: a request is at most ${MAX_REQUEST_BYTES} bytes (twice as many digits)` });
    } else if (text !== '') {
      entries.push(decodeHex(text, where));
    }
  }
}

function decodeHex(text: string, where: string): BatchEntry {
  const wrong = text.search(/[^0-9A-Fa-f]/);
  if (wrong !== -1) {
    const character = JSON.stringify(text[wrong]);
    return {
      error: `${where}, column ${wrong + 1}: ${character} is no hexadecimal digit; a line is one request in hex`,
    };
  }
  if (text.length % 2 !== 0) {
    return { error: `${where}: ${text.length} hexadecimal digits; a byte is two, so the number must be even` };
  }
  return { bytes: Buffer.from(text, 'hex') };
}

const MAX_LENGTH_DIGITS = 15;

/**
 * Requests one after the other, each as its length in decimal digits, a line feed, and that many bytes. A request that is
 * too long gives an entry with an error and is passed over. After a length that cannot be read nothing tells where the next
 * request would begin: that error is the last entry.
 */
export class LengthPrefixed implements BatchParser {
  #digits = '';
  /** Bytes of the request still to come; -1 while its length is read. */
  #missing = -1;
  #pieces: Buffer[] = [];
  #tooLong = false;
  #number = 1;
  #lost = false;

  push(piece: Uint8Array): BatchEntry[] {
    const entries: BatchEntry[] = [];
    let offset = 0;
    while (offset < piece.length && !this.#lost) {
      if (this.#missing === -1) {
        const error = this.#readDigit(piece[offset]!);
        if (error !== undefined) entries.push({ error });
        offset++;
      } else {
        const taken = Math.min(this.#missing, piece.length - offset);
        if (!this.#tooLong) this.#pieces.push(Buffer.from(piece.subarray(offset, offset + taken)));
        this.#missing -= taken;
        offset += taken;
      }
      if (this.#missing === 0) entries.push(this.#finish());
    }
    return entries;
  }

  end(): BatchEntry[] {
    if (this.#lost || (this.#missing === -1 && this.#digits === '')) return [];
    const what = this.#missing === -1 ? 'inside its length' : `${this.#missing} bytes before its end`;
    return [{ error: `request ${this.#number}: the input ends ${what}` }];
  }

  /** One byte of the length; the message when it is none. */
  #readDigit(byte: number): string | undefined {
    if (byte === LF && this.#digits !== '') {
      this.#missing = Number(this.#digits);
      this.#tooLong = this.#missing > MAX_REQUEST_BYTES;
      this.#digits = '';
      return undefined;
    }
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (isDigit && this.#digits.length < MAX_LENGTH_DIGITS) {
      this.#digits += String.fromCharCode(byte);
      return undefined;
    }
    this.#lost = true;
    const found = isDigit ? `more than ${MAX_LENGTH_DIGITS} digits` : JSON.stringify(String.fromCharCode(byte));
    return `request ${this.#number}: expected its length in decimal digits and a line feed, found ${found}; nothing after it was read`;
  }

  #finish(): BatchEntry {
    const number = this.#number++;
    const entry = this.#tooLong
      ? { error: `request ${number}: longer than ${MAX_REQUEST_BYTES} bytes` }
      : { bytes: Buffer.concat(this.#pieces) };
    this.#missing = -1;
    this.#pieces = [];
    return entry;
  }
}
