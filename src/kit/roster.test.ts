import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Roster } from './roster.ts';

interface Member {
  readonly name: number;
  place: number;
}

const member = (name: number): Member => ({ name, place: -1 });
const names = (members: Iterable<Member>): number[] =>
  Array.from(members, ({ name }) => name).toSorted((a, b) => a - b);

test('a roster holds what a set would', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(9)));
  fc.assert(
    fc.property(steps, (all) => {
      const members = Array.from({ length: 10 }, (_, name) => member(name));
      const roster = new Roster<'place', Member>('place');
      const expected = new Set<Member>();
      for (const [adds, name] of all) {
        const one = members[name]!;
        if (!adds) assert.equal(roster.delete(one), expected.delete(one));
        else if (!expected.has(one)) {
          roster.add(one);
          expected.add(one);
        }
        assert.equal(roster.size, expected.size);
        assert.deepEqual(names(roster), names(expected));
        for (const each of members) assert.equal(roster.has(each), expected.has(each));
      }
    }),
  );
});

test('going through a roster passes over those who leave meanwhile, and those who come', () => {
  const roster = new Roster<'place', Member>('place');
  const members = Array.from({ length: 6 }, (_, name) => member(name));
  for (const each of members) roster.add(each);
  const seen: number[] = [];
  for (const { name } of roster) {
    seen.push(name);
    roster.delete(members[name]!);
    roster.delete(members[(name + 3) % 6]!);
    roster.add(member(10 + name));
  }
  assert.deepEqual(seen, [0, 1, 2]);
  assert.deepEqual(names(roster), [10, 11, 12]);
});

test('members of different rosters do not know each other', () => {
  const [one, other] = [new Roster<'place', Member>('place'), new Roster<'place', Member>('place')];
  const [mine, yours] = [member(1), member(2)];
  one.add(mine);
  other.add(yours);
  assert.equal(one.has(yours), false);
  assert.equal(one.delete(yours), false);
  assert.deepEqual([one.size, other.size], [1, 1]);
});
