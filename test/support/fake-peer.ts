/** The far end of a fake connection: what a scripted client or back end does and sees. */
import type { Moments } from './fake-transport.ts';

/** Bytes (one character each) in the order in which they passed, and when they did. */
export class ByteLog {
  text = '';
  readonly #moments: Moments;
  /** Behind each piece: when it passed, and how many bytes there were then. */
  readonly #passed: { readonly at: number; readonly total: number }[] = [];

  constructor(moments: Moments) {
    this.#moments = moments;
  }

  append(bytes: string): void {
    this.text += bytes;
    this.#passed.push({ at: ++this.#moments.now, total: this.text.length });
  }

  /** How many bytes had passed before that moment. */
  before(moment: number): number {
    return this.#passed.findLast(({ at }) => at < moment)?.total ?? 0;
  }

  /** When the byte at `offset` passed; Infinity when it did not. */
  momentOf(offset: number): number {
    return this.#passed.find(({ total }) => total > offset)?.at ?? Infinity;
  }

  /** Does a piece begin at `offset`? */
  beginsAt(offset: number): boolean {
    return offset === 0 || this.#passed.some(({ total }) => total === offset);
  }
}

export class FakePeer {
  /** What has arrived here. */
  received = '';
  /** What was sent from here and has not been read. */
  onItsWay = '';
  /** It has shut down its side. */
  ended = false;
  /** It has reset the connection, or answers nothing but resets. */
  gone = false;
  /** How the engine has ended its side: in good order, or with a reset. */
  sawEnd = false;
  sawReset = false;
  #deaf = false;

  send(bytes: string): void {
    if (!this.ended && !this.gone) this.onItsWay += bytes;
  }

  /** Shuts down its side; it still reads. */
  end(): void {
    this.ended = true;
  }

  /** Closes: whatever the engine sends from now on is answered by a reset. */
  close(): void {
    this.ended = true;
    this.#deaf = true;
  }

  /** `lost`: what was on its way does not arrive. */
  reset(lost: boolean): void {
    this.gone = true;
    if (lost) this.onItsWay = '';
  }

  /** Takes bytes off the way. */
  take(count: number): string {
    const bytes = this.onItsWay.slice(0, count);
    this.onItsWay = this.onItsWay.slice(count);
    return bytes;
  }

  receive(bytes: string): void {
    if (bytes === '') return;
    if (this.#deaf) this.gone = true;
    else this.received += bytes;
  }

  seeEnd(): void {
    if (!this.sawReset && !this.gone) this.sawEnd = true;
  }

  seeReset(): void {
    if (!this.sawEnd && !this.gone) this.sawReset = true;
  }
}
