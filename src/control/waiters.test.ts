import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { Waiters } from './waiters.ts';

test('who waits hears when it has come or when the time is over, once, and nothing of it is left', async () => {
  const clock = new FakeClock();
  const waiters = new Waiters(clock);
  let [hasCome, asked] = [false, 0];
  const wait = (timeoutMs: number) => waiters.wait(timeoutMs, () => (asked++, hasCome));
  const [late, met] = [wait(1000), wait(5000)];
  clock.advance(1000);
  assert.equal(await late, false);
  asked = 0;
  waiters.check();
  assert.equal(asked, 1, 'of the one that still waits');
  hasCome = true;
  waiters.check();
  assert.equal(await met, true);
  assert.equal(clock.pending, 0);
  waiters.check();
  assert.equal(asked, 2);
  assert.equal(await wait(1000), true);
  assert.equal(clock.pending, 0);
});
