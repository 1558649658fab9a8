import { randomBytes } from 'node:crypto';

/** The only source of chance. */
export interface Random {
  /** `count` bytes fit for keys and cookies. */
  bytes(count: number): Buffer;
  /** A whole number from 0 to `exclusiveMax` - 1. */
  below(exclusiveMax: number): number;
}

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  below: (exclusiveMax) => randomBytes(6).readUIntBE(0, 6) % exclusiveMax,
};

/** A repeatable source for tests (mulberry32): the same seed gives the same sequence. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  bytes(count: number): Buffer {
    const buffer = Buffer.alloc(count);
    for (let i = 0; i < count; i++) buffer[i] = this.#next() & 0xff;
    return buffer;
  }

  below(exclusiveMax: number): number {
    return this.#next() % exclusiveMax;
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
}
