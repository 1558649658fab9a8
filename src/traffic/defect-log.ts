/**
 * Tells of defects of weir that have ended a connection, with their stacks. Who has found out how to cause one can do so again and
 * again: some lines, then a count.
 */
import type { Clock } from '../kit/clock.ts';
import { LineLimit } from '../kit/line-limit.ts';
import type { ThreadMessage } from './snapshot.ts';

export class DefectLog {
  readonly #say: (message: ThreadMessage) => void;
  readonly #limit: LineLimit;

  constructor(clock: Clock, say: (message: ThreadMessage) => void) {
    this.#say = say;
    this.#limit = new LineLimit(clock);
  }

  /** One line; of more than twenty in ten seconds, the next line says how many were not logged. */
  note(error: unknown): void {
    const notLogged = this.#limit.admit();
    if (notLogged === undefined) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const before = notLogged === 0 ? '' : ` (as were ${notLogged} before it that are not logged)`;
    this.#say({ type: 'log', level: 'error', message: `a connection was ended by a defect${before}: ${text}` });
  }
}
