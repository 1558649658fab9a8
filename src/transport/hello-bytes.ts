import { MAX_HELD_HELLO_BYTES } from '../model/limits.ts';
import { HELLO_WHOLE, helloNeeds, NO_HELLO } from '../wire/client-hello.ts';

const NOTHING = Buffer.alloc(0);

/**
 * What has come of a client's ClientHello, until TLS is worth setting up for it. Takes memory for what the client has sent,
 * never for what it announces.
 */
export class HelloBytes {
  /** With room behind them. */
  #held: Buffer | undefined;
  #length = 0;
  #bytes: Buffer = NOTHING;
  /** Another look is worth its cost when so many bytes are there. */
  #needed = 0;

  /** It has turned out that what the client sends is no hello. */
  get hopeless(): boolean {
    return this.#needed === NO_HELLO;
  }

  /** All that has come. Valid no longer than the piece that `add` was given last, unless it is kept. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Bytes of memory that are held. */
  get capacity(): number {
    return this.#held?.length ?? 0;
  }

  /**
   * What has arrived. Returns whether there is now something to answer: a whole hello, what cannot become one, or more than is
   * waited for. Otherwise it is kept.
   */
  add(chunk: Buffer): boolean {
    // Nearly always it comes in one piece, which is answered from where it lies.
    this.#bytes = this.#held === undefined ? chunk : this.#append(chunk);
    const { length } = this.#bytes;
    if (length >= this.#needed) this.#needed = helloNeeds(this.#bytes);
    if (this.#needed <= HELLO_WHOLE || length >= MAX_HELD_HELLO_BYTES) return true;
    this.keep();
    return false;
  }

  /** It is answered later: copies what lies in memory that is not ours. */
  keep(): void {
    if (this.#held === undefined) this.#bytes = this.#append(this.#bytes);
  }

  /** Pieces behind the first one are given room to grow, as much again as there is. */
  #append(chunk: Buffer): Buffer {
    const total = this.#length + chunk.length;
    const held = this.#held;
    if (held === undefined || total > held.length) {
      this.#held = Buffer.allocUnsafeSlow(held === undefined ? total : 2 * total);
      held?.copy(this.#held, 0, 0, this.#length);
    }
    chunk.copy(this.#held!, this.#length);
    this.#length = total;
    return this.#held!.subarray(0, total);
  }
}
