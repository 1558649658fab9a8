import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isReservedTagKey, tagViolations, textViolations } from './input-rules.ts';

it('a text that is too long is not matched: the time that takes would be the choice of who sent it', () => {
  let matched = 0;
  const pattern = Object.assign(/^a*$/, { test: () => matched++ > 9 });
  assert.equal(textViolations('b'.repeat(6), 'name', { min: 1, max: 5, pattern }).length, 1);
  assert.equal(matched, 0);
  assert.equal(textViolations('b'.repeat(5), 'name', { min: 1, max: 5, pattern }).length, 1);
  assert.equal(matched, 1);
});

it('nothing of a secret is shown, whatever is wrong with it', () => {
  const rule = { min: 3, max: 5, pattern: /^a*$/, isSensitive: true } as const;
  for (const secret of ['k3', 'k3y5', 'k3y5k3y5', Buffer.from('k3')]) {
    const told = textViolations(secret, 'privateKey', rule).join();
    assert.ok(told.startsWith("Value at 'privateKey' failed") && !told.includes('k3'), told);
  }
});

it('tags are as long as AWS has them, and aws: is its own in any letter case', () => {
  const tag = (key: number, value: number) => tagViolations({ key: 'k'.repeat(key), value: 'v'.repeat(value) }, 'tag');
  assert.deepEqual([...tag(1, 0), ...tag(128, 256)], []);
  assert.deepEqual(
    [tag(0, 0), tag(129, 0), tag(1, 257)].map(({ length }) => length),
    [1, 1, 1],
  );
  assert.deepEqual(['aws:a', 'AWS:a', 'aws', 'laws:'].map(isReservedTagKey), [true, true, false, false]);
});
