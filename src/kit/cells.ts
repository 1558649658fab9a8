/** Whole numbers in shared memory that one thread or several write. Where there is one only, plain stores do, at a fraction of the price. */
export interface Cells {
  load(cell: number): number;
  store(cell: number, value: number): void;
  /** Returns what was there before. */
  add(cell: number, by: number): number;
  /** Stores `value` where `expected` was; says whether it was. */
  replace(cell: number, expected: number, value: number): boolean;
}

/** `writers`: how many threads write these cells. Others read them, and may see a value a little late. */
export function cellsOf(cells: Int32Array, writers: number): Cells {
  return writers === 1 ? new OwnCells(cells) : new SharedCells(cells);
}

class SharedCells implements Cells {
  readonly #cells: Int32Array;

  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  load(cell: number): number {
    return Atomics.load(this.#cells, cell);
  }

  store(cell: number, value: number): void {
    Atomics.store(this.#cells, cell, value);
  }

  add(cell: number, by: number): number {
    return Atomics.add(this.#cells, cell, by);
  }

  replace(cell: number, expected: number, value: number): boolean {
    return Atomics.compareExchange(this.#cells, cell, expected, value) === expected;
  }
}

class OwnCells implements Cells {
  readonly #cells: Int32Array;

  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  load(cell: number): number {
    return this.#cells[cell]!;
  }

  store(cell: number, value: number): void {
    this.#cells[cell] = value;
  }

  add(cell: number, by: number): number {
    const before = this.#cells[cell]!;
    this.#cells[cell] = before + by;
    return before;
  }

  replace(cell: number, expected: number, value: number): boolean {
    if (this.#cells[cell] !== expected) return false;
    this.#cells[cell] = value;
    return true;
  }
}
