/**
 * How many sockets a listener has in each thread besides its first: one number for all threads, since the kernel deals out
 * connections by socket, and who had more of them would be given more.
 */
import { LISTENING } from '../model/limits.ts';

export class ExtraSockets {
  readonly #cells: Int32Array;
  readonly #cell: number;

  /** Kept in that cell of shared memory, 0 at first. */
  constructor(cells: Int32Array = new Int32Array(1), cell = 0) {
    this.#cells = cells;
    this.#cell = cell;
  }

  get count(): number {
    return Atomics.load(this.#cells, this.#cell);
  }

  /** A thread that has `extra` of them needs one more. Where another thread has found so first, that is the one. */
  wanted(extra: number): void {
    if (extra < LISTENING.maxSockets - 1) Atomics.compareExchange(this.#cells, this.#cell, extra, extra + 1);
  }
}
