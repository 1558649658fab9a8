/**
 * Tells the operator of requests that were refused before it was known who calls, without letting a stranger fill the
 * disk: some lines, then a count.
 */
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Fault } from './fault.ts';

const WINDOW_MS = 10_000;
const LINES_PER_WINDOW = 20;

export class RefusalLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #windowEndMs = -Infinity;
  /** Lines in this window. */
  #said = 0;
  #unsaid = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** One line; of more than twenty in ten seconds, the next line says how many were not logged. */
  note(fault: Fault, remoteAddress: string, requestId: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + WINDOW_MS;
      this.#said = 0;
    }
    if (this.#said === LINES_PER_WINDOW) {
      this.#unsaid++;
      return;
    }
    this.#said++;
    // Not the message: it shows the request that was signed.
    const fields = { requestId, result: fault.code, remoteAddress, notLogged: this.#unsaid };
    this.#log.warn(fields, 'an API call was refused: who calls could not be established');
    this.#unsaid = 0;
  }
}
