/**
 * Costly work takes turns. libuv hands out all that its polls have found, thousands of sockets, before it looks at any other;
 * and there is work that costs its sender nothing (anybody's bytes will do) and us as much as many requests: a handshake, a
 * long head. Thousands of them at once kept everybody else waiting for 0.3 to 1.4 s. So a turn of the event loop gives it as
 * much time as everything else has had since the last one, within bounds, and one piece at least: who asks something of a thread
 * that does little else waits for a piece or two, and a busy thread goes on with it too.
 *
 * Of those who wait, who came last is next. Where more come than can be served, somebody is not; first come, first served
 * would have each wait for as long as clients are patient, and begin with those who are about to give up.
 */
import type { Clock } from './clock.ts';

/** Somebody's piece of work that could be done now. */
export interface Turn {
  /** Nobody wants it any more, which {@link Turns.leave} has been told. */
  readonly gone: boolean;
  /** The costly part. Who throws is told to the owner of the turns; the others' turn comes. */
  takeTurn(): void;
}

/** So many who have gone may be kept among those who wait, and as many as these. */
const FEW = 256;

/** What a turn of the event loop does before everybody else has one. */
export interface TurnLimits {
  readonly shortestMs: number;
  readonly longestMs: number;
  /** Pieces: for what each of them costs elsewhere, such as a read that follows. */
  readonly perTurn: number;
}

export class Turns {
  readonly #clock: Clock;
  readonly #limits: TurnLimits;
  readonly #onFailure: (error: unknown) => void;
  /** In the order in which they came; some have gone. */
  #waiting: Turn[] = [];
  #gone = 0;
  /** Of the present turn: pieces, their time, and how much of that it has. */
  #done = 0;
  #spentMs = 0;
  #turnMs = 0;
  #beganMs = 0;
  #turnEnds = false;

  constructor(clock: Clock, limits: TurnLimits, onFailure: (error: unknown) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#onFailure = onFailure;
  }

  /** How many wait. */
  get length(): number {
    return this.#waiting.length - this.#gone;
  }

  /** Does it now where this turn has time left for it and nobody waits, or else in one of the next turns. */
  add(turn: Turn): void {
    if (!this.#turnEnds) this.#begin();
    if (this.length === 0 && this.#hasTime) this.#take(turn);
    else this.#waiting.push(turn);
  }

  /** Nobody has had a turn for a while. */
  #begin(): void {
    this.#turnEnds = true;
    this.#turnMs = this.#limits.shortestMs;
    this.#beganMs = this.#clock.monotonicMs();
    setImmediate(this.#nextTurn);
  }

  get #hasTime(): boolean {
    return this.#spentMs < this.#turnMs && this.#done < this.#limits.perTurn;
  }

  /** One of those who wait is gone. */
  leave(): void {
    this.#gone++;
    if (this.#gone <= FEW || this.#gone <= this.length) return;
    this.#waiting = this.#waiting.filter(({ gone }) => !gone);
    this.#gone = 0;
  }

  /** All sockets that were ready have been seen to. */
  readonly #nextTurn = (): void => {
    const { shortestMs, longestMs } = this.#limits;
    const nowMs = this.#clock.monotonicMs();
    const othersMs = nowMs - this.#beganMs - this.#spentMs;
    this.#turnMs = Math.min(Math.max(othersMs, shortestMs), longestMs);
    this.#beganMs = nowMs;
    this.#done = this.#spentMs = 0;
    while (this.#waiting.length > 0 && this.#hasTime) this.#takeLast();
    this.#turnEnds = this.#waiting.length > 0 || this.#done > 0;
    if (this.#turnEnds) setImmediate(this.#nextTurn);
  };

  #takeLast(): void {
    const turn = this.#waiting.pop()!;
    if (turn.gone) this.#gone--;
    else this.#take(turn);
  }

  #take(turn: Turn): void {
    this.#done++;
    const startMs = this.#clock.monotonicMs();
    try {
      turn.takeTurn();
    } catch (error) {
      this.#onFailure(error);
    }
    this.#spentMs += this.#clock.monotonicMs() - startMs;
  }
}
