/**
 * Slow start (extension attribute `weir.backend.slowstartseconds`): an instance that comes into service beside others gets
 * a share of the requests that grows from nothing to its full one, in a straight line.
 */
import type { Clock } from '../kit/clock.ts';
import type { Target } from './target.ts';

export class SlowStart<T extends Target> {
  readonly #targets: readonly T[];
  readonly #durationMs: number;
  readonly #clock: Clock;
  /** Indexes of those that are not at their full share yet. */
  #starting: number[] = [];
  readonly #isStarting: Uint8Array;
  #inService = 0;
  #turn = 0;
  #arrived: (index: number) => void = () => {};

  constructor(targets: readonly T[], durationMs: number, clock: Clock) {
    this.#targets = targets;
    this.#isStarting = new Uint8Array(targets.length);
    this.#durationMs = durationMs;
    this.#clock = clock;
  }

  /** Is anybody starting? */
  get active(): boolean {
    return this.#starting.length > 0;
  }

  has(index: number): boolean {
    return this.#isStarting[index] === 1;
  }

  /** States have changed: who has come into service? `arrived` will hear of each that gets to its full share. */
  lookAtAll(arrived: (index: number) => void): void {
    if (this.#durationMs === 0) return;
    this.#arrived = arrived;
    const nowMs = this.#clock.monotonicMs();
    const serving = [...this.#targets.entries()].filter(([, target]) => target.inService);
    // Who has nobody to lean on takes all there is at once.
    const alone = serving.every(([, { servingSinceMs }]) => servingSinceMs === undefined);
    for (const target of this.#targets) {
      if (!target.inService) target.servingSinceMs = undefined;
      else target.servingSinceMs ??= alone ? -Infinity : nowMs;
    }
    this.#inService = serving.length;
    this.#starting = serving
      .filter(([, { servingSinceMs }]) => nowMs - servingSinceMs! < this.#durationMs)
      .map(([index]) => index);
    this.#isStarting.fill(0);
    for (const index of this.#starting) this.#isStarting[index] = 1;
  }

  /**
   * Counts the request in at the instance whose turn it is, if its share has grown to another request and it has no more
   * than `most` in flight. One of them is looked at each time; there must be one.
   */
  next(tried: readonly T[] | undefined, most: number): T | undefined {
    const starting = this.#starting;
    const turn = this.#turn++ % starting.length;
    const index = starting[turn]!;
    const target = this.#targets[index]!;
    const share = (this.#clock.monotonicMs() - (target.servingSinceMs ?? Infinity)) / this.#durationMs;
    if (share >= 1) {
      starting.splice(turn, 1);
      this.#isStarting[index] = 0;
      this.#arrived(index);
      return undefined;
    }
    if (target.credit < 1) target.credit += (Math.max(0, share) * starting.length) / this.#inService;
    if (target.credit < 1 || !target.inService || target.outstanding > most) return undefined;
    if (tried?.includes(target) === true) return undefined;
    target.credit--;
    target.begin();
    return target;
  }

  /** Counts the request in at whichever has the fewest, where nobody else can take it. */
  any(tried: readonly T[] | undefined, capacity: number): T | undefined {
    let best: T | undefined;
    for (const index of this.#starting) {
      const target = this.#targets[index]!;
      if (!target.inService || target.outstanding >= capacity || tried?.includes(target) === true) continue;
      if (best === undefined || target.outstanding < best.outstanding) best = target;
    }
    return best?.beginWithin(capacity) === true ? best : undefined;
  }
}
