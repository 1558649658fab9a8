/** One line per change of an instance's health, and no flood of them when it flaps (docs/faults.md 27). */
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import { effectiveStatus, type Health } from './threshold-counter.ts';

/** Lines of one instance that may follow each other closely; then one per {@link REFILL_MS}. */
const BURST = 5;
const REFILL_MS = 60_000;

/** What an instance's lines have used up. */
export class ChangeLog {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #fields: { readonly loadBalancer: string; readonly instance: string };
  #left = BURST;
  #countedMs: number;
  #suppressed = 0;

  constructor(clock: Clock, log: Log, fields: { readonly loadBalancer: string; readonly instance: string }) {
    this.#clock = clock;
    this.#log = log;
    this.#fields = fields;
    this.#countedMs = clock.monotonicMs();
  }

  /** Tells of the step from `before` to `after`, if it is one that an operator wants to know. */
  record(before: Health, after: Health): void {
    const [was, is] = [effectiveStatus(before), effectiveStatus(after)];
    const wentIn = is === 'in-service' && was !== 'in-service';
    const wentOut = was === 'in-service' && is !== 'in-service';
    const neverCame = is === 'failed' && !after.everPassed && was !== 'failed';
    if (!wentIn && !wentOut && !neverCame) return;
    this.#refill();
    if (this.#left < 1) {
      this.#suppressed++;
      return;
    }
    this.#left--;
    const fields = {
      ...this.#fields,
      cause: after.results.at(-1)?.cause,
      ...(this.#suppressed > 0 ? { flapping: true, changesNotLogged: this.#suppressed } : {}),
    };
    this.#suppressed = 0;
    if (wentIn) this.#log.info(fields, 'instance is in service');
    else if (wentOut) this.#log.warn(fields, 'instance is out of service');
    else this.#log.warn(fields, 'instance has not come into service: its health checks fail');
  }

  #refill(): void {
    const elapsedMs = this.#clock.monotonicMs() - this.#countedMs;
    const refills = Math.floor(elapsedMs / REFILL_MS);
    if (refills === 0) return;
    this.#left = Math.min(BURST, this.#left + refills);
    this.#countedMs += refills * REFILL_MS;
  }
}
