import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { helloHeader, inRecords, smallestHello } from '../../test/support/hellos.ts';
import { MAX_HELD_HELLO_BYTES } from '../model/limits.ts';
import { HelloBytes } from './hello-bytes.ts';

const HELLO = smallestHello();

/** Adds `bytes` in pieces that end there, from a buffer that is used again, until there is something to answer. */
function addInPieces(hello: HelloBytes, bytes: Buffer, ends: readonly number[]): number {
  const shared = Buffer.alloc(bytes.length);
  let start = 0;
  for (const end of ends) {
    const count = bytes.copy(shared, 0, start, end);
    start = end;
    if (hello.add(shared.subarray(0, count))) break;
    assert.ok(hello.capacity <= 2 * end, `${hello.capacity} bytes are held of ${end}`);
  }
  return start;
}

test('a hello is there with its last byte and as it was sent, whatever the pieces that it came in', () => {
  const records = inRecords(HELLO.subarray(5), 7);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: records.length - 1 }), { maxLength: 40 }), (cuts) => {
      const hello = new HelloBytes();
      const ends = [...cuts.toSorted((a, b) => a - b), records.length];
      assert.equal(addInPieces(hello, records, ends), records.length);
      assert.ok(hello.bytes.equals(records));
      assert.equal(hello.hopeless, false);
    }),
  );
});

test('memory is held for what has come, not for what is announced', () => {
  const announced = inRecords(helloHeader(130_000), 4);
  const hello = new HelloBytes();
  assert.equal(hello.add(announced), false);
  assert.equal(hello.capacity, announced.length);
});

test('no more is held than the limit: what is longer is answered as it is', () => {
  const endless = inRecords(Buffer.concat([helloHeader(130_000), Buffer.alloc(130_000)]), 1000);
  const hello = new HelloBytes();
  const ends = Array.from({ length: endless.length }, (_, index) => index + 1);
  assert.equal(addInPieces(hello, endless, ends), MAX_HELD_HELLO_BYTES);
  assert.equal(hello.hopeless, false);
  assert.ok(hello.bytes.equals(endless.subarray(0, MAX_HELD_HELLO_BYTES)));
});

test('what is no hello is known for that at once', () => {
  const hello = new HelloBytes();
  assert.equal(hello.add(Buffer.from('GE')), false);
  assert.equal(hello.add(Buffer.from('T / HTTP/1.1\r\n')), true);
  assert.equal(hello.hopeless, true);
  assert.equal(hello.bytes.toString(), 'GET / HTTP/1.1\r\n');
});
