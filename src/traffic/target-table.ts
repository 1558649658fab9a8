/**
 * The target table: what all threads share about each back-end target (load balancer, instance, instance port).
 * Pages of {@link PAGE_SLOTS} slots in SharedArrayBuffers; control allots slots and writes states, traffic threads
 * count. Totals are what the balancer reads; the per-thread rows tell what a dead thread must give back.
 */
import { assert } from '../kit/assert.ts';
import { cellsOf, type Cells } from '../kit/cells.ts';

export const PAGE_SLOTS = 512;

/** State of a target: may new requests go there? */
export const TARGET_STATE = { outOfService: 0, inService: 1, draining: 2 } as const;

/**
 * One page. Rows of PAGE_SLOTS Int32: state, outstanding, connections, then per thread outstanding and connections; last
 * one cell that counts what happens to a state, or otherwise without the threads' own doing.
 */
export class TargetPage {
  readonly buffer: SharedArrayBuffer;
  readonly cells: Int32Array;
  readonly #threads: number;
  /** What the threads count. */
  readonly #counts: Cells;
  readonly #changesCell: number;

  constructor(threads: number, buffer = new SharedArrayBuffer(TargetPage.byteLength(threads))) {
    assert(buffer.byteLength === TargetPage.byteLength(threads), 'a page has the size of its thread count');
    this.buffer = buffer;
    this.cells = new Int32Array(buffer);
    this.#counts = cellsOf(this.cells, threads);
    this.#threads = threads;
    this.#changesCell = this.cells.length - 1;
  }

  static byteLength(threads: number): number {
    return ((3 + 2 * threads) * PAGE_SLOTS + 1) * Int32Array.BYTES_PER_ELEMENT;
  }

  /** Another number whenever a state has changed, or counts of a dead thread were taken back. */
  get changes(): number {
    return Atomics.load(this.cells, this.#changesCell);
  }

  state(index: number): number {
    return Atomics.load(this.cells, index);
  }

  setState(index: number, state: number): void {
    if (Atomics.exchange(this.cells, index, state) !== state) Atomics.add(this.cells, this.#changesCell, 1);
  }

  /** Requests in flight (layer 4: open connections), over all threads. */
  outstanding(index: number): number {
    return this.#counts.load(PAGE_SLOTS + index);
  }

  /** Adds one if there are `expected` now, in whatever thread. */
  addOutstandingAt(index: number, thread: number, expected: number): boolean {
    if (!this.#counts.replace(PAGE_SLOTS + index, expected, expected + 1)) return false;
    const own = (3 + thread) * PAGE_SLOTS + index;
    this.cells[own] = this.cells[own]! + 1;
    return true;
  }

  addOutstanding(index: number, thread: number, delta: 1 | -1): void {
    this.#counts.add(PAGE_SLOTS + index, delta);
    const own = (3 + thread) * PAGE_SLOTS + index;
    this.cells[own] = this.cells[own]! + delta;
  }

  /** Open back-end connections, over all threads. */
  connections(index: number): number {
    return this.#counts.load(2 * PAGE_SLOTS + index);
  }

  /** Adds and returns the total before, so that a cap is kept by adding first and taking back. */
  addConnections(index: number, thread: number, delta: 1 | -1): number {
    const own = (3 + this.#threads + thread) * PAGE_SLOTS + index;
    this.cells[own] = this.cells[own]! + delta;
    return this.#counts.add(2 * PAGE_SLOTS + index, delta);
  }

  /** Takes back everything that a thread which is no more had counted. */
  forgetThread(thread: number): void {
    for (let index = 0; index < PAGE_SLOTS; index++) {
      for (const [total, rows] of [
        [PAGE_SLOTS, 3],
        [2 * PAGE_SLOTS, 3 + this.#threads],
      ] as const) {
        const own = (rows + thread) * PAGE_SLOTS + index;
        Atomics.sub(this.cells, total + index, this.cells[own]!);
        this.cells[own] = 0;
      }
    }
    Atomics.add(this.cells, this.#changesCell, 1);
  }
}

/** The pages by number. Control grows it; a thread adds the pages that it is sent. */
export class TargetTable {
  readonly #threads: number;
  readonly #pages: TargetPage[] = [];

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** The page of `slot`; the slot's index in it is {@link slotIndex}. */
  page(slot: number): TargetPage {
    const page = this.#pages[Math.floor(slot / PAGE_SLOTS)];
    assert(page !== undefined, 'the page of a slot is known before the slot');
    return page;
  }

  get pages(): readonly TargetPage[] {
    return this.#pages;
  }

  /** Adds the next page (control), or the given one (threads). Adding a known page again does nothing. */
  add(page = this.#pages.length, buffer?: SharedArrayBuffer): TargetPage {
    this.#pages[page] ??= new TargetPage(this.#threads, buffer);
    return this.#pages[page];
  }
}

/** The place of a slot within its page. */
export function slotIndex(slot: number): number {
  return slot % PAGE_SLOTS;
}
