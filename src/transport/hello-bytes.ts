import { MAX_HELD_HELLO_BYTES } from '../model/limits.ts';
import { HELLO_WHOLE, helloNeeds, NO_HELLO } from '../wire/client-hello.ts';

/**
 * What has come of a client's ClientHello, until TLS is worth setting up for it. Takes memory for what the client has sent,
 * never for what it announces.
 */
export class HelloBytes {
  #held: Buffer | undefined;
  #length = 0;
  /** Another look is worth its cost when so many bytes are there. */
  #needed = 0;

  /** It has turned out that what the client sends is no hello. */
  get hopeless(): boolean {
    return this.#needed === NO_HELLO;
  }

  /** All that has come. */
  get bytes(): Buffer {
    return this.#held === undefined ? Buffer.alloc(0) : this.#held.subarray(0, this.#length);
  }

  /** Bytes of memory that are held. */
  get capacity(): number {
    return this.#held?.length ?? 0;
  }

  /**
   * Keeps a copy of what has arrived. Returns whether there is now something to answer: a whole hello, what cannot become one, or
   * more than is waited for.
   */
  add(chunk: Buffer): boolean {
    this.#keep(chunk);
    if (this.#length < this.#needed) return this.#length >= MAX_HELD_HELLO_BYTES;
    this.#needed = helloNeeds(this.bytes);
    return this.#needed === HELLO_WHOLE || this.hopeless || this.#length >= MAX_HELD_HELLO_BYTES;
  }

  /** The first piece is mostly all; later ones are given room to grow, as much again as there is. */
  #keep(chunk: Buffer): void {
    const total = this.#length + chunk.length;
    const held = this.#held;
    if (held === undefined || total > held.length) {
      this.#held = Buffer.allocUnsafeSlow(held === undefined ? total : 2 * total);
      held?.copy(this.#held, 0, 0, this.#length);
    }
    chunk.copy(this.#held!, this.#length);
    this.#length = total;
  }
}
