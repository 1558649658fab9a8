/**
 * Which targets' counts have changed, in shared memory: every thread that counts a request in or out says so here, and
 * every thread that balances reads on from where it stood. So each knows the counts of all without looking at all.
 */
import { assert } from '../kit/assert.ts';
import { COUNT_LOG_ENTRIES, SHARED } from './counters.ts';

/** A reader that is so far behind looks at all counts instead. */
const MAX_BEHIND = COUNT_LOG_ENTRIES / 2;
/** Of an entry: the slot below, above it the number of the round, which tells it from one of the round before. */
const SLOT_BITS = 20;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const ROUND_MASK = (1 << (32 - SLOT_BITS)) - 1;
const ENTRIES = SHARED.countLog + 2;

export class CountLog {
  readonly #cells: Int32Array;

  /** `shared` as `sharedCells` gives it. */
  constructor(shared: Int32Array) {
    this.#cells = shared;
  }

  /** The count of `slot` has changed: it stands in the table already. */
  append(slot: number): void {
    assert(slot <= SLOT_MASK, 'a slot fits into an entry');
    const sequence = Atomics.add(this.#cells, SHARED.countLog, 1);
    Atomics.store(this.#cells, ENTRIES + (sequence & (COUNT_LOG_ENTRIES - 1)), (roundOf(sequence) << SLOT_BITS) | slot);
  }

  /** Where the log ends now. */
  get end(): number {
    return Atomics.load(this.#cells, SHARED.countLog);
  }

  /** Whether a reader at `position` is too far behind to read on. */
  isLost(position: number): boolean {
    return ((this.end - position) | 0) > MAX_BEHIND;
  }

  /** The slot of the entry at `position`; -1 when it is not there yet. */
  slotAt(position: number): number {
    const entry = Atomics.load(this.#cells, ENTRIES + (position & (COUNT_LOG_ENTRIES - 1)));
    return entry >>> SLOT_BITS === roundOf(position) ? entry & SLOT_MASK : -1;
  }
}

/** Counted from 1, so that no entry looks like memory that was never written. */
function roundOf(sequence: number): number {
  return ((sequence >>> 0) / COUNT_LOG_ENTRIES + 1) & ROUND_MASK;
}
