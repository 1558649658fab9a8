/** Finds out which of the few field names that matter a header line bears, with one comparison at the most. */
import { assert } from '../kit/assert.ts';
import { ascii, equalsFolded } from '../kit/bytes.ts';

const BUCKETS = 256;

/** A perfect hash over length, first and last letter; its factors are looked for when it is made. */
export class FieldNames {
  readonly #names: readonly Buffer[];
  readonly #buckets = new Uint8Array(BUCKETS);
  #first = 0;
  #last = 0;

  /** Lower-case names; the number of a name is its place in the list, counted from 1. */
  constructor(names: readonly string[]) {
    this.#names = ['', ...names].map(ascii);
    for (let attempt = 0; attempt < 4096 && !this.#fill(); attempt++) {
      this.#first = 1 + (attempt & 63);
      this.#last = 1 + (attempt >> 6);
    }
    assert(this.#first > 0, 'factors without a collision are found');
  }

  #fill(): boolean {
    this.#buckets.fill(0);
    for (let number = 1; number < this.#names.length; number++) {
      const name = this.#names[number]!;
      const bucket = this.#bucket(name, 0, name.length);
      if (this.#buckets[bucket] !== 0) return false;
      this.#buckets[bucket] = number;
    }
    return this.#first > 0;
  }

  #bucket(bytes: Uint8Array, start: number, end: number): number {
    const first = bytes[start]! | 0x20;
    const last = bytes[end - 1]! | 0x20;
    return (end - start + first * this.#first + last * this.#last) & (BUCKETS - 1);
  }

  /** The number of the name `bytes[start, end)`, without regard to case; 0 for any other. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const number = this.#buckets[this.#bucket(bytes, start, end)]!;
    return number !== 0 && equalsFolded(bytes, start, end, this.#names[number]!) ? number : 0;
  }
}
