/** Callers that wait for something to become true. Whoever changes what it depends on calls `check`. */
import type { Clock, Timer } from '../kit/clock.ts';

interface Waiter {
  readonly condition: () => boolean;
  readonly resolve: (met: boolean) => void;
  readonly timer: Timer;
}

export class Waiters {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves with true as soon as a check finds that `condition` holds (now is the first), with false after `timeoutMs`. */
  wait(timeoutMs: number, condition: () => boolean): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = this.#clock.after(timeoutMs, () => {
        this.#waiters.delete(waiter);
        resolve(false);
      });
      const waiter: Waiter = { condition, resolve, timer };
      this.#waiters.add(waiter);
    });
  }

  check(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.condition()) continue;
      this.#waiters.delete(waiter);
      waiter.timer.cancel();
      waiter.resolve(true);
    }
  }
}
