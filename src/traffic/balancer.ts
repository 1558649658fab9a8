/**
 * Chooses a target: round robin for connections, least outstanding requests for requests
 * with ties broken round robin; over all threads, since counts and turns are in shared memory.
 */
import type { Clock } from '../kit/clock.ts';
import type { CountLog } from './count-log.ts';
import { CURSORS, SHARED } from './counters.ts';
import { TargetGroup } from './target-group.ts';
import type { Target } from './target.ts';

export interface BalancerOptions<T extends Target> {
  readonly targets: readonly T[];
  readonly zones: readonly string[];
  readonly crossZone: boolean;
  readonly slowStartMs: number;
  readonly clock: Clock;
  /** Of the load balancer (`sharedCells`). */
  readonly shared: Int32Array;
  /** Of the load balancer. */
  readonly log: CountLog;
  /** The listener's number within its load balancer: it picks the turns that it shares with other threads. */
  readonly ordinal: number;
}

export class Balancer<T extends Target = Target> {
  /** Those that client connections are given, by their numbers; none where all instances serve everybody. */
  readonly zones: readonly string[];
  readonly #groups: readonly TargetGroup<T>[];
  readonly #shared: Int32Array;
  readonly #zoneCursor: number;

  constructor({ targets, zones, crossZone, ordinal, ...options }: BalancerOptions<T>) {
    this.#shared = options.shared;
    this.zones = crossZone ? [] : zones;
    const cursorOf = (turn: number): number => SHARED.cursors + ((ordinal * 8 + turn) % CURSORS);
    this.#zoneCursor = cursorOf(0);
    this.#groups = crossZone
      ? [new TargetGroup(targets, cursorOf(1), options)]
      : zones.map((zone, index) => {
          const own = targets.filter((target) => target.zone === zone);
          return new TargetGroup(own, cursorOf(1 + index), options);
        });
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

  /** Counts a request in at the healthy target with the fewest in flight, fewer than `capacity`, none of `tried`. */
  take(zone: number, tried: readonly T[] | undefined, capacity: number): T | undefined {
    return this.#group(zone)?.take(tried, capacity);
  }

  /** Is there a healthy target besides those of `tried`? */
  hasOther(zone: number, tried: readonly T[] | undefined): boolean {
    const targets = this.#group(zone)?.targets ?? [];
    return targets.some((target) => target.inService && tried?.includes(target) !== true);
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
  #group(zone: number): TargetGroup<T> | undefined {
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
      // There may have been more of them when the turn was noted.
      let at = turn < count ? turn : 0;
      let left = count;
      for (; left > 0 && !eligible(all[at]!); left--) at = at + 1 === count ? 0 : at + 1;
      if (left === 0) return -1;
      if (Atomics.compareExchange(this.#shared, cursor, turn, at + 1) === turn) return at;
    }
  }
}

function isAlive(group: TargetGroup<Target>): boolean {
  return group.alive;
}
