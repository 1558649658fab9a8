/**
 * The surge queue of a load balancer (spec/traffic.md 3): requests and connections that wait for a back end, at most
 * {@link SURGE_QUEUE_LENGTH} over all threads. Who waits for a connection that is being made is counted; who waits
 * for capacity (`weir.backend.maxconnections`) also stands in this thread's line, first come, first served.
 */
import type { Clock, Timer } from '../kit/clock.ts';
import { SURGE_QUEUE_LENGTH } from '../model/limits.ts';
import { COUNTER, SHARED } from './counters.ts';

/** Capacity that another thread gave back is noticed this often, while somebody waits. */
const POLL_MS = 10;

export interface Waiter {
  /** Capacity may be there: take it and return true, or stay first in line. */
  proceed(): boolean;
  /** It waits for one instance and no other: those behind it need not. */
  readonly bound: boolean;
}

export class SurgeQueue {
  readonly #shared: Int32Array;
  readonly #counters: Float64Array;
  readonly #clock: Clock;
  readonly #line = new Set<Waiter>();
  #poll: Timer | undefined;
  #serving = false;

  constructor(shared: Int32Array, counters: Float64Array, clock: Clock) {
    this.#shared = shared;
    this.#counters = counters;
    this.#clock = clock;
  }

  /** Does somebody stand in this thread's line? Whoever comes now waits behind. */
  get busy(): boolean {
    return this.#line.size > 0 && !this.#serving;
  }

  /** How many wait, over all threads. */
  get length(): number {
    return Atomics.load(this.#shared, SHARED.surgeQueueLength);
  }

  /** Counts one more that waits; false when the queue is full. */
  enter(): boolean {
    if (this.#count(1) < SURGE_QUEUE_LENGTH) return true;
    this.leave();
    return false;
  }

  leave(): void {
    this.#count(-1);
  }

  /** Counts in the whole and in this thread's part of it; returns how many there were. */
  #count(by: 1 | -1): number {
    this.#counters[COUNTER.surgeQueueLength]! += by;
    return Atomics.add(this.#shared, SHARED.surgeQueueLength, by);
  }

  /** Stands in line until `proceed` returns true, or until `stepOut`. */
  standInLine(waiter: Waiter): void {
    this.#line.add(waiter);
    this.#poll ??= this.#clock.every(POLL_MS, () => this.serve());
  }

  stepOut(waiter: Waiter): void {
    this.#line.delete(waiter);
    this.#stopPolling();
  }

  /** Capacity may have come back: serves from the front of the line as far as it goes. */
  serve(): void {
    if (this.#serving || this.#line.size === 0) return;
    this.#serving = true;
    try {
      for (const waiter of this.#line) if (!this.#serveOne(waiter) && !waiter.bound) break;
    } finally {
      this.#serving = false;
      this.#stopPolling();
    }
  }

  /** Whoever throws has had its turn: it must not stop those behind it. */
  #serveOne(waiter: Waiter): boolean {
    let served = true;
    try {
      served = waiter.proceed();
    } finally {
      if (served) this.#line.delete(waiter);
    }
    return served;
  }

  #stopPolling(): void {
    if (this.#line.size > 0 || this.#poll === undefined) return;
    this.#poll.cancel();
    this.#poll = undefined;
  }
}
