/** A growable list of [start, end) pairs, reused from message to message. */
export class Ranges {
  #cells = new Int32Array(16);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  add(start: number, end: number): void {
    if (2 * this.count === this.#cells.length) {
      const larger = new Int32Array(this.#cells.length * 2);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    this.#cells[2 * this.count] = start;
    this.#cells[2 * this.count + 1] = end;
    this.count++;
  }

  start(index: number): number {
    return this.#cells[2 * index]!;
  }

  end(index: number): number {
    return this.#cells[2 * index + 1]!;
  }

  /** Restores ascending order after ranges were added out of it (few entries: an insertion sort). */
  sort(): void {
    const cells = this.#cells;
    for (let i = 1; i < this.count; i++) {
      const start = cells[2 * i]!;
      const end = cells[2 * i + 1]!;
      let j = i - 1;
      for (; j >= 0 && cells[2 * j]! > start; j--) {
        cells[2 * j + 2] = cells[2 * j]!;
        cells[2 * j + 3] = cells[2 * j + 1]!;
      }
      cells[2 * j + 2] = start;
      cells[2 * j + 3] = end;
    }
  }
}
