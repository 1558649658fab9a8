/**
 * Chooses a target (spec/traffic.md 2, 3 and 6): round robin for connections, least outstanding requests for requests
 * with ties broken round robin; over all threads, since counts and turns are in shared memory.
 */
import { CURSORS, SHARED } from './counters.ts';
import type { Target } from './target.ts';

/** The targets of one zone, or all of them. */
class Group<T extends Target> {
  readonly targets: readonly T[];
  readonly cursor: number;

  constructor(targets: readonly T[], cursor: number) {
    this.targets = targets;
    this.cursor = cursor;
  }

  get alive(): boolean {
    return this.targets.some((target) => target.inService);
  }
}

export class Balancer<T extends Target = Target> {
  readonly #groups: readonly Group<T>[];
  readonly #shared: Int32Array;
  readonly #zoneCursor: number;

  /** `ordinal` is the listener's number within its load balancer: it picks the turns that it shares with other threads. */
  constructor(
    targets: readonly T[],
    zones: readonly string[],
    crossZone: boolean,
    shared: Int32Array,
    ordinal: number,
  ) {
    this.#shared = shared;
    const cursorOf = (turn: number): number => SHARED.cursors + ((ordinal * 8 + turn) % CURSORS);
    this.#zoneCursor = cursorOf(0);
    this.#groups = crossZone
      ? [new Group(targets, cursorOf(1))]
      : zones.map(
          (zone, index) =>
            new Group(
              targets.filter((target) => target.zone === zone),
              cursorOf(1 + index),
            ),
        );
  }

  /**
   * A zone for a new client connection: each in turn, as DNS would name the nodes, those without a healthy instance
   * left out. The number is what the other calls take.
   */
  chooseZone(): number {
    const count = this.#groups.length;
    if (count <= 1) return 0;
    const turn = this.#turn(this.#zoneCursor);
    for (let i = 0; i < count; i++) {
      const zone = (turn + i) % count;
      if (this.#groups[zone]!.alive) return zone;
    }
    return 0;
  }

  /** The healthy target with the fewest requests in flight, fewer than `capacity`, none of `tried`. */
  leastOutstanding(zone: number, tried: readonly T[] | undefined, capacity: number): T | undefined {
    const group = this.#group(zone);
    if (group === undefined) return undefined;
    const { targets, cursor } = group;
    const count = targets.length;
    if (count === 0) return undefined;
    // A turn that falls on a target out of service is passed on, so that its neighbour does not get it each time.
    let first = this.#turn(cursor) % count;
    for (let i = 1; i < count && !targets[first]!.inService; i++) first = this.#turn(cursor) % count;
    let best: T | undefined;
    let fewest = capacity;
    for (let i = 0, at = first; i < count; i++, at = at + 1 === count ? 0 : at + 1) {
      const target = targets[at]!;
      if (!target.inService) continue;
      const outstanding = target.outstanding;
      if (outstanding >= fewest || (tried !== undefined && tried.includes(target))) continue;
      best = target;
      if (outstanding === 0) break;
      fewest = outstanding;
    }
    return best;
  }

  /** The next healthy target in turn with fewer than `capacity` connections, none of `tried`. */
  roundRobin(zone: number, tried: readonly T[] | undefined, capacity: number): T | undefined {
    const group = this.#group(zone);
    if (group === undefined) return undefined;
    const { targets, cursor } = group;
    const count = targets.length;
    for (let i = 0; i < count; i++) {
      const target = targets[this.#turn(cursor) % count]!;
      if (!target.inService || (tried !== undefined && tried.includes(target))) continue;
      if (capacity === Infinity || target.outstanding < capacity) return target;
    }
    return undefined;
  }

  /** The zone's group; another one where it has no healthy target any more. */
  #group(zone: number): Group<T> | undefined {
    const group = this.#groups[zone] ?? this.#groups[0];
    if (this.#groups.length <= 1 || (group !== undefined && group.alive)) return group;
    return this.#groups[this.chooseZone()];
  }

  #turn(cursor: number): number {
    return Atomics.add(this.#shared, cursor, 1) >>> 0;
  }
}
