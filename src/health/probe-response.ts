/**
 * Reads the answer to an HTTP probe: good is a complete `200` whose body is framed. Written for any peer: it keeps at
 * most {@link HEALTH_CHECK}.maxResponseBytes, and every malformation is a verdict.
 */
import { unreachable } from '../kit/assert.ts';
import { HEALTH_CHECK } from '../model/limits.ts';

export interface Verdict {
  readonly good: boolean;
  readonly cause: string;
}

const GOOD: Verdict = { good: true, cause: 'status 200' };
const MAX_BYTES = HEALTH_CHECK.maxResponseBytes;
const STATUS_LINE = /^HTTP\/1\.(?<minor>[01]) (?<status>[1-9]\d\d)(?: .*)?$/;
const HEADER_LINE = /^(?<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):(?<value>[^\0\r\n]*)$/;
const CHUNK_LINE = /^(?<size>[0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/;

/** How the end of the body is known; `unframed`: it is not, so that there may be none. */
type Framing =
  | { readonly kind: 'length'; readonly end: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' }
  | { readonly kind: 'unframed' };

export class ProbeResponse {
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;
  /** Up to here everything is understood: the start of the head, then of the next chunk. */
  #offset = 0;
  /** From here on no end of line was looked for yet. */
  #searched = 0;
  #framing: Framing | undefined;
  /** The last chunk was seen, trailers are being read. */
  #inTrailers = false;

  /** Takes what arrived. A verdict as soon as there is one; nothing may be fed after it. */
  feed(bytes: Buffer): Verdict | undefined {
    this.#keep(bytes);
    if (this.#framing === undefined) {
      const verdict = this.#readHeads();
      if (verdict !== undefined) return verdict;
    }
    if (this.#framing === undefined) {
      return this.#length === MAX_BYTES ? bad(`head of more than ${MAX_BYTES} bytes`) : undefined;
    }
    // A long page is no illness: what was read of it is enough.
    return this.#readBody(this.#framing) ?? (this.#length === MAX_BYTES ? GOOD : undefined);
  }

  /** The peer has sent all that it will. */
  end(): Verdict {
    if (this.#framing === undefined) {
      return bad(this.#length === 0 ? 'connection closed without an answer' : 'connection closed within the head');
    }
    const complete = this.#framing.kind === 'close' || this.#framing.kind === 'unframed';
    return complete ? GOOD : bad('connection closed within the body');
  }

  #keep(bytes: Buffer): void {
    const kept = bytes.subarray(0, MAX_BYTES - this.#length);
    const wanted = this.#length + kept.length;
    if (wanted > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(MAX_BYTES, Math.max(wanted, 2 * this.#bytes.length)));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    kept.copy(this.#bytes, this.#length);
    this.#length = wanted;
  }

  /** Passes over interim (1xx) heads and takes the final one. */
  #readHeads(): Verdict | undefined {
    for (;;) {
      const end = this.#find('\r\n\r\n');
      if (end === undefined) return undefined;
      const head = parseHead(this.#bytes.toString('latin1', this.#offset, end));
      this.#advance(end + 4);
      if (typeof head === 'string') return bad(head);
      if (head.status >= 200 || head.status === 101) {
        if (head.status !== 200) return bad(`status ${head.status}`);
        const framing = framingOf(head, this.#offset);
        if (typeof framing === 'string') return bad(framing);
        this.#framing = framing;
        return undefined;
      }
    }
  }

  #readBody(framing: Framing): Verdict | undefined {
    switch (framing.kind) {
      case 'length':
        return this.#length >= framing.end ? GOOD : undefined;
      case 'unframed':
        return this.#length > this.#offset
          ? bad('body without Content-Length, chunked encoding or Connection: close')
          : undefined;
      case 'chunked':
        return this.#readChunks();
      case 'close':
        return undefined;
      default:
        return unreachable(framing);
    }
  }

  #readChunks(): Verdict | undefined {
    while (this.#offset < this.#length) {
      const end = this.#find('\r\n');
      if (end === undefined) return undefined;
      const line = this.#bytes.toString('latin1', this.#offset, end);
      if (this.#inTrailers) {
        if (line === '') return GOOD;
        this.#advance(end + 2);
        continue;
      }
      const size = CHUNK_LINE.exec(line)?.groups?.['size'];
      if (size === undefined) return bad('malformed chunk');
      const bytes = Number.parseInt(size, 16);
      this.#inTrailers = bytes === 0;
      if (this.#inTrailers) {
        this.#advance(end + 2);
        continue;
      }
      const next = end + 2 + bytes + 2;
      if (next > this.#length) return undefined;
      if (this.#bytes.toString('latin1', next - 2, next) !== '\r\n') return bad('malformed chunk');
      this.#advance(next);
    }
    return undefined;
  }

  /** Where `mark` starts at or after the offset, if it has arrived. What was searched once is not searched again. */
  #find(mark: string): number | undefined {
    const from = Math.max(this.#offset, this.#searched - mark.length + 1);
    const found = this.#bytes.subarray(0, this.#length).indexOf(mark, from, 'latin1');
    if (found >= 0) return found;
    this.#searched = this.#length;
    return undefined;
  }

  #advance(offset: number): void {
    this.#offset = offset;
    this.#searched = offset;
  }
}

interface Head {
  readonly status: number;
  /** HTTP/1.0: the body ends with the connection unless a length is given. */
  readonly minor: number;
  /** In lower case, with all values in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** The head without its last two line ends, or what is wrong with it. */
function parseHead(text: string): Head | string {
  const [statusLine, ...lines] = text.split('\r\n');
  const groups = STATUS_LINE.exec(statusLine!)?.groups;
  if (groups === undefined) return 'not an HTTP response';
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const header = HEADER_LINE.exec(line)?.groups;
    if (header === undefined) return 'malformed header';
    const name = header['name']!.toLowerCase();
    const values = headers.get(name);
    const value = header['value']!.trim();
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  return { status: Number(groups['status']), minor: Number(groups['minor']), headers };
}

/** How the body that starts at `offset` is framed (RFC 9112 section 6.3), or what is wrong with it. */
function framingOf(head: Head, offset: number): Framing | string {
  const encodings = head.headers.get('transfer-encoding');
  if (encodings !== undefined) {
    return encodings.join(',').toLowerCase() === 'chunked'
      ? { kind: 'chunked' }
      : 'Transfer-Encoding other than chunked';
  }
  const lengths = head.headers.get('content-length');
  if (lengths !== undefined) {
    const length = lengths[0]!;
    const valid = /^\d{1,15}$/.test(length) && lengths.every((other) => other === length);
    return valid ? { kind: 'length', end: offset + Number(length) } : 'malformed Content-Length';
  }
  const connection = (head.headers.get('connection') ?? []).join(',').toLowerCase();
  const closes = head.minor === 0 || connection.split(',').some((option) => option.trim() === 'close');
  return { kind: closes ? 'close' : 'unframed' };
}

function bad(cause: string): Verdict {
  return { good: false, cause };
}
