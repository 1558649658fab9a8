/**
 * Which targets' counts have changed, in shared memory: every thread that counts a request in or out says so here, and
 * every thread that balances reads on from where it stood. So each knows the counts of all without looking at all.
 */
import { assert } from '../kit/assert.ts';
import { cellsOf, type Cells } from '../kit/cells.ts';
import { COUNT_LOG_ENTRIES, SHARED } from './counters.ts';

/** A reader that is so far behind looks at all counts instead. */
const MAX_BEHIND = COUNT_LOG_ENTRIES / 2;
/** Of an entry: the slot below, above it the number of the round, which tells it from one of the round before. */
const SLOT_BITS = 20;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const ROUND_MASK = (1 << (32 - SLOT_BITS)) - 1;
const ENTRIES = SHARED.countLog + 2;

export class CountLog {
  readonly #cells: Cells;

  /** `shared` as `sharedCells` gives it; so many threads count. */
  constructor(shared: Int32Array, threads: number) {
    this.#cells = cellsOf(shared, threads);
  }

  /** The count of `slot` has changed: it stands in the table already. */
  append(slot: number): void {
    assert(slot <= SLOT_MASK, 'a slot fits into an entry');
    const sequence = this.#cells.add(SHARED.countLog, 1);
    this.#cells.store(ENTRIES + (sequence & (COUNT_LOG_ENTRIES - 1)), (roundOf(sequence) << SLOT_BITS) | slot);
  }

  /** Where the log ends now. */
  get end(): number {
    return this.#cells.load(SHARED.countLog);
  }

  /** Whether a reader at `position` is too far behind to read on. */
  isLost(position: number): boolean {
    return ((this.end - position) | 0) > MAX_BEHIND;
  }

  /** The slot of the entry at `position`; -1 when it is not there yet. */
  slotAt(position: number): number {
    const entry = this.#cells.load(ENTRIES + (position & (COUNT_LOG_ENTRIES - 1)));
    return entry >>> SLOT_BITS === roundOf(position) ? entry & SLOT_MASK : -1;
  }
}

/** Counted from 1, so that no entry looks like memory that was never written. */
function roundOf(sequence: number): number {
  return ((sequence >>> 0) / COUNT_LOG_ENTRIES + 1) & ROUND_MASK;
}
