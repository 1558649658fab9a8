import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALPHANUMERIC, ascii, BYTE_CLASS, DIGIT, equalsFolded, HEX_VALUE, TARGET, TOKEN, VALUE } from './bytes.ts';

/** The grammar, one byte at a time, in the words of the RFC. */
const GRAMMAR: readonly [name: string, bit: number, holds: (byte: number, character: string) => boolean][] = [
  ['token', TOKEN, (byte, character) => byte < 0x80 && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(character)],
  ['field value', VALUE, (byte) => byte === 0x09 || (byte >= 0x20 && byte <= 0x7e) || byte >= 0x80],
  ['target', TARGET, (byte) => byte > 0x20 && byte !== 0x7f],
  ['digit', DIGIT, (byte) => byte >= 0x30 && byte <= 0x39],
  ['letter or digit', ALPHANUMERIC, (byte, character) => byte < 0x80 && /^[0-9A-Za-z]$/.test(character)],
];

for (const [name, bit, holds] of GRAMMAR) {
  test(`each of the 256 bytes is a ${name}, or not, as the grammar has it`, () => {
    for (let byte = 0; byte < 256; byte++) {
      assert.equal((BYTE_CLASS[byte]! & bit) !== 0, holds(byte, String.fromCharCode(byte)), `0x${byte.toString(16)}`);
    }
  });
}

test('hex digits of either case have their value, all other bytes none', () => {
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    const expected = /^[0-9a-fA-F]$/.test(character) ? Number.parseInt(character, 16) : 0xff;
    assert.equal(HEX_VALUE[byte], expected, `0x${byte.toString(16)}`);
  }
});

test('names are compared without regard to the case of ASCII letters, and of nothing else', () => {
  const lowerCase = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9a-z]{0,20}$/);
  const bytes = fc.uint8Array({ maxLength: 20 });
  fc.assert(
    fc.property(lowerCase, bytes, fc.nat(3), (name, other, before) => {
      const padding = Buffer.alloc(before);
      for (const candidate of [Buffer.from(other), ascii(name.toUpperCase()), ascii(name)]) {
        const whole = Buffer.concat([padding, candidate, padding]);
        const folded = candidate.toString('latin1').replace(/[A-Z]/g, (letter) => letter.toLowerCase());
        assert.equal(equalsFolded(whole, before, before + candidate.length, ascii(name)), folded === name);
      }
    }),
  );
});

test('a byte that differs from a letter in the bit of case only counts as its other case, no other byte does', () => {
  for (let wanted = 0x21; wanted < 0x7f; wanted++) {
    const name = String.fromCharCode(wanted).toLowerCase();
    for (let byte = 0; byte < 256; byte++) {
      const same =
        String.fromCharCode(byte) === name || (byte < 0x80 && String.fromCharCode(byte).toLowerCase() === name);
      assert.equal(equalsFolded(Uint8Array.of(byte), 0, 1, ascii(name)), same, `${byte} as ${name}`);
    }
  }
});
