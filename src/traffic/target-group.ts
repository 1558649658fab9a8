/**
 * The targets of one zone of a listener, or all of them, as one thread balances requests over them: the one with the
 * fewest requests in flight over all threads first, equal ones in turn. What a choice costs does not depend on how many
 * there are: targets stand on levels by their count, and the shared log of counts tells which ones have moved.
 */
import type { Clock } from '../kit/clock.ts';
import type { CountLog } from './count-log.ts';
import { Levels } from './levels.ts';
import { SlowStart } from './slow-start.ts';
import type { Target } from './target.ts';

/** What the groups of a listener have in common. */
export interface GroupOptions {
  readonly log: CountLog;
  readonly clock: Clock;
  /** How long an instance that comes into service takes to its full share; 0: none. */
  readonly slowStartMs: number;
  /** Of the load balancer (`sharedCells`). */
  readonly shared: Int32Array;
}

export class TargetGroup<T extends Target> {
  readonly targets: readonly T[];
  /** The shared cell that tells who was taken last: where a thread goes on that has looked at all of them. */
  readonly cursor: number;
  readonly #shared: Int32Array;
  readonly #log: CountLog;
  readonly #levels: Levels;
  readonly #bySlot = new Map<number, number>();
  readonly #slowStart: SlowStart<T>;
  /** Sum of the changes of state on its pages, as of the last look at all targets. */
  #changes = -1;
  readonly #pages: readonly T['page'][];
  #position = 0;

  constructor(targets: readonly T[], cursor: number, { log, clock, slowStartMs, shared }: GroupOptions) {
    this.targets = targets;
    this.cursor = cursor;
    this.#shared = shared;
    this.#log = log;
    this.#levels = new Levels(targets.length);
    this.#slowStart = new SlowStart(targets, slowStartMs, clock);
    for (const [index, { slot }] of targets.entries()) this.#bySlot.set(slot, index);
    this.#pages = [...new Set(targets.map(({ page }) => page))];
  }

  get alive(): boolean {
    return this.targets.some((target) => target.inService);
  }

  /** Counts a request in at the best target below `capacity` that is none of `tried`. */
  take(tried: readonly T[] | undefined, capacity: number): T | undefined {
    this.#follow();
    const levels = this.#levels;
    if (this.#slowStart.active) {
      const starting = this.#slowStart.next(tried, Math.min(capacity - 1, this.#lowest()));
      if (starting !== undefined) return starting;
    }
    for (let index = levels.first(); index !== -1;) {
      const level = levels.of(index);
      if (level >= capacity) break;
      const target = this.targets[index]!;
      const next = levels.after(index);
      if (!target.inService) levels.take(index);
      else if (tried?.includes(target) !== true) {
        if (target.beginAt(level)) {
          Atomics.store(this.#shared, this.cursor, index + 1);
          return target;
        }
        // Somebody was faster, and the log has not told yet.
        levels.put(index, target.outstanding);
        index = levels.first();
        continue;
      }
      index = next;
    }
    return this.#slowStart.any(tried, capacity);
  }

  /** The lowest level that somebody stands on. */
  #lowest(): number {
    const first = this.#levels.first();
    return first === -1 ? -1 : this.#levels.of(first);
  }

  /** Takes in what has changed since the last time. */
  #follow(): void {
    let changes = 0;
    for (let i = 0; i < this.#pages.length; i++) changes = (changes + this.#pages[i]!.changes) | 0;
    if (changes !== this.#changes || this.#log.isLost(this.#position)) {
      this.#changes = changes;
      this.#lookAtAll();
      return;
    }
    for (;;) {
      const slot = this.#log.slotAt(this.#position);
      if (slot === -1) return;
      this.#position = (this.#position + 1) | 0;
      const index = this.#bySlot.get(slot);
      if (index !== undefined && this.#levels.of(index) !== -1)
        this.#levels.put(index, this.targets[index]!.outstanding);
    }
  }

  #lookAtAll(): void {
    const { targets } = this;
    this.#position = this.#log.end;
    this.#levels.clear();
    this.#slowStart.lookAtAll(this.#arrived);
    const first = Atomics.load(this.#shared, this.cursor);
    for (let i = 0; i < targets.length; i++) {
      const index = (first + i) % targets.length;
      if (targets[index]!.inService && !this.#slowStart.has(index)) this.#arrived(index);
    }
  }

  /** The target takes its full part. */
  #arrived = (index: number): void => this.#levels.put(index, this.targets[index]!.outstanding);
}
