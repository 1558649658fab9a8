/**
 * Handshakes take turns. libuv hands out all that its polls have found, thousands of sockets, before it looks at any other;
 * and the first message of a client, which costs it nothing to send (anybody's will do), costs us a signature: 0.3 to 2 ms.
 * Three thousand at once kept everybody else waiting for 1.4 s. So a turn of the event loop begins as many handshakes as fit
 * into its time, one at least.
 *
 * Of those who wait, who came last is next. Where more come than can be served, somebody is not; first come, first served
 * would have each wait for as long as clients are patient, and begin with those who are about to give up.
 */
import type { Clock } from '../kit/clock.ts';
import { HANDSHAKE_TURN_MS } from '../model/limits.ts';

/** A handshake that could begin: its client has said all that is needed for it. */
export interface Beginning {
  /** Gone meanwhile, which {@link HandshakeTurns.leave} has been told. */
  readonly closed: boolean;
  /** The costly part. Never throws: what goes wrong ends the connection. */
  beginHandshake(): void;
}

/** So many who have gone may be kept among those who wait, and as many as these. */
const FEW = 256;

export class HandshakeTurns {
  readonly #clock: Clock;
  /** In the order in which they came; some have gone. */
  #waiting: Beginning[] = [];
  #gone = 0;
  /** Of the present turn. */
  #spentMs = 0;
  #turnEnds = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get length(): number {
    return this.#waiting.length - this.#gone;
  }

  /** Begins it now where this turn has time left for it and nobody waits, or else in one of the next turns. */
  add(handshake: Beginning): void {
    if (!this.#turnEnds) {
      this.#turnEnds = true;
      setImmediate(this.#nextTurn);
    }
    if (this.length > 0 || this.#spentMs >= HANDSHAKE_TURN_MS) this.#waiting.push(handshake);
    else this.#begin(handshake);
  }

  /** One of those who wait is closed. */
  leave(): void {
    this.#gone++;
    if (this.#gone <= FEW || this.#gone <= this.length) return;
    this.#waiting = this.#waiting.filter(({ closed }) => !closed);
    this.#gone = 0;
  }

  /** All sockets that were ready have been seen to. */
  readonly #nextTurn = (): void => {
    this.#spentMs = 0;
    try {
      while (this.#waiting.length > 0 && this.#spentMs < HANDSHAKE_TURN_MS) this.#beginLast();
    } finally {
      this.#turnEnds = this.#waiting.length > 0 || this.#spentMs > 0;
      if (this.#turnEnds) setImmediate(this.#nextTurn);
    }
  };

  #beginLast(): void {
    const handshake = this.#waiting.pop()!;
    if (handshake.closed) this.#gone--;
    else this.#begin(handshake);
  }

  #begin(handshake: Beginning): void {
    const startMs = this.#clock.monotonicMs();
    handshake.beginHandshake();
    this.#spentMs += this.#clock.monotonicMs() - startMs;
  }
}
