import type { Clock } from './clock.ts';

const WINDOW_MS = 10_000;
const LINES_PER_WINDOW = 20;

/** Lines of a log that a stranger can cause, who must not fill the disk with them: twenty in ten seconds, and the rest is counted. */
export class LineLimit {
  readonly #clock: Clock;
  #windowEndMs = -Infinity;
  /** Lines in this window. */
  #said = 0;
  #unsaid = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: this line is not to be logged. Else it is, and so many before it were not. */
  admit(): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + WINDOW_MS;
      this.#said = 0;
    }
    if (this.#said === LINES_PER_WINDOW) {
      this.#unsaid++;
      return undefined;
    }
    this.#said++;
    const unsaid = this.#unsaid;
    this.#unsaid = 0;
    return unsaid;
  }
}
