/**
 * How a call changes the state: it is decided on a view, tried where trying is possible, committed if nobody was faster
 * (else all of it again), and answered once the traffic threads serve it.
 */
import type { Control } from '../control/control.ts';
import type { Log, LogFields } from '../kit/log.ts';
import { API } from '../model/limits.ts';
import type { Change, Store, View } from '../store/store.ts';
import { commonFault, Fault } from './fault.ts';
import type { CommonFaultCode } from './fault.ts';
import { Serial } from './serial.ts';

/** For the operator's log, once the change is durable. */
export interface Note {
  readonly fields: LogFields;
  readonly message: string;
}

/** What an operation decided: its answer, and the changes of records that make it true. */
export interface Outcome<Output> {
  readonly output: Output;
  readonly changes: readonly Change[];
  readonly notes?: readonly Note[];
}

export interface ChangesOptions {
  readonly store: Store;
  readonly control: Pick<Control, 'applied'>;
  readonly log: Log;
}

/** A change that is durable. */
interface Committed<Output> {
  readonly output: Output;
  readonly revision: number;
}

export class Changes {
  readonly #options: ChangesOptions;
  /** Changes go one by one, so that the trial of one does not hold a port that another tries. */
  readonly #serial = new Serial();

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  /** `decide` is pure; `attempt` may refuse what was decided before it is committed. */
  async run<Output, D extends Outcome<Output>, F extends string>(
    action: string,
    decide: (view: View) => D | Fault<F>,
    attempt?: (decision: D) => Promise<Fault<F> | undefined>,
  ): Promise<Output | Fault<F | CommonFaultCode>> {
    const committed = await this.#serial.run(() => this.#change<Output, D, F>(decide, attempt));
    if (committed instanceof Fault) return committed;
    await this.#waitUntilApplied(action, committed.revision);
    return committed.output;
  }

  async #change<Output, D extends Outcome<Output>, F extends string>(
    decide: (view: View) => D | Fault<F>,
    attempt: ((decision: D) => Promise<Fault<F> | undefined>) | undefined,
  ): Promise<Committed<Output> | Fault<F | CommonFaultCode>> {
    const { store, log } = this.#options;
    for (let count = 0; count < API.maxAttempts; count++) {
      const view = store.view();
      const decision = decide(view);
      if (decision instanceof Fault) return decision;
      if (decision.changes.length === 0) return { output: decision.output, revision: view.revision };
      const refusal = await attempt?.(decision);
      if (refusal !== undefined) return refusal;
      const result = await store.commit(view.revision, decision.changes);
      if (result.outcome === 'committed') {
        for (const { fields, message } of decision.notes ?? []) log.warn(fields, message);
        return { output: decision.output, revision: result.revision };
      }
      if (result.outcome === 'failed') {
        log.error({ cause: result.message }, 'the state could not be written');
        return commonFault(
          'InternalFailure',
          `The state could not be written: ${result.message}. Nothing was changed.`,
        );
      }
    }
    return commonFault(
      'ServiceUnavailable',
      'Too many changes at the same time. Nothing was changed; please try again.',
    );
  }

  async #waitUntilApplied(action: string, revision: number): Promise<void> {
    // An empty store was never told to anybody.
    if (revision === 0) return;
    if (await this.#options.control.applied(revision, API.appliedTimeoutMs)) return;
    this.#options.log.warn({ action, revision }, 'a change is stored, but the traffic threads do not serve it yet');
  }
}
