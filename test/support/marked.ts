/**
 * Streams in which every byte says whose it is and where it stands, and readers that look at each of them: what a
 * shared buffer given away too early, or twice, cannot hide from.
 */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { SeededRandom, type Random } from '../../src/kit/random.ts';

/** Prime, so that no buffer size divides it. */
const PERIOD = 65_521;
const BASE = new SeededRandom(4711).bytes(PERIOD);
const patterns = new Map<number, Buffer>();

/** The bytes of `mark`, over and over. Two marks differ in every byte. */
function patternOf(mark: number): Buffer {
  let pattern = patterns.get(mark);
  if (pattern === undefined) {
    pattern = Buffer.from(BASE.map((byte) => byte ^ mark));
    patterns.set(mark, pattern);
  }
  return pattern;
}

/** `[from, to)` of the stream of `mark`, in pieces that are not copied. */
function* markedPieces(mark: number, from: number, to: number): Generator<Buffer> {
  const pattern = patternOf(mark);
  for (let at = from; at < to;) {
    const start = at % PERIOD;
    const count = Math.min(to - at, PERIOD - start);
    yield pattern.subarray(start, start + count);
    at += count;
  }
}

/** Checks that `bytes` are the stream of `mark` from `at` on; returns where it goes on. */
function checkMarked(mark: number, at: number, bytes: Buffer): number {
  let from = 0;
  for (const piece of markedPieces(mark, at, at + bytes.length)) {
    const part = bytes.subarray(from, from + piece.length);
    if (!part.equals(piece)) {
      const wrong = part.findIndex((byte, index) => byte !== piece[index]);
      const whose = part[wrong]! ^ BASE[(at + from + wrong) % PERIOD]!;
      assert.fail(`byte ${at + from + wrong} of ${mark} is another's, perhaps of ${whose}`);
    }
    from += piece.length;
  }
  return at + bytes.length;
}

/** Sends `[from, to)` of the stream of `mark`, no faster than it is taken. */
export async function sendMarked(socket: Socket, mark: number, from: number, to: number): Promise<void> {
  for (const piece of markedPieces(mark, from, to)) await write(socket, piece);
}

export async function write(socket: Socket, bytes: Buffer | string): Promise<void> {
  const taken = typeof bytes === 'string' ? socket.write(bytes, 'latin1') : socket.write(bytes);
  if (!taken) await new Promise<void>((resolve) => socket.once('drain', () => resolve()));
}

/** Stops reading now and then, for a while. */
export function readSlowly(socket: Socket, random: Random): void {
  socket.on('data', () => {
    if (random.below(8) !== 0) return;
    socket.pause();
    let turns = random.below(30);
    const wait = (): void => {
      if (turns-- > 0) setImmediate(wait);
      else socket.resume();
    };
    wait();
  });
}

/** Takes bytes off a socket in pieces, without keeping more than one. */
export class ByteReader {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;
  readonly #gate: Promise<void> | undefined;

  /** Reads nothing before `gate` is open. */
  constructor(socket: Socket, gate?: Promise<void>) {
    this.#socket = socket;
    if (gate !== undefined) socket.pause();
    this.#gate = gate;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      if (this.#bytes.length > 256 * 1024) socket.pause();
      this.#wake?.();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake?.();
      });
    }
  }

  /** At most `count` bytes; fewer than 1 only at the end. */
  async some(count: number): Promise<Buffer> {
    if (this.#gate !== undefined) await this.#gate;
    while (this.#bytes.length === 0 && !this.#ended) {
      this.#socket.resume();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(taken.length);
    return taken;
  }

  async line(): Promise<string> {
    let line = '';
    while (!line.endsWith('\r\n')) {
      const byte = await this.some(1);
      if (byte.length === 0) return line;
      line += byte.toString('latin1');
    }
    return line;
  }

  /** Up to and with the empty line; empty at the end. */
  async head(): Promise<string> {
    let head = '';
    for (;;) {
      const line = await this.line();
      head += line;
      if (line === '\r\n' || line === '') return head;
    }
  }

  /** `count` bytes of the stream of `mark`, from `at` on. Returns where it goes on. */
  async marked(mark: number, at: number, count: number): Promise<number> {
    let next = at;
    while (next < at + count) {
      const bytes = await this.some(at + count - next);
      assert.ok(bytes.length > 0, `${mark} ended at ${next}, ${at + count} expected`);
      next = checkMarked(mark, next, bytes);
    }
    return next;
  }
}
