import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BUFFERS } from '../model/limits.ts';
import { Outbox } from './outbox.ts';

function contentOf(outbox: Outbox): string {
  return outbox.bytes.toString('latin1', 0, outbox.length);
}

describe('an outbox', () => {
  test('holds what was put into it, in order, however much', () => {
    const size = fc.oneof(fc.nat(60), fc.nat(3000), fc.nat(40_000));
    const part = fc.record({ how: fc.constantFrom('copy', 'text', 'byte'), size, value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const outbox = new Outbox();
        for (let round = 0; round < 2; round++) {
          let expected = '';
          for (const { how, size, value } of parts) {
            const text = String.fromCharCode(value).repeat(how === 'byte' ? 1 : size);
            expected += text;
            const bytes = Buffer.from(text, 'latin1');
            if (how === 'copy')
              outbox.copy(Buffer.concat([Buffer.from('<'), bytes, Buffer.from('>')]), 1, 1 + bytes.length);
            else if (how === 'text') outbox.text(text);
            else outbox.byte(value);
          }
          assert.equal(contentOf(outbox), expected);
          outbox.clear();
          assert.equal(outbox.length, 0);
          assert.equal(outbox.bytes.length, BUFFERS.compose, 'back to its ordinary size');
        }
      }),
    );
  });

  test('gives a buffer away for as long as it is needed, and never writes into it meanwhile', () => {
    const outbox = new Outbox();
    const taken: Buffer[] = [];
    for (let i = 0; i < 200; i++) {
      outbox.text(`message ${i}`);
      taken.push(outbox.take());
      assert.equal(outbox.length, 0);
    }
    assert.equal(new Set(taken).size, 200);
    for (const [i, buffer] of taken.entries()) assert.ok(buffer.toString('latin1').startsWith(`message ${i}`));
    for (const buffer of taken) outbox.giveBack(buffer);
    outbox.text('again');
    const reused = outbox.take();
    assert.ok(reused !== outbox.bytes);
    assert.ok(taken.includes(outbox.bytes), 'what came back is used again');
  });

  test('gives a large message away too, and keeps no large buffer', () => {
    const outbox = new Outbox();
    outbox.text('x'.repeat(BUFFERS.compose + 1));
    const large = outbox.take();
    assert.ok(large.length > BUFFERS.compose);
    outbox.giveBack(large);
    assert.equal(outbox.bytes.length, BUFFERS.compose);
    for (let i = 0; i < 100; i++) assert.equal(outbox.take().length, BUFFERS.compose);
  });
});
