import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../../fault.ts';
import { filterBy, matches } from './filters.ts';
import type { Resource } from './resources.ts';

const resource = (id: string, fields: Resource['fields']): Resource => ({ id, description: {}, fields });
const all = [resource('1', { zone: 'a', state: 'up' }), resource('2', { zone: 'b', state: 'up' })];

/** The ids of what is left. */
function left(...filters: Parameters<typeof filterBy>[0]): readonly string[] {
  const found = filterBy(filters, all, ['zone', 'state']);
  assert.ok(!(found instanceof Fault));
  return found.map(({ id }) => id);
}

describe('filters', () => {
  it('all must hold, each for one of its values', () => {
    assert.deepEqual(left(), ['1', '2']);
    assert.deepEqual(left({ Name: 'zone', Value: ['c', 'b'] }), ['2']);
    assert.deepEqual(left({ Name: 'state', Value: ['up'] }, { Name: 'zone', Value: ['a'] }), ['1']);
    assert.deepEqual(left({ Name: 'state', Value: ['down'] }), []);
    assert.deepEqual(left({ Name: 'zone' }), []);
  });

  it('by tags hold for nothing, and unknown ones are refused', () => {
    for (const Name of ['tag:Name', 'tag-key', 'tag-value']) assert.deepEqual(left({ Name, Value: ['*'] }), []);
    for (const Name of ['colour', '', 'toString', '__proto__']) {
      const refused = filterBy([{ Name, Value: ['x'] }], all, ['zone']);
      assert.ok(refused instanceof Fault);
      assert.equal(refused.code, 'InvalidParameterValue');
      assert.equal(refused.message, `The filter '${Name}' is invalid: weir has zone.`);
    }
  });
});

describe('values of filters', () => {
  it('stars stand for any text, question marks for one character, unless a backslash is before them', () => {
    for (const [pattern, text] of [
      ['us-*', 'us-east-1'],
      ['*-1', 'us-east-1'],
      ['*', ''],
      ['u?-*t-?', 'us-east-1'],
      ['**a**', 'a'],
      ['a\\*', 'a*'],
      ['a\\?\\\\', 'a?\\'],
    ] as const)
      assert.ok(matches(pattern, text), `${pattern} ${text}`);
    for (const [pattern, text] of [
      ['us', 'us-east-1'],
      ['US-*', 'us-east-1'],
      ['?', ''],
      ['a\\*', 'ab'],
      ['*b', 'ba'],
    ] as const)
      assert.ok(!matches(pattern, text), `${pattern} ${text}`);
  });

  it('fit what the regular expression of the same meaning fits', () => {
    const letter = fc.constantFrom('a', 'b', '*', '?');
    fc.assert(
      fc.property(fc.array(letter, { maxLength: 8 }), fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 }), (p, t) => {
        const source = p.map((one) => (one === '*' ? '.*' : one === '?' ? '.' : one)).join('');
        assert.equal(matches(p.join(''), t.join('')), new RegExp(`^${source}$`).test(t.join('')));
      }),
    );
  });

  it('take no time that a caller could make long', () => {
    assert.ok(!matches(`${'a*'.repeat(2000)}b`, 'a'.repeat(4000)));
  });
});
