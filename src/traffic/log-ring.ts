/**
 * Access log lines on their way from a traffic thread to the control thread, in shared memory: one ring per thread, one
 * writer, one reader. A full ring loses lines, which are counted; the writer never waits. Lines of one load balancer
 * that follow each other make a segment, so that the reader moves many lines at once.
 *
 * A segment is a header (length, ordinal of its load balancer, second in which it was begun) and its lines. It is the
 * reader's once `written` is behind it. The one being filled is described in the control cells too: when its thread dies,
 * the reader takes it over as it stands.
 */
import { assert } from '../kit/assert.ts';
import { ACCESS_LOG } from '../model/limits.ts';

const CELL = { written: 0, read: 1, dropped: 2, openLength: 3, openOrdinal: 4, openSecond: 5, base: 6 } as const;
const CONTROL_BYTES = 64;
const HEADER_BYTES = 16;
/** As an ordinal: the rest of the ring up to its end is not used. */
const SKIP = -1;
/** A segment that is longer is handed over. */
const MAX_SEGMENT_BYTES = 256 * 1024;

const SIZE = ACCESS_LOG.ringBytes;
assert((SIZE & (SIZE - 1)) === 0, 'the size of a ring is a power of two');

/** Empty: for one traffic thread, and those that take its place. */
export function makeLogRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + SIZE);
}

function align(length: number): number {
  return (length + HEADER_BYTES - 1) & -HEADER_BYTES;
}

/** The side of a traffic thread. */
export class LogRingWriter {
  /** The ring: lines are written where {@link reserve} says. */
  readonly view: DataView;
  readonly #cells: Int32Array;
  readonly #headers: Int32Array;
  /** Where the open segment begins, counted on and on; less {@link #base}, its low bits are the place in the ring. */
  #written: number;
  #base: number;
  /** Where its lines begin in the ring, how many bytes of them there are, and how many there may be. */
  #start = 0;
  #length = 0;
  #room = -1;
  #ordinal = 0;
  #second = 0;
  /** How far the reader was when that was last looked at: it may be further. */
  #read: number;

  /** Goes on where the predecessor in the same seat has stopped. */
  constructor(ring: SharedArrayBuffer) {
    this.view = new DataView(ring, CONTROL_BYTES, SIZE);
    this.#cells = new Int32Array(ring, 0, CONTROL_BYTES / 4);
    this.#headers = new Int32Array(ring, CONTROL_BYTES, SIZE / 4);
    this.#written = Atomics.load(this.#cells, CELL.written);
    this.#base = this.#cells[CELL.base]!;
    this.#read = Atomics.load(this.#cells, CELL.read);
  }

  get #offset(): number {
    return (this.#written - this.#base) & (SIZE - 1);
  }

  /**
   * Room for a line of at most `room` bytes about load balancer `ordinal`, finished in this second: its offset in
   * {@link view}, or -1 when there is none, and the line is counted as dropped. {@link commit} follows.
   */
  reserve(ordinal: number, second: number, room: number): number {
    const goesOn = ordinal === this.#ordinal && second === this.#second && this.#length + room <= this.#room;
    return goesOn || this.#begin(ordinal, second, room) ? this.#start + this.#length : -1;
  }

  /** Begins a segment whose first line has this room. */
  #begin(ordinal: number, second: number, room: number): boolean {
    this.flush();
    this.#ordinal = ordinal;
    this.#second = second;
    this.#read = Atomics.load(this.#cells, CELL.read);
    this.#rewind();
    if (this.#offset + HEADER_BYTES + room > SIZE && !this.#wrap()) return this.#drop();
    this.#start = this.#offset + HEADER_BYTES;
    const free = Math.min(SIZE - this.#offset, SIZE - ((this.#written - this.#read) | 0));
    if (HEADER_BYTES + room > free) return this.#drop();
    this.#room = Math.max(room, Math.min(MAX_SEGMENT_BYTES, free - HEADER_BYTES));
    return true;
  }

  #drop(): boolean {
    this.#cells[CELL.dropped] = (this.#cells[CELL.dropped]! + 1) | 0;
    return false;
  }

  /**
   * Where everything has been read the next segment begins at the start: memory that was used just now is in the caches.
   * The reader looks at the base only behind a `written` that is new to it, when the base stands already.
   */
  #rewind(): void {
    if (this.#offset === 0 || this.#written !== this.#read) return;
    this.#base = this.#written;
    this.#cells[CELL.base] = this.#base;
  }

  /** The next segment begins at the start of the ring. */
  #wrap(): boolean {
    const rest = -this.#offset & (SIZE - 1);
    if (((this.#written - this.#read) | 0) + rest > SIZE) return false;
    if (rest > 0) this.#publish(SKIP, rest - HEADER_BYTES);
    return true;
  }

  /** The line in the room that was reserved has `length` bytes. */
  commit(length: number): void {
    if (this.#length === 0) {
      this.#cells[CELL.openOrdinal] = this.#ordinal;
      this.#cells[CELL.openSecond] = this.#second;
    }
    this.#length += length;
    this.#cells[CELL.openLength] = this.#length;
  }

  /** Hands over what has been written. */
  flush(): void {
    const length = this.#length;
    this.#length = 0;
    this.#room = -1;
    if (length > 0) this.#publish(this.#ordinal, length);
  }

  #publish(ordinal: number, length: number): void {
    this.#written = publish(this.#cells, this.#headers, this.#written, ordinal, this.#second, length);
  }
}

/** Returns where the next segment begins. */
function publish(
  cells: Int32Array,
  headers: Int32Array,
  written: number,
  ordinal: number,
  second: number,
  length: number,
): number {
  const header = ((written - cells[CELL.base]!) & (SIZE - 1)) >> 2;
  headers[header] = length;
  headers[header + 1] = ordinal;
  headers[header + 2] = second;
  cells[CELL.openLength] = 0;
  const next = (written + align(HEADER_BYTES + length)) | 0;
  Atomics.store(cells, CELL.written, next);
  return next;
}

/** Takes whole lines; they are there until {@link LogRingReader.release}. `second`: since 1970, when the first of them was finished. */
export type TakeLines = (ordinal: number, second: number, lines: Buffer) => void;

/** The side of the control thread. */
export class LogRingReader {
  readonly #bytes: Buffer;
  readonly #cells: Int32Array;
  readonly #headers: Int32Array;
  #at: number;

  constructor(ring: SharedArrayBuffer) {
    this.#bytes = Buffer.from(ring, CONTROL_BYTES, SIZE);
    this.#cells = new Int32Array(ring, 0, CONTROL_BYTES / 4);
    this.#headers = new Int32Array(ring, CONTROL_BYTES, SIZE / 4);
    this.#at = Atomics.load(this.#cells, CELL.read);
  }

  /** Hands everything that has been written since the last call to `take`. */
  read(take: TakeLines): void {
    const written = Atomics.load(this.#cells, CELL.written);
    const base = this.#cells[CELL.base]!;
    while (this.#at !== written) {
      const offset = (this.#at - base) & (SIZE - 1);
      const length = this.#headers[offset >> 2]!;
      const ordinal = this.#headers[(offset >> 2) + 1]!;
      if (ordinal !== SKIP) {
        const start = offset + HEADER_BYTES;
        take(ordinal, this.#headers[(offset >> 2) + 2]! >>> 0, this.#bytes.subarray(start, start + length));
      }
      this.#at = (this.#at + align(HEADER_BYTES + length)) | 0;
    }
  }

  /** Nobody looks at what was read any more: its place is free. */
  release(): void {
    Atomics.store(this.#cells, CELL.read, this.#at);
  }

  /** The writer is no more: what it had not handed over is handed over now. */
  salvage(): void {
    const length = Atomics.load(this.#cells, CELL.openLength);
    if (length === 0) return;
    const written = Atomics.load(this.#cells, CELL.written);
    const [ordinal, second] = [this.#cells[CELL.openOrdinal]!, this.#cells[CELL.openSecond]!];
    publish(this.#cells, this.#headers, written, ordinal, second, length);
  }

  /** Lines that found no room, ever. */
  get dropped(): number {
    return Atomics.load(this.#cells, CELL.dropped) >>> 0;
  }
}
