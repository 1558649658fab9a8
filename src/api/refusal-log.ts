/**
 * Tells the operator of requests that were refused before it was known who calls, without letting a stranger fill the
 * disk: some lines, then a count.
 */
import type { Clock } from '../kit/clock.ts';
import { LineLimit } from '../kit/line-limit.ts';
import type { Log } from '../kit/log.ts';
import type { Fault } from './fault.ts';

export class RefusalLog {
  readonly #log: Log;
  readonly #limit: LineLimit;

  constructor(clock: Clock, log: Log) {
    this.#log = log;
    this.#limit = new LineLimit(clock);
  }

  /** One line; of more than twenty in ten seconds, the next line says how many were not logged. */
  note(fault: Fault, remoteAddress: string, requestId: string): void {
    const notLogged = this.#limit.admit();
    if (notLogged === undefined) return;
    // Not the message: it shows the request that was signed.
    const fields = { requestId, result: fault.code, remoteAddress, notLogged };
    this.#log.warn(fields, 'an API call was refused: who calls could not be established');
  }
}
