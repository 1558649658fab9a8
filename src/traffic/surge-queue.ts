/**
 * The surge queue of a load balancer (spec/traffic.md 3): requests and connections that wait for a back end, at most
 * {@link SURGE_QUEUE_LENGTH} over all threads. Who waits for a connection that is being made is counted; who waits
 * for capacity (`weir.backend.maxconnections`) also stands in line: each thread has one of its own, and numbers tell who
 * came first over all of them.
 */
import type { Clock, Timer } from '../kit/clock.ts';
import { SURGE_QUEUE_LENGTH } from '../model/limits.ts';
import { COUNTER, counterRow, SHARED, sharedCells, SURGE_FRONTS, threadsOf } from './counters.ts';

/** While somebody waits, this often is looked whether there is capacity that nobody has told of. */
const POLL_MS = 10;
/** The same where other threads give capacity back, and leave it to whoever is first. */
const POLL_OTHERS_MS = 2;

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
  readonly #thread: number;
  readonly #threads: number;
  /** With their numbers, which grow. */
  readonly #line = new Map<Waiter, number>();
  #poll: Timer | undefined;
  #serving = false;

  /** `counters` as `makeCounters` gives it. */
  constructor(counters: SharedArrayBuffer, thread: number, clock: Clock) {
    this.#shared = sharedCells(counters);
    this.#counters = counterRow(counters, thread);
    this.#threads = threadsOf(counters);
    this.#thread = thread;
    this.#clock = clock;
  }

  /** Does somebody stand in line, of whichever thread? Whoever comes now waits behind. */
  get busy(): boolean {
    return !this.#serving && (this.#line.size > 0 || this.#frontBefore(undefined));
  }

  /** Is somebody of this thread the first of all? */
  get isNext(): boolean {
    const [ticket] = this.#line.values();
    return ticket !== undefined && !this.#frontBefore(ticket);
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

  /** Stands in line until `proceed` returns true, or until `stepOut`. Who stands there already keeps its place. */
  standInLine(waiter: Waiter): void {
    if (this.#line.has(waiter)) return;
    this.#line.set(waiter, this.#ticket());
    this.#tellFront();
    this.#poll ??= this.#clock.every(this.#threads === 1 ? POLL_MS : POLL_OTHERS_MS, () => this.serve());
  }

  stepOut(waiter: Waiter): void {
    if (!this.#line.delete(waiter) || this.#serving) return;
    this.#settle();
  }

  /** Capacity may have come back: serves from the front of the line as far as it goes. */
  serve(): void {
    if (this.#serving || this.#line.size === 0) return;
    this.#serving = true;
    try {
      for (const [waiter, ticket] of this.#line) {
        if (!waiter.bound && this.#frontBefore(ticket)) break;
        if (!this.#serveOne(waiter) && !waiter.bound) break;
      }
    } finally {
      this.#serving = false;
      this.#settle();
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

  /** The next number; 0 is nobody's. */
  #ticket(): number {
    const ticket = (Atomics.add(this.#shared, SHARED.surgeTicket, 1) + 1) | 0;
    return ticket === 0 ? this.#ticket() : ticket;
  }

  /** Is the first in line of another thread before `ticket`, or there at all? */
  #frontBefore(ticket: number | undefined): boolean {
    for (let thread = 0; thread < this.#threads; thread++) {
      if (thread === this.#thread) continue;
      const front = Atomics.load(this.#shared, SURGE_FRONTS + thread);
      if (front !== 0 && (ticket === undefined || ((front - ticket) | 0) < 0)) return true;
    }
    return false;
  }

  /** Tells the other threads who is first here, of those that take any instance. */
  #tellFront(): void {
    let front = 0;
    for (const [waiter, ticket] of this.#line) {
      if (waiter.bound) continue;
      front = ticket;
      break;
    }
    Atomics.store(this.#shared, SURGE_FRONTS + this.#thread, front);
  }

  #settle(): void {
    this.#tellFront();
    if (this.#line.size > 0 || this.#poll === undefined) return;
    this.#poll.cancel();
    this.#poll = undefined;
  }
}
