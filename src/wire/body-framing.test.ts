import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { chunked } from '../../test/support/http-reader.ts';
import { HTTP_BODY } from '../model/limits.ts';
import { BODY, BodyReader } from './body-framing.ts';

interface Read {
  readonly data: string;
  readonly trailers: string;
  readonly done: boolean;
  readonly broken: boolean;
  /** How many bytes belong to the body. */
  readonly taken: number;
}

/** Reads `text` in the pieces that `cuts` make, each at an odd place of a buffer whose other bytes must not change. */
function read(text: string, cuts: readonly number[], kind: number = BODY.chunked, length = 0): Read {
  const reader = new BodyReader();
  reader.begin(kind, length);
  let data = '';
  let taken = 0;
  const ends = [...new Set([...cuts.map((cut) => cut % (text.length + 1)), text.length])].sort((a, b) => a - b);
  for (let from = 0, i = 0; i < ends.length && !reader.done && !reader.broken; from = ends[i++]!) {
    const end = ends[i]!;
    const bytes = Buffer.concat([
      Buffer.alloc(3, 0xee),
      Buffer.from(text.slice(from, end), 'latin1'),
      Buffer.alloc(5, 0xee),
    ]);
    reader.read(bytes, 3, bytes.length - 5);
    data += bytes.toString('latin1', reader.dataStart, reader.dataEnd);
    taken += reader.next - 3;
    assert.ok(reader.dataStart >= 3 && reader.dataEnd <= reader.next && reader.next <= bytes.length - 5);
    assert.deepEqual(
      [...bytes.subarray(0, 3), ...bytes.subarray(-5)],
      Array.from({ length: 8 }, () => 0xee),
    );
    if (!reader.done && !reader.broken)
      assert.equal(reader.next, bytes.length - 5, 'all of an unfinished piece is taken');
    if (reader.next < bytes.length - 5 && reader.done) {
      const behind = bytes.toString('latin1', reader.next, bytes.length - 5);
      assert.equal(behind, text.slice(end - behind.length, end), 'bytes behind the body are left as they were');
    }
  }
  const { done, broken } = reader;
  return { data, trailers: done ? reader.trailers().toString('latin1') : '', done, broken, taken };
}

const cuts = fc.array(fc.nat(10_000), { maxLength: 40 });
const anyData = fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

describe('a body in chunks', () => {
  test('is read the same whatever its chunks, its extensions and its splits', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 12 });
    const extension = fc.constantFrom('', ';a', ' ; a="b\\"c"', '\t;x=y;z', ' \t ;b', ';');
    fc.assert(
      fc.property(
        anyData,
        sizes,
        extension,
        fc.constantFrom('', 'A: b\r\nC:\r\n'),
        cuts,
        (data, sizes, extension, trailers, cuts) => {
          const text = chunked(data, sizes, trailers).replace(/^([0-9a-f]+)\r\n/, `000$1${extension}\r\n`);
          const behind = 'GET / HTTP/1.1\r\n';
          assert.deepEqual(read(text + behind, cuts), {
            data,
            trailers,
            done: true,
            broken: false,
            taken: text.length,
          });
        },
      ),
    );
  });

  test('is found broken, or not, whatever its splits', () => {
    const pieces = [
      '5\r\n',
      'hello',
      '\r\n',
      '0\r\n',
      '\n',
      ';x\r\n',
      'A: b\r\n',
      ' ',
      '\x00',
      'ffffffffffffffff\r\n',
      'g',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), cuts, (pieces, cuts) => {
        const text = pieces.join('');
        assert.deepEqual(read(text, cuts), read(text, []));
      }),
    );
  });

  test('keeps to its limits: at the limit it is read, one past it broken', () => {
    const line = (bytes: number): string => `5;${'x'.repeat(bytes - 2)}\r\nhello\r\n0\r\n\r\n`;
    const zeros = (digits: number): string => `${'5'.padStart(digits, '0')}\r\nhello\r\n0\r\n\r\n`;
    const trailer = (bytes: number): string => `0\r\nA:${'x'.repeat(bytes - 6)}\r\n\r\n`;
    const count = (fields: number): string => `0\r\n${'A: b\r\n'.repeat(fields)}\r\n`;
    for (const [make, limit] of [
      [line, HTTP_BODY.maxChunkLineBytes],
      [zeros, HTTP_BODY.maxChunkLineBytes],
      [trailer, HTTP_BODY.maxTrailerBytes],
      [count, HTTP_BODY.maxTrailers],
    ] as const) {
      assert.deepEqual([read(make(limit), []).done, read(make(limit), []).broken], [true, false]);
      assert.deepEqual([read(make(limit + 1), []).done, read(make(limit + 1), []).broken], [false, true]);
    }
  });

  test('keeps to its limits line by line and by itself, however many chunks it has and bodies were read before', () => {
    const reader = new BodyReader();
    const trailers = `A: ${'x'.repeat(100)}\r\n`.repeat(HTTP_BODY.maxTrailers - 1);
    for (let i = 0; i < 3; i++) {
      reader.begin(BODY.chunked, 0);
      const bytes = Buffer.from(`${'1;x\r\na\r\n'.repeat(HTTP_BODY.maxChunkLineBytes)}0\r\n${trailers}\r\n`);
      reader.read(bytes, 0, bytes.length);
      assert.ok(reader.done && !reader.broken);
      assert.equal(reader.dataBytes, HTTP_BODY.maxChunkLineBytes);
      assert.equal(reader.trailers().toString(), trailers);
      reader.begin(BODY.chunked, 0);
      reader.read(Buffer.from('g'), 0, 1);
      assert.ok(reader.broken);
    }
  });

  test('is broken by a control byte where text stands, by a field without a name or colon, and by bare LF', () => {
    for (const line of ['5;a\x00b', '5;a\x7fb', '5;a\nb', '0\r\nA: b\x01c', '0\r\n: b', '0\r\nA b', '0\r\nA : b']) {
      const { done, broken } = read(`${line}\r\n\r\n`, []);
      assert.deepEqual([done, broken], [false, true], JSON.stringify(line));
    }
    assert.equal(read('0\r\nA: b\n\r\n', []).broken, true);
  });

  test('has sizes up to 2^48, and none beyond', () => {
    const remaining = (size: string): boolean => read(`${size}\r\n`, []).broken;
    for (const size of ['1000000000000', '0001000000000000', 'ffffffffffff'])
      assert.equal(remaining(size), false, size);
    for (const size of ['1000000000001', 'fffffffffffff', '10000000000000000', '1'.padEnd(300, '0')]) {
      assert.equal(remaining(size), true, size);
    }
  });

  test('loses the trailers that frame, route or authenticate, in whatever case', () => {
    const kept = 'X-Content-Length: 1\r\nDigest: 2\r\n';
    const framing = [
      'content-length',
      'TRANSFER-ENCODING',
      'Trailer',
      'Connection',
      'keep-alive',
      'Proxy-Connection',
      'TE',
    ];
    const meaning = ['Content-Encoding', 'content-type', 'Content-Range', 'Expect', 'Upgrade', 'Set-Cookie', 'Cookie'];
    const whose = [
      'Host',
      'x-forwarded-for',
      'X-Forwarded-Port',
      'X-Forwarded-Proto',
      'Authorization',
      'Proxy-Authorization',
    ];
    for (const name of [...framing, ...meaning, ...whose]) {
      const { trailers } = read(chunked('data', [], `${name}: 1\r\n${kept}${name.toLowerCase()}:\r\n`), []);
      assert.equal(trailers, kept, name);
    }
  });

  test('takes no memory for trailers that are not there, and forgets those of the body before', () => {
    const reader = new BodyReader();
    for (const [text, trailers] of [
      [chunked('a', [], 'A: b\r\n'), 'A: b\r\n'],
      [chunked('b'), ''],
    ] as const) {
      reader.begin(BODY.chunked, 0);
      const bytes = Buffer.from(text);
      reader.read(bytes, 0, bytes.length);
      assert.equal(reader.trailers().toString(), trailers);
    }
  });
});

describe('a body with a length', () => {
  test('ends there, whatever its splits and whatever is behind it', () => {
    fc.assert(
      fc.property(anyData, anyData, cuts, (data, behind, cuts) => {
        const result = read(data + behind, cuts, BODY.length, data.length);
        assert.deepEqual(result, { data, trailers: '', done: true, broken: false, taken: data.length });
      }),
    );
  });

  test('tells how much of it is left', () => {
    const reader = new BodyReader();
    reader.begin(BODY.length, 10);
    const bytes = Buffer.from('0123456789more');
    reader.read(bytes, 0, 4);
    assert.deepEqual([reader.remaining, reader.done], [6, false]);
    reader.read(bytes, 4, bytes.length);
    assert.deepEqual([reader.remaining, reader.done, reader.next], [0, true, 10]);
  });
});

test('a body up to the end of its connection takes everything and is never done by itself', () => {
  fc.assert(
    fc.property(anyData, cuts, (data, cuts) => {
      const { data: got, done } = read(data, cuts, BODY.untilClose);
      assert.equal(got, data);
      assert.equal(done, false);
    }),
  );
});

test('no body, and one of no length, are done before they begin', () => {
  for (const kind of [BODY.none, BODY.length]) {
    const reader = new BodyReader();
    reader.begin(kind, 0);
    assert.equal(reader.done, true);
    reader.read(Buffer.from('behind'), 0, 6);
    assert.deepEqual([reader.done, reader.next, reader.dataEnd - reader.dataStart], [true, 0, 0]);
  }
});
