import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ranges } from './head-ranges.ts';

function pairs(ranges: Ranges): [number, number][] {
  return Array.from({ length: ranges.count }, (_, i) => [ranges.start(i), ranges.end(i)]);
}

test('ranges are kept in the order in which they came, however many, and forgotten on request', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(70_000), fc.nat(70_000)), { maxLength: 300 }), (added) => {
      const ranges = new Ranges();
      for (const round of [1, 2]) {
        for (const [start, end] of added) ranges.add(start, end);
        assert.deepEqual(pairs(ranges), added, `round ${round}`);
        ranges.clear();
        assert.equal(ranges.count, 0);
      }
    }),
  );
});

test('sorting puts them in ascending order and keeps each whole', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(70_000), { maxLength: 300 }), (starts) => {
      const ranges = new Ranges();
      for (const start of starts) ranges.add(start, start + 7);
      ranges.sort();
      const expected = starts.toSorted((a, b) => a - b).map((start) => [start, start + 7]);
      assert.deepEqual(pairs(ranges), expected);
    }),
  );
});
