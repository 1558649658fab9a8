/**
 * Large private read buffers, for bodies and streams that outlive their first reads. Buffer size is the whole game
 * for bulk data; how many bytes many slow peers may hold is bounded by handing out smaller ones when many are out.
 */
import { BUFFERS } from '../model/limits.ts';
import { READ_ROOM } from './transport.ts';

const MAX_FREE = 16;

export class BulkBuffer {
  readonly bytes: Buffer;
  /** What reads fill: the buffer without its rooms. */
  readonly area: Buffer;
  /** Writes from it that the kernel has not finished. */
  inFlight = 0;
  /** Its connection reads elsewhere now. */
  released = false;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size + 2 * READ_ROOM);
    this.area = this.bytes.subarray(READ_ROOM, READ_ROOM + size);
  }
}

export class BulkBufferPool {
  readonly #free: BulkBuffer[] = [];
  #outBytes = 0;

  take(): BulkBuffer {
    const size = this.#outBytes < BUFFERS.bulkGenerous ? BUFFERS.bulk : BUFFERS.bulkSmall;
    const buffer = size === BUFFERS.bulk ? (this.#free.pop() ?? new BulkBuffer(size)) : new BulkBuffer(size);
    buffer.released = false;
    this.#outBytes += buffer.area.length;
    return buffer;
  }

  /** The connection lets go; the buffer is free when no write needs it any more. */
  release(buffer: BulkBuffer): void {
    buffer.released = true;
    this.settle(buffer);
  }

  /** Called when a write from the buffer ended. */
  settle(buffer: BulkBuffer): void {
    if (!buffer.released || buffer.inFlight > 0) return;
    this.#outBytes -= buffer.area.length;
    if (buffer.area.length === BUFFERS.bulk && this.#free.length < MAX_FREE) this.#free.push(buffer);
  }
}
