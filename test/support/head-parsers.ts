/** What holds of every parser of heads, and how its tests look at one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Ranges } from '../../src/wire/head-ranges.ts';
import type { MessageHead } from '../../src/wire/message-head.ts';

const OUTCOMES = ['complete', 'incomplete', 'odd', 'refused'] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** A parser and what its heads say. */
export interface HeadParser<Head extends MessageHead> {
  readonly make: () => Head;
  readonly parse: (head: Head, bytes: Buffer, start: number, end: number) => number;
  /** Everything that a complete head says; `at` makes an offset one from the head's start, `list` does so with ranges. */
  readonly says: (head: Head, at: (offset: number) => number, list: (ranges: Ranges) => [number, number][]) => unknown;
  /** What a refused head is answered with, where that differs. */
  readonly refusal?: (head: Head) => number;
}

/** Parses `text` as it would lie in a larger buffer, between `before` and `after`. */
export function parseText<Head extends MessageHead>(
  { make, parse }: HeadParser<Head>,
  text: string,
  before = '',
  after = '',
): { outcome: Outcome; head: Head } {
  const bytes = Buffer.from(before + text + after, 'latin1');
  const head = make();
  return { outcome: OUTCOMES[parse(head, bytes, before.length, bytes.length)]!, head };
}

function essence<Head extends MessageHead>(parser: HeadParser<Head>, text: string, before = '', after = ''): unknown {
  const { outcome, head } = parseText(parser, text, before, after);
  if (outcome !== 'complete') return { outcome, refusal: outcome === 'refused' ? parser.refusal?.(head) : undefined };
  const at = (offset: number): number => offset - before.length;
  const list = (ranges: Ranges): [number, number][] =>
    Array.from({ length: ranges.count }, (_, i) => [at(ranges.start(i)), at(ranges.end(i))]);
  return { outcome, end: at(head.end), says: parser.says(head, at, list) };
}

/** Tests `parser` with heads of all kinds, and with texts of `alphabet` that are none. */
export function testHeadParser<Head extends MessageHead>(
  parser: HeadParser<Head>,
  anyHead: fc.Arbitrary<string>,
  alphabet: string,
): void {
  test('is read the same wherever it lies, and whatever comes before and behind it', () => {
    const anyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
    fc.assert(
      fc.property(anyHead, anyBytes, anyBytes, (head, before, after) => {
        assert.deepEqual(essence(parser, head, before, after), essence(parser, head));
      }),
    );
  });

  test('is incomplete up to its last byte, or found wrong before: what is right never looks wrong in part', () => {
    fc.assert(
      fc.property(anyHead, (text) => {
        const whole = parseText(parser, text).outcome;
        for (let length = 0; length < text.length; length++) {
          const { outcome } = parseText(parser, text.slice(0, length));
          if (outcome !== 'incomplete') assert.equal(outcome, whole, `after ${length} bytes`);
          if (whole === 'complete') assert.equal(outcome, 'incomplete', `after ${length} bytes`);
        }
      }),
    );
  });

  test('never makes the parser throw, or read behind its end', () => {
    const anyText = fc.array(fc.constantFrom(...alphabet.split('')), { maxLength: 60 });
    fc.assert(
      fc.property(anyText, (characters) => {
        const { outcome, head } = parseText(parser, characters.join(''));
        if (outcome === 'complete') assert.ok(head.end <= characters.length);
      }),
    );
  });
}

/** Nothing that `full` said, in whatever form, is in what is read of `plain` with the same object. */
export function assertForgets<Head extends MessageHead>(parser: HeadParser<Head>, full: string, plain: string): void {
  const [reused, fresh] = [parser.make(), parser.make()];
  const [fullBytes, plainBytes] = [Buffer.from(full, 'latin1'), Buffer.from(plain, 'latin1')];
  assert.equal(OUTCOMES[parser.parse(reused, fullBytes, 0, fullBytes.length)], 'complete');
  for (const head of [reused, fresh]) parser.parse(head, plainBytes, 0, plainBytes.length);
  const list = (ranges: Ranges): [number, number][] =>
    Array.from({ length: ranges.count }, (_, i) => [ranges.start(i), ranges.end(i)]);
  const said = (head: Head): unknown => parser.says(head, (offset) => offset, list);
  assert.deepEqual(said(reused), said(fresh));
}
