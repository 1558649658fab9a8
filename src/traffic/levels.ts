/**
 * Numbers from 0 to `size` - 1, each on a level or on none: the lowest first, and on a level who came there first. Every
 * step takes the same time, however many there are.
 */
const NONE = -1;

export class Levels {
  readonly #level: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** By level: the first and the last. */
  readonly #heads: number[] = [];
  readonly #tails: number[] = [];
  /** No level below it has anybody. */
  #lowest = 0;

  constructor(size: number) {
    this.#level = new Int32Array(size).fill(NONE);
    this.#next = new Int32Array(size).fill(NONE);
    this.#previous = new Int32Array(size).fill(NONE);
  }

  /** The level of `number`, -1 when it is on none. */
  of(number: number): number {
    return this.#level[number]!;
  }

  /** Puts `number` behind all others of `level`, also when it is there already. */
  put(number: number, level: number): void {
    this.take(number);
    while (this.#heads.length <= level) {
      this.#heads.push(NONE);
      this.#tails.push(NONE);
    }
    const last = this.#tails[level]!;
    if (last === NONE) this.#heads[level] = number;
    else this.#next[last] = number;
    this.#tails[level] = number;
    this.#previous[number] = last;
    this.#level[number] = level;
    if (level < this.#lowest) this.#lowest = level;
  }

  /** Takes `number` off its level. */
  take(number: number): void {
    const level = this.#level[number]!;
    if (level === NONE) return;
    const next = this.#next[number]!;
    const previous = this.#previous[number]!;
    if (previous === NONE) this.#heads[level] = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tails[level] = previous;
    else this.#previous[next] = previous;
    this.#next[number] = this.#previous[number] = this.#level[number] = NONE;
  }

  /** The first of the lowest level that has anybody; -1 when there is nobody at all. */
  first(): number {
    const heads = this.#heads;
    while (this.#lowest < heads.length && heads[this.#lowest] === NONE) this.#lowest++;
    return heads[this.#lowest] ?? NONE;
  }

  /** Who comes behind `number`, on its level or the next one up; -1 at the end. */
  after(number: number): number {
    const next = this.#next[number]!;
    if (next !== NONE) return next;
    for (let level = this.#level[number]! + 1; level < this.#heads.length; level++) {
      if (this.#heads[level] !== NONE) return this.#heads[level]!;
    }
    return NONE;
  }

  clear(): void {
    this.#level.fill(NONE);
    this.#next.fill(NONE);
    this.#previous.fill(NONE);
    this.#heads.length = this.#tails.length = this.#lowest = 0;
  }
}
