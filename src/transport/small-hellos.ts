import { SMALL_HELLO } from '../model/limits.ts';

/** A handshake that waits for its client. */
export interface WaitingHandshake {
  /** Who came just before it and just behind it, of those that wait here. */
  older: WaitingHandshake | undefined;
  newer: WaitingHandshake | undefined;
  /** It gives way to another one: ends the connection. */
  crowdedOut(): void;
}

/**
 * Handshakes that hold more than a hundred times what their clients have sent, since their hellos are small (those of old
 * clients are, and of whoever wants to take much for little). There is room for so many at once as clients need to answer; the
 * one that has waited longest gives way.
 *
 * A list through the handshakes themselves, which lets go of each: the tables of a `Set` would keep those who have gone until
 * the next full collection, as kit/roster.ts says (pauses of 18 ms at 3,000 handshakes a second).
 */
export class SmallHellos {
  #oldest: WaitingHandshake | undefined;
  #newest: WaitingHandshake | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** A handshake begins that waits from now on, for the client who has sent a hello of so many bytes. */
  add(handshake: WaitingHandshake, helloBytes: number): void {
    if (helloBytes >= SMALL_HELLO.bytes) return;
    handshake.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = handshake;
    else this.#newest.newer = handshake;
    this.#newest = handshake;
    const oldest = this.#oldest;
    if (++this.#size <= SMALL_HELLO.maxWaiting || oldest === undefined) return;
    this.delete(oldest);
    oldest.crowdedOut();
  }

  /** It is done, or over; of those that do not wait here too. */
  delete(handshake: WaitingHandshake): void {
    const { older, newer } = handshake;
    if (older === undefined && this.#oldest !== handshake) return;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    handshake.older = undefined;
    handshake.newer = undefined;
    this.#size--;
  }
}
