import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Phrase, PHRASE_SLACK, putPhrase } from './phrase.ts';

describe('phrases', () => {
  it('are put one behind the other, at any offset, and touch nothing before or more than the slack behind', () => {
    const ascii = fc.string({ unit: 'binary-ascii', maxLength: 40 });
    fc.assert(
      fc.property(fc.nat(16), fc.array(ascii, { maxLength: 8 }), (start, texts) => {
        const expected = texts.join('');
        const bytes = Buffer.alloc(start + expected.length + 16, '#');
        const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        let at = start;
        for (const text of texts) at = putPhrase(out, at, new Phrase(text));
        assert.equal(bytes.toString('latin1', start, at), expected);
        assert.equal(bytes.toString('latin1', 0, start), '#'.repeat(start));
        assert.match(bytes.toString('latin1', at + PHRASE_SLACK), /^#+$/);
      }),
    );
  });

  it('say their text', () => {
    assert.equal(String(new Phrase('- -1')), '- -1');
  });
});
