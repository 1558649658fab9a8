import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ALPHANUMERIC,
  ascii,
  BYTE_CLASS,
  DIGIT,
  equalsFolded,
  HEX_VALUE,
  skipPrintable,
  TARGET,
  TOKEN,
  VALUE,
} from './bytes.ts';

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

test('printable ASCII is skipped eight bytes at a time up to each of the other bytes, wherever it stands', () => {
  const view = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const good = Array.from({ length: 95 }, (_, n) => 0x20 + n);
  for (let byte = 0; byte < 256; byte++) {
    for (let at = 0; at < 24; at++) {
      const bytes = Buffer.from(good.slice(byte % 64, (byte % 64) + 24));
      bytes[at] = byte;
      const expected = good.includes(byte) ? 24 : at - (at % 8);
      assert.equal(skipPrintable(view(bytes), 0, 24), expected, `0x${byte.toString(16)} at ${at}`);
    }
  }
});

test('nothing but printable ASCII is skipped, and no more than is there', () => {
  const text = fc
    .uint8Array({ maxLength: 40, max: 0xff })
    .map((bytes) => bytes.map((byte) => (byte > 0x90 ? 0x41 : byte)));
  fc.assert(
    fc.property(text, fc.nat(40), fc.nat(40), (bytes, from, to) => {
      const [start, end] = [Math.min(from, to, bytes.length), Math.min(Math.max(from, to), bytes.length)];
      const at = skipPrintable(new DataView(bytes.buffer), start, end);
      assert.ok(at >= start && at <= end && (at - start) % 8 === 0);
      assert.ok(bytes.subarray(start, at).every((byte) => byte >= 0x20 && byte <= 0x7e));
      const next = bytes.subarray(at, Math.min(at + 8, end));
      assert.ok(next.length < 8 || next.some((byte) => byte < 0x20 || byte > 0x7e), 'it goes as far as it can');
    }),
  );
});

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
