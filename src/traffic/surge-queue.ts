/**
 * The surge queue of a load balancer: requests and connections that wait for a back end, at most
 * {@link SURGE_QUEUE_LENGTH} over all threads. Who waits for a connection that is being made is counted; who waits
 * for capacity (`weir.backend.maxconnections`) also stands in line: each thread has one of its own, and numbers tell who
 * came first over all of them. Who wants other instances than the first (another instance port, another zone) stands in
 * another lane, and does not wait for it.
 */
import type { Clock, Timer } from '../kit/clock.ts';
import { SURGE_QUEUE_LENGTH } from '../model/limits.ts';
import { COUNTER, counterRow, SHARED, sharedCells, SURGE_FRONTS, SURGE_LANES, threadsOf } from './counters.ts';

/** While somebody waits, this often is looked whether there is capacity that nobody has told of. */
const POLL_MS = 10;
/** The same where other threads give capacity back, and leave it to whoever is first. */
const POLL_OTHERS_MS = 2;

export interface Waiter {
  /** Capacity may be there: take it and return true, or stay first in line. */
  proceed(): boolean;
  /** It waits for one instance and no other: those behind it need not. */
  readonly bound: boolean;
  /** Below {@link SURGE_LANES}, the same for all that want the same instances. */
  readonly lane: number;
}

/** Where somebody stands. */
interface Place {
  readonly waiter: Waiter;
  /** Grows, over all threads. */
  readonly ticket: number;
  readonly lane: number;
}

export class SurgeQueue {
  readonly #shared: Int32Array;
  readonly #counters: Float64Array;
  readonly #clock: Clock;
  readonly #thread: number;
  readonly #threads: number;
  /** In the order in which they came: an array, since a Map would keep those who have gone (kit/roster.ts). */
  readonly #line: Place[] = [];
  /** While they are being served: the place in line that is looked at next. */
  #next = 0;
  /** How many stand in each lane. */
  readonly #standing = new Int32Array(SURGE_LANES);
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

  /** Does somebody stand in the lane, of whichever thread? Whoever comes now waits behind. */
  isBusy(lane: number): boolean {
    return !this.#serving && (this.#standing[lane]! > 0 || this.#frontBefore(undefined, lane));
  }

  /** Is somebody of this thread the first of a lane? */
  get isNext(): boolean {
    for (let lane = 0; lane < SURGE_LANES; lane++) {
      const front = Atomics.load(this.#shared, this.#frontCell(this.#thread, lane));
      if (front !== 0 && !this.#frontBefore(front, lane)) return true;
    }
    return false;
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
    if (this.#indexOf(waiter) !== -1) return;
    const { lane } = waiter;
    this.#line.push({ waiter, ticket: this.#ticket(), lane });
    this.#standing[lane]!++;
    this.#tellFronts();
    this.#poll ??= this.#clock.every(this.#threads === 1 ? POLL_MS : POLL_OTHERS_MS, () => this.serve());
  }

  stepOut(waiter: Waiter): void {
    if (this.#remove(waiter) && !this.#serving) this.#settle();
  }

  #indexOf(waiter: Waiter): number {
    for (let index = 0; index < this.#line.length; index++) if (this.#line[index]!.waiter === waiter) return index;
    return -1;
  }

  #remove(waiter: Waiter): boolean {
    const index = this.#indexOf(waiter);
    if (index === -1) return false;
    this.#standing[this.#line[index]!.lane]!--;
    this.#line.splice(index, 1);
    if (index < this.#next) this.#next--;
    return true;
  }

  /** Capacity may have come back: serves from the front of each lane as far as it goes. */
  serve(): void {
    if (this.#serving || this.#line.length === 0) return;
    this.#serving = true;
    let open = this.#lanes();
    try {
      for (this.#next = 0; this.#next < this.#line.length && open !== 0;) {
        const { waiter, ticket, lane } = this.#line[this.#next++]!;
        if ((open & (1 << lane)) === 0) continue;
        const { bound } = waiter;
        const served = (bound || !this.#frontBefore(ticket, lane)) && this.#serveOne(waiter);
        if (!served && !bound) open &= ~(1 << lane);
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
      if (served) this.#remove(waiter);
    }
    return served;
  }

  /** Those in which somebody stands, a bit for each. */
  #lanes(): number {
    let lanes = 0;
    for (let lane = 0; lane < SURGE_LANES; lane++) if (this.#standing[lane]! > 0) lanes |= 1 << lane;
    return lanes;
  }

  /** The next number; 0 is nobody's. */
  #ticket(): number {
    const ticket = (Atomics.add(this.#shared, SHARED.surgeTicket, 1) + 1) | 0;
    return ticket === 0 ? this.#ticket() : ticket;
  }

  #frontCell(thread: number, lane: number): number {
    return SURGE_FRONTS + thread * SURGE_LANES + lane;
  }

  /** Is the first in another thread's lane before `ticket`, or there at all? */
  #frontBefore(ticket: number | undefined, lane: number): boolean {
    for (let thread = 0; thread < this.#threads; thread++) {
      if (thread === this.#thread) continue;
      const front = Atomics.load(this.#shared, this.#frontCell(thread, lane));
      if (front !== 0 && (ticket === undefined || ((front - ticket) | 0) < 0)) return true;
    }
    return false;
  }

  /** Tells the other threads who is first here in each lane, of those that take any of its instances. */
  #tellFronts(): void {
    let open = this.#lanes();
    let told = 0;
    for (const { waiter, ticket, lane } of this.#line) {
      if (open === 0) break;
      if (waiter.bound || (open & (1 << lane)) === 0) continue;
      open &= ~(1 << lane);
      told |= 1 << lane;
      Atomics.store(this.#shared, this.#frontCell(this.#thread, lane), ticket);
    }
    for (let lane = 0; lane < SURGE_LANES; lane++) {
      if ((told & (1 << lane)) === 0) Atomics.store(this.#shared, this.#frontCell(this.#thread, lane), 0);
    }
  }

  #settle(): void {
    this.#tellFronts();
    if (this.#line.length > 0 || this.#poll === undefined) return;
    this.#poll.cancel();
    this.#poll = undefined;
  }
}
