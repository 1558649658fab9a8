import type { Clock } from './clock.ts';

export interface LineLimits {
  readonly lines: number;
  readonly windowMs: number;
}

/** Lines of a log that a stranger can cause, who must not fill the disk with them: some in a while, and the rest is counted. */
export class LineLimit {
  readonly #clock: Clock;
  readonly #limits: LineLimits;
  #windowEndMs = -Infinity;
  /** Lines in this window. */
  #said = 0;
  #unsaid = 0;

  constructor(clock: Clock, limits: LineLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Undefined: this line is not to be logged. Else it is, and so many before it were not. */
  admit(): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + this.#limits.windowMs;
      this.#said = 0;
    }
    if (this.#said === this.#limits.lines) {
      this.#unsaid++;
      return undefined;
    }
    this.#said++;
    const unsaid = this.#unsaid;
    this.#unsaid = 0;
    return unsaid;
  }
}
