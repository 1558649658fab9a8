/**
 * Keeps a thread from taking the last file descriptors of the process. Where there is none left, libuv accepts and drops
 * connections without a word, or, once another thread has taken the descriptor that it keeps for that, spins; and the
 * API, the store and the health checks need theirs.
 */
import { DESCRIPTORS } from '../model/limits.ts';

export class ConnectionLimit {
  /** Connections of either side that are open. */
  open = 0;
  /** Listening sockets besides the first of each listener, which take their descriptors from the connections. */
  extraSockets = 0;
  readonly #maxAtAccept: number;
  readonly #max: number;

  constructor(max = Infinity) {
    this.#max = max;
    this.#maxAtAccept = max * (1 - DESCRIPTORS.shareForBackends);
  }

  get mayAccept(): boolean {
    return this.open + this.extraSockets < this.#maxAtAccept;
  }

  /** Clients that are served already come before new ones. */
  get mayConnect(): boolean {
    return this.open + this.extraSockets < this.#max;
  }

  /** May a listener have another socket besides those that it has? */
  get mayListenMore(): boolean {
    return this.mayAccept && this.extraSockets < this.#max * DESCRIPTORS.shareForListening;
  }
}

/** How many connections each of `threads` may have open, where the process may have `maxOpenFiles` open. */
export function connectionsPerThread(maxOpenFiles: number | undefined, threads: number): number {
  if (maxOpenFiles === undefined) return Infinity;
  const { minReserve, maxReserve, reserveShare } = DESCRIPTORS;
  const reserve = Math.max(minReserve, Math.min(maxReserve, maxOpenFiles * reserveShare));
  return Math.max(DESCRIPTORS.minPerThread, Math.floor((maxOpenFiles - reserve) / threads));
}
