import { SMALL_HELLO } from '../model/limits.ts';

/** A handshake that waits for its client. */
export interface WaitingHandshake {
  /** It gives way to another one: ends the connection. */
  crowdedOut(): void;
}

/**
 * Handshakes that hold more than a hundred times what their clients have sent, since their hellos are small (those of old
 * clients are, and of whoever wants to take much for little). There is room for so many at once as clients need to answer; the
 * one that has waited longest gives way.
 */
export class SmallHellos {
  /** In the order in which they came. */
  readonly #waiting = new Set<WaitingHandshake>();

  get size(): number {
    return this.#waiting.size;
  }

  /** A handshake begins that waits from now on, for the client who has sent a hello of so many bytes. */
  add(handshake: WaitingHandshake, helloBytes: number): void {
    if (helloBytes >= SMALL_HELLO.bytes) return;
    this.#waiting.add(handshake);
    if (this.#waiting.size <= SMALL_HELLO.maxWaiting) return;
    const [oldest] = this.#waiting;
    if (oldest === undefined) return;
    this.#waiting.delete(oldest);
    oldest.crowdedOut();
  }

  /** It is done, or over; of those that do not wait here too. */
  delete(handshake: WaitingHandshake): void {
    this.#waiting.delete(handshake);
  }
}
