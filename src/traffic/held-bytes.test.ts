import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BUFFERS, HTTP_HEAD } from '../model/limits.ts';
import { HeldBytes } from './held-bytes.ts';

function hold(text: string): HeldBytes {
  const source = Buffer.from(`<${text}>`, 'latin1');
  return new HeldBytes(source, 1, source.length - 1);
}

function append(held: HeldBytes, text: string): void {
  const source = Buffer.from(`<${text}>`, 'latin1');
  held.append(source, 1, source.length - 1);
}

function contentOf(held: HeldBytes): string {
  return held.bytes.toString('latin1', held.start, held.end);
}

describe('bytes that wait', () => {
  test('stay as they came, whatever is taken off in front and put on behind', () => {
    const step = fc.oneof(
      fc.string({ maxLength: 2000 }).map((text) => ({ append: text.replaceAll(/[^ -~]/g, 'x') })),
      fc.nat(3000).map((count) => ({ take: count })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const held = hold('first');
        let expected = 'first';
        for (const each of steps) {
          if ('append' in each) {
            append(held, each.append);
            expected += each.append;
          } else {
            const count = Math.min(each.take, held.length);
            held.advance(held.start + count);
            expected = expected.slice(count);
          }
          assert.equal(contentOf(held), expected);
          assert.equal(held.length, expected.length);
        }
      }),
    );
  });

  test('are copies', () => {
    const source = Buffer.from('mine');
    const held = new HeldBytes(source, 0, 4);
    source.fill('x');
    assert.equal(contentOf(held), 'mine');
  });

  test('get room for the largest head once they fill a read, and no more while they fit', () => {
    const held = hold('x'.repeat(BUFFERS.sharedRead));
    const sizes = new Set<number>();
    for (let length = 2; length * BUFFERS.sharedRead <= HTTP_HEAD.maxBytes; length++) {
      append(held, 'y'.repeat(BUFFERS.sharedRead));
      sizes.add(held.bytes.length);
    }
    assert.deepEqual([...sizes], [HTTP_HEAD.maxBytes]);
  });

  test('take no more memory than twice what they are, and what they began with', () => {
    const held = hold('x'.repeat(600));
    for (let i = 0; i < 1000; i++) {
      append(held, 'y'.repeat(100));
      held.advance(held.end - 50);
    }
    assert.ok(held.bytes.length <= 1200, `${held.bytes.length} for ${held.length}`);
  });

  test('are worth parsing as soon as a head is whole, wherever the reads were cut', () => {
    for (const [head, end] of [
      ['GET / HTTP/1.1\r\nA: b', '\r\n\r\n'],
      ['GET / HTTP/1.1\nA: b', '\n\n'],
      ['GET / HTTP/1.1\r\nA: b', '\n\r\n'],
    ] as const) {
      const text = head + end;
      for (let first = 1; first < text.length; first++) {
        const held = hold(text.slice(0, first));
        for (let at = first; at < text.length - 1; at++) append(held, text[at]!);
        held.worthParsing();
        append(held, text.at(-1)!);
        assert.equal(held.worthParsing(), true, `first cut at ${first}`);
      }
    }
  });

  test('are worth parsing when they are four times as long, and so cost no more than a third beside the last parse', () => {
    const held = hold('x');
    let parsed = 0;
    for (let length = 2; length <= 65_536; length++) {
      append(held, length % 100 === 0 ? '\n' : 'x');
      if (!held.worthParsing()) continue;
      parsed += held.length;
      held.advance(held.start);
    }
    assert.ok(parsed >= 65_536 && parsed <= (4 / 3) * 65_536, `${parsed} bytes parsed of 65,536`);
  });

  test('are worth parsing once when a line is longer than a header may be, wherever it begins', () => {
    for (const before of ['', 'A: b\r', 'x'.repeat(9000)]) {
      const held = hold(`${before}\nA: `);
      held.worthParsing();
      const worth: number[] = [];
      for (let length = 3; length <= HTTP_HEAD.maxHeaderBytes + 100; length += 4) {
        append(held, 'bbbb');
        if (!held.worthParsing()) continue;
        worth.push(length + 4);
        held.advance(held.start);
      }
      const few = worth.filter((length) => length > HTTP_HEAD.maxHeaderBytes);
      assert.deepEqual(few, [HTTP_HEAD.maxHeaderBytes + 3]);
    }
  });

  test('are worth parsing at once where nobody has looked for a head in them', () => {
    const source = Buffer.from('<no head at all>');
    const held = HeldBytes.ofLongHead(source, 1, source.length - 1);
    assert.equal(held.worthParsing(), true);
    assert.equal(held.worthParsing(), true, 'until that is done');
    held.advance(held.start);
    assert.equal(held.worthParsing(), false);
  });

  test('go on where they are given room, with what was found out about them', () => {
    const held = hold('GET / HTTP/1.1\r\nA: b\r\n\r');
    assert.equal(held.worthParsing(), false);
    const room = Buffer.alloc(100);
    held.moveInto(room);
    append(held, '\n');
    assert.equal(held.bytes, room);
    assert.equal(contentOf(held), 'GET / HTTP/1.1\r\nA: b\r\n\r\n');
    assert.equal(held.worthParsing(), true);
  });

  test('behind a head that was used are looked at anew', () => {
    const held = hold('A\r\n\r\nB');
    assert.equal(held.worthParsing(), true);
    held.advance(5);
    assert.equal(held.worthParsing(), false);
    append(held, '\r\n\r');
    append(held, '\n');
    assert.equal(held.worthParsing(), true);
  });
});
