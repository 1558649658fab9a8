/**
 * Where a message is put together before it is sent in one write. Composing costs one copy of a small message; in
 * return no byte of the shared read buffer is ever referenced by a write that the kernel has not finished.
 */
import { BUFFERS } from '../model/limits.ts';

/** Buffers kept for reuse after a slow write let go of them. */
const MAX_FREE = 64;
/** Below this a loop beats a native copy. */
const SMALL_COPY = 24;
/** A power of two. */
const VIEWS = 128;

export class Outbox {
  bytes: Buffer = Buffer.allocUnsafeSlow(BUFFERS.compose);
  length = 0;
  readonly #free: Buffer[] = [];
  /** Views of {@link bytes}, by the low bits of their length: messages of a load balancer resemble each other. */
  readonly #views: (Buffer | undefined)[] = Array.from({ length: VIEWS }, () => undefined);

  /** Appends `source[start, end)`. */
  copy(source: Buffer, start: number, end: number): void {
    const count = end - start;
    if (this.length + count > this.bytes.length) this.#grow(count);
    if (count <= SMALL_COPY) {
      const bytes = this.bytes;
      for (let at = this.length, from = start; from < end; at++, from++) bytes[at] = source[from]!;
    } else {
      source.copy(this.bytes, this.length, start, end);
    }
    this.length += count;
  }

  /** Appends all of `source`. */
  append(source: Buffer): void {
    if (this.length + source.length > this.bytes.length) this.#grow(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Appends ASCII text. */
  text(text: string): void {
    if (this.length + text.length > this.bytes.length) this.#grow(text.length);
    this.length += this.bytes.write(text, this.length, 'latin1');
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.#grow(1);
    this.bytes[this.length++] = value;
  }

  /** What was put together, as one view of {@link bytes}. */
  message(): Buffer {
    const at = this.length & (VIEWS - 1);
    const known = this.#views[at];
    if (known !== undefined && known.length === this.length) return known;
    const view = this.bytes.subarray(0, this.length);
    this.#views[at] = view;
    return view;
  }

  #replace(buffer: Buffer): void {
    this.bytes = buffer;
    this.#views.fill(undefined);
  }

  /** Takes the buffer away, for a write that goes on after the call; {@link giveBack} returns it. */
  take(): Buffer {
    const taken = this.bytes;
    this.#replace(this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFERS.compose));
    this.length = 0;
    return taken;
  }

  giveBack(buffer: Buffer): void {
    if (buffer.length === BUFFERS.compose && this.#free.length < MAX_FREE) this.#free.push(buffer);
  }

  /** Back to the ordinary size after a message that was larger. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length === BUFFERS.compose) return;
    this.#replace(this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFERS.compose));
  }

  #grow(count: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.giveBack(this.bytes);
    this.#replace(larger);
  }
}
