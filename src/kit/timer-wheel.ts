/**
 * Timeouts of many connections at the price of one interval timer. Coarse: a timeout fires up to two ticks late, never
 * early while the event loop turns in time. An entry stays where it is when its deadline moves back, and is looked at
 * again when its slot comes up, so that activity costs one store.
 */
import { assert } from './assert.ts';
import type { Clock, Timer } from './clock.ts';

export const TICK_MS = 50;
const SLOTS = 512;

/** What a wheel keeps: one per connection, made once. */
export interface Timed {
  /** Called when the deadline has passed; the entry is then not armed. */
  onTimeout(): void;
}

export class WheelEntry {
  readonly owner: Timed;
  /** On the wheel's clock; Infinity when not armed. */
  deadlineMs = Infinity;
  slotTick = -1;
  next: WheelEntry | undefined;
  previous: WheelEntry | undefined;

  constructor(owner: Timed) {
    this.owner = owner;
  }
}

export class TimerWheel {
  /** Monotonic milliseconds as of the last tick. */
  nowMs: number;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #slots: (WheelEntry | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  #tick: number;
  readonly #startMs: number;
  readonly #onTick: (lateMs: number) => void;
  /** Takes what an owner threw. */
  readonly onFailure: (error: unknown) => void;

  /** `onTick` hears after each turn how late it came, `onFailure` what an owner threw: a defect, the others' turn comes. */
  constructor(
    clock: Clock,
    onTick: (lateMs: number) => void = () => {},
    onFailure: (error: unknown) => void = rethrow,
  ) {
    this.#clock = clock;
    this.onFailure = onFailure;
    this.#startMs = clock.monotonicMs();
    this.nowMs = this.#startMs;
    this.#tick = 0;
    this.#onTick = onTick;
    this.#timer = clock.every(TICK_MS, () => this.#turn());
  }

  /** (Re)arms an entry to fire `delayMs` from now. */
  arm(entry: WheelEntry, delayMs: number): void {
    // The last tick was up to one tick ago; reading the clock for every byte that moves would cost more than it is worth.
    this.#armAt(entry, this.nowMs + TICK_MS + delayMs);
  }

  /** Moves the deadline of an armed entry; one in the past fires with the next tick. */
  shift(entry: WheelEntry, byMs: number): void {
    if (entry.deadlineMs !== Infinity) this.#armAt(entry, entry.deadlineMs + byMs);
  }

  /** How long from now an armed entry fires, as far as the last tick knows. */
  remainingMs(entry: WheelEntry): number {
    return Math.max(0, entry.deadlineMs - this.nowMs - TICK_MS);
  }

  #armAt(entry: WheelEntry, deadlineMs: number): void {
    const laterThanBefore = deadlineMs >= entry.deadlineMs;
    entry.deadlineMs = deadlineMs;
    // Its slot comes up no later than the deadline that it was armed with.
    if (laterThanBefore && entry.slotTick !== -1) return;
    const wantedTick = this.#tickOf(deadlineMs);
    if (entry.slotTick !== -1) {
      if (entry.slotTick <= wantedTick) return;
      this.#unlink(entry);
    }
    this.#link(entry, wantedTick);
  }

  /** The entry does not fire; it may be armed again. */
  disarm(entry: WheelEntry): void {
    entry.deadlineMs = Infinity;
  }

  /** Takes the entry out for good, so that nothing refers to its owner. */
  remove(entry: WheelEntry): void {
    entry.deadlineMs = Infinity;
    if (entry.slotTick !== -1) this.#unlink(entry);
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** The first tick at or behind a time, at most one turn of the wheel ahead. */
  #tickOf(timeMs: number): number {
    const tick = Math.ceil((timeMs - this.#startMs) / TICK_MS);
    return Math.min(Math.max(tick, this.#tick + 1), this.#tick + SLOTS - 1);
  }

  #link(entry: WheelEntry, tick: number): void {
    const slot = tick % SLOTS;
    const first = this.#slots[slot];
    entry.slotTick = tick;
    entry.previous = undefined;
    entry.next = first;
    if (first !== undefined) first.previous = entry;
    this.#slots[slot] = entry;
  }

  #unlink(entry: WheelEntry): void {
    if (entry.previous === undefined) this.#slots[entry.slotTick % SLOTS] = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next !== undefined) entry.next.previous = entry.previous;
    entry.next = undefined;
    entry.previous = undefined;
    entry.slotTick = -1;
  }

  #turn(): void {
    const before = this.nowMs;
    this.nowMs = this.#clock.monotonicMs();
    const target = Math.floor((this.nowMs - this.#startMs) / TICK_MS);
    while (this.#tick < target) {
      this.#tick++;
      this.#fire(this.#tick);
    }
    this.#onTick(Math.max(0, this.nowMs - before - TICK_MS));
  }

  #fire(tick: number): void {
    const slot = tick % SLOTS;
    for (;;) {
      const entry = this.#slots[slot];
      if (entry === undefined) return;
      assert(entry.slotTick === tick, 'a slot holds entries of one tick only');
      this.#unlink(entry);
      if (entry.deadlineMs === Infinity) continue;
      if (entry.deadlineMs > this.nowMs) {
        this.#link(entry, this.#tickOf(entry.deadlineMs));
        continue;
      }
      entry.deadlineMs = Infinity;
      this.#timeOut(entry.owner);
    }
  }

  #timeOut(owner: Timed): void {
    try {
      owner.onTimeout();
    } catch (error) {
      this.onFailure(error);
    }
  }
}

function rethrow(error: unknown): never {
  throw error;
}
