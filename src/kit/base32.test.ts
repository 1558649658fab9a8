import assert from 'node:assert/strict';
import { it } from 'node:test';
import { base32Digits } from './base32.ts';

it('each byte is one of 32 digits, whatever its upper bits', () => {
  const all = base32Digits(Uint8Array.from({ length: 256 }, (_, byte) => byte));
  assert.equal(all, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.repeat(8));
});
