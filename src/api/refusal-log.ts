/** Tells the operator of refused signatures without letting a stranger fill the disk: one line, then a count. */
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Fault } from './fault.ts';

const QUIET_MS = 10_000;

export class RefusalLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #quietUntilMs = -Infinity;
  #unsaid = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** One line at most every ten seconds; it says how many were not logged since the one before. */
  note(fault: Fault, remoteAddress: string, requestId: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#quietUntilMs) {
      this.#unsaid++;
      return;
    }
    // Not the message: it shows the request that was signed.
    const fields = { requestId, result: fault.code, remoteAddress, notLogged: this.#unsaid };
    this.#log.warn(fields, 'an API call was refused: who calls could not be established');
    this.#quietUntilMs = nowMs + QUIET_MS;
    this.#unsaid = 0;
  }
}
