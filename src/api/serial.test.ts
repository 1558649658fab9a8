import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Serial } from './serial.ts';

it('tasks are run one after the other, also after one that has failed', async () => {
  const serial = new Serial();
  const order: string[] = [];
  const first = Promise.withResolvers<never>();
  const failing = serial.run(() => {
    order.push('first');
    return first.promise;
  });
  const next = serial.run(async () => order.push('next'));
  await Promise.resolve();
  assert.deepEqual(order, ['first']);
  first.reject(new Error('a defect'));
  await assert.rejects(failing, /a defect/);
  assert.equal(await next, 2);
});
