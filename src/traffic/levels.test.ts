import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Levels } from './levels.ts';

const SIZE = 8;

/** All numbers in the order in which `first` and `after` give them. */
function orderOf(levels: Levels): number[] {
  const order: number[] = [];
  for (let number = levels.first(); number !== -1; number = levels.after(number)) order.push(number);
  return order;
}

test('numbers come by their level, and on a level in the order in which they were put there', () => {
  const step = fc.tuple(fc.nat(SIZE - 1), fc.integer({ min: -1, max: 6 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const levels = new Levels(SIZE);
      let model: (readonly [number, number])[] = [];
      for (const [number, level] of steps) {
        model = model.filter(([other]) => other !== number);
        if (level === -1) levels.take(number);
        else {
          levels.put(number, level);
          model.push([number, level]);
        }
        assert.equal(levels.of(number), level);
        const expected = model.toSorted(([, a], [, b]) => a - b).map(([each]) => each);
        assert.deepEqual(orderOf(levels), expected);
      }
      levels.clear();
      assert.deepEqual(orderOf(levels), []);
    }),
  );
});
