import { HTTP_HEAD } from '../model/limits.ts';

/** 4 MB a thread, whether anybody needs them or not. */
const KEPT = 64;
/** V8 collects everything after so many bytes of new buffers. */
const WORTH_COLLECTING = 64 * 1024 * 1024;

/**
 * Buffers that a long head fits into, whatever its length: those of clients that are done serve the next ones. They are shared memory, of
 * which V8 is not told. Of others it is, and collects everything after 64 MB of new ones, or 9 in a small heap, while
 * everybody waits; a thousand clients with heads of 64 KB each second made it do that all the time.
 */
export class HeadBuffers {
  readonly #free: Buffer[] = [];
  /** So many have been free ever since the last {@link trim}. */
  #unused = 0;

  take(): Buffer {
    const buffer = this.#free.pop() ?? Buffer.from(new SharedArrayBuffer(HTTP_HEAD.maxBytes));
    if (this.#free.length < this.#unused) this.#unused = this.#free.length;
    return buffer;
  }

  /** Nobody refers to it any more. One of another size is not kept. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === HTTP_HEAD.maxBytes) this.#free.push(buffer);
  }

  /** To be called now and then: lets go of those that nobody has needed since the last time, but for a few. */
  trim(): void {
    const gone = Math.min(this.#unused, this.#free.length - KEPT);
    if (gone > 0) {
      this.#free.splice(0, gone);
      tellOf(gone * HTTP_HEAD.maxBytes);
    }
    this.#unused = this.#free.length;
  }
}

/** Has V8 look for memory that it can give back: as much as it is told of now, which nobody keeps and nothing is written to. */
function tellOf(bytes: number): void {
  try {
    Buffer.allocUnsafeSlow(Math.min(bytes, WORTH_COLLECTING));
  } catch {
    // There is not as much: V8 has looked already.
  }
}
