import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { cellsOf } from './cells.ts';

it('cells of one writer and of several do the same', () => {
  const call = fc.record({
    name: fc.constantFrom('load', 'store', 'add', 'replace'),
    cell: fc.nat(3),
    value: fc.integer(),
    expected: fc.oneof(fc.constant(0), fc.integer()),
  });
  fc.assert(
    fc.property(fc.array(call), (calls) => {
      const memories = [1, 2].map(() => new Int32Array(new SharedArrayBuffer(16)));
      const [own, shared] = memories.map((memory, index) =>
        calls.map(({ name, cell, value, expected }) => {
          const cells = cellsOf(memory, index + 1);
          if (name === 'load') return cells.load(cell);
          if (name === 'store') return cells.store(cell, value);
          if (name === 'add') return cells.add(cell, value);
          return cells.replace(cell, expected, value);
        }),
      );
      assert.deepEqual(own, shared);
      assert.deepEqual(memories[0], memories[1]);
    }),
  );
});
