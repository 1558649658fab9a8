/**
 * When each target is probed: at once when it is new or changed, then every interval, whatever the previous probe took.
 * Phases are spread, so that a thousand instances registered together are not probed together ever after.
 */
import type { Clock, Timer } from '../kit/clock.ts';
import type { Random } from '../kit/random.ts';
import type { Probe, ProbeTarget, Unprobeable } from './probe.ts';
import type { ProbeResult } from './threshold-counter.ts';

export interface ScheduledTarget {
  readonly target: ProbeTarget | Unprobeable;
  readonly intervalMs: number;
}

export interface ProbeScheduleOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly probe: Probe;
  /** Probes under way at once; the others wait in line, and their timeouts start when they do. */
  readonly maxInFlight: number;
  readonly onResult: (key: string, result: ProbeResult) => void;
}

/** First probes of targets that are new together start this far apart, but none later than a second. */
const FIRST_SPREAD_MS = 1;
const MAX_FIRST_SPREAD_MS = 1000;
/** The second probe comes earlier than an interval by a random time, in all at most this much per target. */
const PHASE_SPREAD_MS = 5;
/** All probes but the first start on multiples of this: a few at once cost half as much as each by itself (bench health). */
const STEP_MS = 50;

interface Entry {
  readonly key: string;
  scheduled: ScheduledTarget;
  timer: Timer | undefined;
  /** When the timer is due, on the monotonic clock. */
  dueMs: number;
  probes: number;
  /** Ends the probe that is under way. */
  abandon: (() => void) | undefined;
}

export class ProbeSchedule {
  readonly #options: ProbeScheduleOptions;
  readonly #entries = new Map<string, Entry>();
  /** Due, but too many are under way: first come, first served. */
  readonly #waiting = new Set<Entry>();
  #inFlight = 0;
  /** When the next new target may have its first probe. */
  #nextFirstMs = 0;

  constructor(options: ProbeScheduleOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Adds `key`, or changes what it means: then a probe under way ends without a result and a new one starts at once. */
  set(key: string, scheduled: ScheduledTarget): void {
    this.delete(key);
    const entry: Entry = {
      key,
      scheduled,
      timer: undefined,
      dueMs: this.#firstMs(),
      probes: 0,
      abandon: undefined,
    };
    this.#entries.set(key, entry);
    this.#arm(entry);
  }

  /** Changes what `key` means from its next probe on, which comes when it would have come. */
  replace(key: string, scheduled: ScheduledTarget): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.scheduled = scheduled;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    entry.timer?.cancel();
    this.#waiting.delete(entry);
    if (entry.abandon !== undefined) {
      entry.abandon();
      this.#ended(entry);
    }
  }

  /** Ends everything; nothing is reported any more. */
  stop(): void {
    this.#waiting.clear();
    for (const key of this.#entries.keys()) this.delete(key);
  }

  #firstMs(): number {
    const { clock, random } = this.#options;
    const nowMs = clock.monotonicMs();
    const dueMs = Math.max(nowMs, this.#nextFirstMs);
    if (dueMs - nowMs >= MAX_FIRST_SPREAD_MS) return nowMs + random.below(MAX_FIRST_SPREAD_MS);
    this.#nextFirstMs = dueMs + FIRST_SPREAD_MS;
    return dueMs;
  }

  #arm(entry: Entry): void {
    const atMs = entry.probes === 0 ? entry.dueMs : Math.ceil(entry.dueMs / STEP_MS) * STEP_MS;
    const delayMs = atMs - this.#options.clock.monotonicMs();
    entry.timer = this.#options.clock.after(Math.max(0, delayMs), () => this.#due(entry));
  }

  #due(entry: Entry): void {
    entry.dueMs = this.#nextDueMs(entry);
    entry.probes++;
    this.#arm(entry);
    // One that waits still goes on to do so, and one that is under way is enough.
    if (entry.abandon !== undefined) return;
    this.#waiting.add(entry);
    this.#startNext();
  }

  #nextDueMs(entry: Entry): number {
    const { clock, random } = this.#options;
    const intervalMs = entry.scheduled.intervalMs;
    const spreadMs = Math.min(intervalMs / 2, PHASE_SPREAD_MS * (this.#entries.size - 1));
    const earlierMs = entry.probes === 0 ? random.below(Math.floor(spreadMs) + 1) : 0;
    const nextMs = entry.dueMs + intervalMs - earlierMs;
    // The process stood still (suspended, debugger): missed probes are not made up for.
    return nextMs > clock.monotonicMs() ? nextMs : clock.monotonicMs() + intervalMs;
  }

  #startNext(): void {
    for (const entry of this.#waiting) {
      if (this.#inFlight >= this.#options.maxInFlight) return;
      this.#waiting.delete(entry);
      this.#start(entry);
    }
  }

  #start(entry: Entry): void {
    this.#inFlight++;
    entry.abandon = this.#options.probe(entry.scheduled.target, (result) => {
      this.#ended(entry);
      this.#options.onResult(entry.key, result);
    });
  }

  #ended(entry: Entry): void {
    entry.abandon = undefined;
    this.#inFlight--;
    this.#startNext();
  }
}
