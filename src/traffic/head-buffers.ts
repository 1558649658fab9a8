import { HTTP_HEAD } from '../model/limits.ts';

/**
 * They come 32 MB at a time, of which those are resident that have been used: what is smaller glibc's malloc may keep for itself when it is
 * given back (mallopt(3), M_MMAP_THRESHOLD).
 */
export const IN_A_SLAB = 512;
const SLAB_BYTES = IN_A_SLAB * HTTP_HEAD.maxBytes;
/** V8 collects everything after so many bytes of new buffers. */
const WORTH_COLLECTING = 64 * 1024 * 1024;
/** So many until it has given back what was let go, as seen with Node 26. */
const COLLECTIONS = 3;

/**
 * Buffers that a long head fits into, whatever its length: those of clients that are done serve the next ones. They are shared memory, of
 * which V8 is not told. Of others it is, and collects everything after 64 MB of new ones, or 9 in a small heap, while
 * everybody waits; a thousand clients with heads of 64 KB each second made it do that all the time.
 */
export class HeadBuffers {
  #free: Buffer[] = [];
  /** So many have been free ever since the last {@link trim}. */
  #unused = 0;
  /** To come, for what has been let go. */
  #collections = 0;

  take(): Buffer {
    if (this.#free.length === 0) this.#addSlab();
    const buffer = this.#free.pop()!;
    if (this.#free.length < this.#unused) this.#unused = this.#free.length;
    return buffer;
  }

  #addSlab(): void {
    const slab = new SharedArrayBuffer(SLAB_BYTES);
    for (let at = 0; at < SLAB_BYTES; at += HTTP_HEAD.maxBytes) {
      this.#free.push(Buffer.from(slab, at, HTTP_HEAD.maxBytes));
    }
  }

  /** Nobody refers to it any more. One that has not been taken here is not kept. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === HTTP_HEAD.maxBytes && buffer.buffer instanceof SharedArrayBuffer) this.#free.push(buffer);
  }

  /**
   * To be called now and then: lets go of slabs that nobody has needed since the last time, but for one, lest a long head now and then
   * cost a slab and its collections each time.
   */
  trim(): void {
    if (this.#collections > 0) {
      this.#collections--;
      haveCollected();
    }
    const most = Math.floor(this.#unused / IN_A_SLAB) - 1;
    if (most > 0) {
      const leaving = new Set(this.#freeSlabs().slice(0, most));
      this.#free = this.#free.filter(({ buffer }) => !leaving.has(buffer));
      if (leaving.size > 0) this.#collections = COLLECTIONS;
    }
    this.#unused = this.#free.length;
  }

  /** Of which nobody has a buffer. */
  #freeSlabs(): ArrayBufferLike[] {
    const counts = new Map<ArrayBufferLike, number>();
    for (const { buffer } of this.#free) counts.set(buffer, (counts.get(buffer) ?? 0) + 1);
    return [...counts].filter(([, count]) => count === IN_A_SLAB).map(([slab]) => slab);
  }
}

/** Has V8 look for what it can give back, by more memory than it leaves alone, which nobody keeps and nothing is written to. */
function haveCollected(): void {
  try {
    Buffer.allocUnsafeSlow(WORTH_COLLECTING);
  } catch {
    // There is not as much: V8 has looked already.
  }
}
