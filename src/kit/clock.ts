// Imported: the global of the same name is looked up anew at each call.
import { performance } from 'node:perf_hooks';

/** A timer that was started; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time. `monotonicMs` never jumps and is what every timeout is measured with;
 * `epochMs` is wall time (fractional milliseconds since 1970, UTC), for records, logs and signatures.
 */
export interface Clock {
  monotonicMs(): number;
  epochMs(): number;
  /** Calls `callback` once, `delayMs` from now. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` every `intervalMs`. Does not keep the process alive. */
  every(intervalMs: number, callback: () => void): Timer;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  epochMs: () => performance.timeOrigin + performance.now() + driftMs(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every(intervalMs, callback) {
    const timer = setInterval(callback, intervalMs);
    timer.unref();
    return { cancel: () => clearInterval(timer) };
  },
};

let drift = 0;
let driftReadAtMs = -Infinity;

/** What wall time has moved against the monotonic clock since start (NTP, an operator): read once a second. */
function driftMs(): number {
  const nowMs = performance.now();
  if (nowMs - driftReadAtMs >= 1000) {
    driftReadAtMs = nowMs;
    const measured = Date.now() - (performance.timeOrigin + nowMs);
    // Date.now() has whole milliseconds: below one there is nothing to correct.
    if (Math.abs(measured - drift) > 1) drift = measured;
  }
  return drift;
}

/** Resolves `delayMs` from now on `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve));
}

interface FakeTimer extends Timer {
  dueMs: number;
  readonly intervalMs: number | undefined;
  readonly callback: () => void;
}

/** A clock that moves only when told to. Timers fire in order of their time. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #epochOffsetMs: number;
  #timers = new Set<FakeTimer>();

  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.#epochOffsetMs = epochMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#epochOffsetMs + this.#nowMs;
  }

  /** Timers that wait for their time. */
  get pending(): number {
    return this.#timers.size;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#add(delayMs, undefined, callback);
  }

  every(intervalMs: number, callback: () => void): Timer {
    return this.#add(intervalMs, intervalMs, callback);
  }

  /** Moves time forward, firing every timer that comes due on the way, at its own time. */
  advance(ms: number): void {
    const targetMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.dueMs > targetMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      if (next.intervalMs === undefined) this.#timers.delete(next);
      else next.dueMs += next.intervalMs;
      next.callback();
    }
    this.#nowMs = targetMs;
  }

  /** Moves wall time only, as an operator setting the clock does. */
  jumpEpoch(ms: number): void {
    this.#epochOffsetMs += ms;
  }

  #add(delayMs: number, intervalMs: number | undefined, callback: () => void): Timer {
    const timer: FakeTimer = {
      dueMs: this.#nowMs + Math.max(0, delayMs),
      intervalMs,
      callback,
      cancel: () => this.#timers.delete(timer),
    };
    this.#timers.add(timer);
    return timer;
  }

  #earliest(): FakeTimer | undefined {
    let earliest: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (earliest === undefined || timer.dueMs < earliest.dueMs) earliest = timer;
    }
    return earliest;
  }
}
