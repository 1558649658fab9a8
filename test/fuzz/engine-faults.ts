/** What kinds of trouble there may be in a run of the engine. */
import type { Random } from '../../src/kit/random.ts';
import { seldom } from './choices.ts';

export interface Faults {
  /** Back ends answer wrongly, early, in part or not at all. */
  readonly backends: boolean;
  /** Connecting to some fails. */
  readonly connects: boolean;
  /** Clients break off. */
  readonly clients: boolean;
  /** Time passes, and peers stop taking bytes. */
  readonly silence: boolean;
  /** Instances go out of service and are cut off; the listener goes. */
  readonly control: boolean;
}

/** Each kind in one of three runs. */
export function anyFaults(random: Random, capacity: number): Faults {
  const maybe = (): boolean => seldom(random, 3);
  // Those who wait for capacity are at their most lively when it comes and goes.
  const control = maybe() || (capacity !== Infinity && seldom(random, 2));
  return { backends: maybe(), connects: maybe(), clients: maybe(), silence: maybe(), control };
}
