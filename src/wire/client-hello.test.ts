import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { helloHeader, inRecords, messageOf, smallestHello, smallestSsl2Hello } from '../../test/support/hellos.ts';
import { HELLO_WHOLE, helloNeeds, NO_HELLO } from './client-hello.ts';

const HELLO = smallestHello();
const MESSAGE = messageOf(HELLO);
const RECORD = 2 ** 14;

/** Of each beginning of `bytes`, from the empty one to the whole. */
function verdicts(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length + 1 }, (_, end) => helloNeeds(bytes.subarray(0, end)));
}

describe('a ClientHello', () => {
  test('is whole with its last byte, and not before', () => {
    for (const hello of [HELLO, smallestSsl2Hello()]) {
      const all = verdicts(hello);
      assert.equal(all.pop(), HELLO_WHOLE);
      assert.ok(all.every((needed, there) => needed > there));
      assert.equal(all.at(-1), hello.length);
    }
  });

  test('may be cut into records anywhere, in its header too', () => {
    for (let bytes = 1; bytes <= MESSAGE.length; bytes++) {
      const all = verdicts(inRecords(MESSAGE, bytes));
      assert.equal(all.pop(), HELLO_WHOLE, `records of ${bytes}`);
      assert.ok(all.every((needed, there) => needed > there));
    }
  });

  test('is whole whatever comes behind it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (more) => {
        assert.equal(helloNeeds(Buffer.concat([HELLO, more])), HELLO_WHOLE);
      }),
    );
    assert.equal(helloNeeds(inRecords(Buffer.concat([MESSAGE, MESSAGE]), RECORD)), HELLO_WHOLE);
  });

  test('is waited for as long as it says it is', () => {
    const [header, body] = [helloHeader(100_000), Buffer.alloc(100_000)];
    const records = inRecords(Buffer.concat([header, body]), RECORD);
    assert.equal(helloNeeds(records), HELLO_WHOLE);
    const all = helloNeeds(records.subarray(0, -1));
    assert.equal(all, records.length);
  });

  test('may have empty records in front', () => {
    const empty = Buffer.from([22, 3, 1, 0, 0]);
    assert.equal(helloNeeds(empty), 10);
    assert.equal(helloNeeds(Buffer.concat([empty, empty, HELLO])), HELLO_WHOLE);
  });
});

describe('what is no ClientHello is told', () => {
  const cases: Readonly<Record<string, Buffer>> = {
    'by its first five bytes, of HTTP': Buffer.from('GET /'),
    'by a version that never was': Buffer.from([22, 9, 9, 0, 50]),
    'by a record that is too long': Buffer.from([22, 3, 1, 0x40, 1]),
    'by a record of SSL 2 that is too long': Buffer.from([0xc0, 1, 1, 3, 1]),
    'by a record of another kind, when it is whole': Buffer.from([21, 3, 1, 0, 2, 1, 90]),
    'by a record of another kind behind its beginning': Buffer.concat([
      inRecords(MESSAGE.subarray(0, 10), 10),
      Buffer.from([20, 3, 3, 0, 1, 1]),
    ]),
    'by a length that no hello can have': inRecords(helloHeader(131_397), 4),
    'by another message': inRecords(Buffer.from([2, 0, 0, 50]), 4),
  };
  for (const [how, bytes] of Object.entries(cases)) {
    test(how, () => {
      const all = verdicts(bytes);
      assert.equal(all.pop(), NO_HELLO);
      assert.ok(
        all.every((needed, there) => needed > there),
        'and not before',
      );
    });
  }

  test('once and for all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 10 }), (bytes, more) => {
        const needed = helloNeeds(bytes);
        assert.ok(needed === HELLO_WHOLE || needed === NO_HELLO || needed > bytes.length);
        if (needed <= 0) assert.equal(helloNeeds(Buffer.concat([bytes, more])), needed);
      }),
      { numRuns: 1000 },
    );
  });
});
