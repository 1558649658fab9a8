import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../../fault.ts';
import { paginate } from './paging.ts';

function page(items: readonly string[], PageSize: number, Marker?: string) {
  const result = paginate(items, (item) => item, Marker === undefined ? { PageSize } : { PageSize, Marker });
  assert.ok(!(result instanceof Fault));
  return result;
}

describe('pages', () => {
  it('give every item once and in order, whatever the size', () => {
    const sorted = fc.uniqueArray(fc.string()).map((items) => items.sort());
    fc.assert(
      fc.property(sorted, fc.integer({ min: 1, max: 400 }), (items, size) => {
        const seen: string[] = [];
        let marker: string | undefined;
        do {
          const { items: some, nextMarker } = page(items, size, marker);
          assert.ok(some.length <= size);
          seen.push(...some);
          marker = nextMarker;
        } while (marker !== undefined);
        assert.deepEqual(seen, items);
      }),
    );
  });

  it('go on after an item that has gone, and refuse a marker that no page gave', () => {
    const { nextMarker } = page(['a', 'b', 'c'], 2);
    assert.deepEqual(page(['a', 'c', 'd'], 2, nextMarker).items, ['c', 'd']);
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (Marker) => {
        const result = paginate(['a'], (item) => item, { Marker });
        assert.ok(result instanceof Fault);
        assert.equal(result.code, 'ValidationError');
      }),
    );
  });
});
