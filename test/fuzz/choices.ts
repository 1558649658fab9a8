/** Choices that a case is made of, out of a random source. 0 is the plainest choice everywhere, so that cases shrink to it. */
import type { Random } from '../../src/kit/random.ts';

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.below(choices.length)]!;
}

/** True once in `oneIn` times. */
export function seldom(random: Random, oneIn: number): boolean {
  return random.below(oneIn) === oneIn - 1;
}

export function repeat(random: Random, max: number, make: () => string): string {
  let text = '';
  for (let count = random.below(max + 1); count > 0; count--) text += make();
  return text;
}

/**
 * All choices of a case as bytes: drawn from a seed while the case runs, and then as good as the seed for running it
 * again, whole or with pieces cut out. Behind the end of given bytes everything is 0.
 */
export class Tape implements Random {
  #bytes: Buffer;
  #length: number;
  #at = 0;
  readonly #source: Random | undefined;

  constructor(bytes: Uint8Array | Random) {
    this.#source = bytes instanceof Uint8Array ? undefined : bytes;
    this.#bytes = bytes instanceof Uint8Array ? Buffer.from(bytes) : Buffer.alloc(1024);
    this.#length = bytes instanceof Uint8Array ? bytes.length : 0;
  }

  /** What the choices so far were. */
  get used(): Uint8Array {
    return this.#bytes.subarray(0, Math.min(this.#at, this.#length));
  }

  below(exclusiveMax: number): number {
    if (exclusiveMax <= 1) return 0;
    let value = this.#byte();
    for (let max = 256; max < exclusiveMax; max *= 256) value = value * 256 + this.#byte();
    return value % exclusiveMax;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.#byte()));
  }

  #byte(): number {
    if (this.#at === this.#length && this.#source !== undefined) {
      if (this.#length === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#length)]);
      this.#bytes[this.#length++] = this.#source.below(256);
    }
    return this.#at < this.#length ? this.#bytes[this.#at++]! : 0;
  }
}
