import { HTTP_HEAD } from '../model/limits.ts';

/** 4 MB a thread. */
const MAX_FREE = 64;

/**
 * Buffers that a long head fits into, whatever its length. Buffers are memory that V8's collector has no part in but is told of, and
 * every 64 MB of them begin a full collection: those of clients that are done serve the next ones.
 */
export class HeadBuffers {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(HTTP_HEAD.maxBytes);
  }

  /** Nobody refers to it any more. One of another size is not kept. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === HTTP_HEAD.maxBytes && this.#free.length < MAX_FREE) this.#free.push(buffer);
  }
}
