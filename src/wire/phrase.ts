/** ASCII text that is written again and again, four bytes at a time: half of what it takes byte by byte, or natively. */

const WORD_BYTES = 4;

/** So many bytes behind the end of what was put may have been written too; what follows is put later. */
export const PHRASE_SLACK = WORD_BYTES - 1;

/** A text that is put as it stands. */
export class Phrase {
  readonly length: number;
  /** The text, and zeros up to a whole word. */
  readonly view: DataView;

  constructor(text: string) {
    this.length = text.length;
    this.view = new DataView(new ArrayBuffer(text.length + PHRASE_SLACK));
    Buffer.from(this.view.buffer).write(text, 'latin1');
  }

  toString(): string {
    return Buffer.from(this.view.buffer, 0, this.length).toString('latin1');
  }
}

/** Puts `phrase` at `at`; returns the offset behind it. There must be room for {@link PHRASE_SLACK} more. */
export function putPhrase(out: DataView, at: number, phrase: Phrase): number {
  return putView(out, at, phrase.view, phrase.length);
}

/** As {@link putPhrase}, the first `length` bytes of `view`, which has {@link PHRASE_SLACK} more. */
export function putView(out: DataView, at: number, view: DataView, length: number): number {
  for (let i = 0; i < length; i += WORD_BYTES) out.setInt32(at + i, view.getInt32(i, true), true);
  return at + length;
}
