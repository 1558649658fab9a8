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
    if (this.#groups.length <= 1) return 0;
    const zone = this.#inTurn(this.#zoneCursor, this.#groups, isAlive);
    return zone === -1 ? 0 : zone;
  }

  /** The healthy target with the fewest requests in flight, fewer than `capacity`, none of `tried`. */
  leastOutstanding(zone: number, tried: readonly T[] | undefined, capacity: number): T | undefined {
    const group = this.#group(zone);
    if (group === undefined) return undefined;
    const { targets, cursor } = group;
    const count = targets.length;
    let at = placeOf(Atomics.load(this.#shared, cursor), count);
    let best = -1;
    let fewest = capacity;
    for (let i = 0; i < count; i++, at = at + 1 === count ? 0 : at + 1) {
      const target = targets[at]!;
      if (!target.inService) continue;
      const outstanding = target.outstanding;
      if (outstanding >= fewest || (tried !== undefined && tried.includes(target))) continue;
      best = at;
      if (outstanding === 0) break;
      fewest = outstanding;
    }
    if (best === -1) return undefined;
    // Two threads may take the same turn: what is in flight decides the next one.
    Atomics.store(this.#shared, cursor, best + 1);
    return targets[best];
  }

  /** The next healthy target in turn with fewer than `capacity` connections, none of `tried`. */
  roundRobin(zone: number, tried: readonly T[] | undefined, capacity: number): T | undefined {
    const group = this.#group(zone);
    if (group === undefined) return undefined;
    const chosen = this.#inTurn(
      group.cursor,
      group.targets,
      (target) =>
        target.inService &&
        (tried === undefined || !tried.includes(target)) &&
        (capacity === Infinity || target.outstanding < capacity),
    );
    return group.targets[chosen];
  }

  /** The zone's group; another one where it has no healthy target any more. */
  #group(zone: number): Group<T> | undefined {
    const group = this.#groups[zone] ?? this.#groups[0];
    if (this.#groups.length <= 1 || (group !== undefined && group.alive)) return group;
    return this.#groups[this.chooseZone()];
  }

  /**
   * The place of the first that is `eligible` behind the one taken last, by whichever thread; -1 when there is none.
   * Each look goes round all of them, so that what other threads take meanwhile hides nobody.
   */
  #inTurn<E>(cursor: number, all: readonly E[], eligible: (each: E) => boolean): number {
    const count = all.length;
    for (;;) {
      const turn = Atomics.load(this.#shared, cursor);
      let at = placeOf(turn, count);
      let left = count;
      for (; left > 0 && !eligible(all[at]!); left--) at = at + 1 === count ? 0 : at + 1;
      if (left === 0) return -1;
      if (Atomics.compareExchange(this.#shared, cursor, turn, at + 1) === turn) return at;
    }
  }
}

/** The place whose turn it is. There may have been more of them when the turn was noted. */
function placeOf(turn: number, count: number): number {
  return turn < count ? turn : 0;
}

function isAlive(group: Group<Target>): boolean {
  return group.alive;
}
