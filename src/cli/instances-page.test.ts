import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlHarness, instance, shop } from '../../test/support/control.ts';
import { renderInstances } from './instances.ts';
import { instanceRows } from './instances-page.ts';

test('the last ten checks of an instance are shown with their time, cause and duration', async () => {
  const harness = await ControlHarness.started(shop([instance('i-1', '10.0.0.1'), instance('i-2', '10.0.0.2')]));
  await harness.pass(60_000, 1000);
  harness.down.add('10.0.0.2');
  await harness.pass(60_000, 1000);
  const rows = instanceRows(harness.control.status(), () => 'shop');
  assert.deepEqual(
    rows.map(({ instance: id, state, checks }) => [id, state, checks.length]),
    [
      ['i-1', 'InService', 10],
      ['i-2', 'OutOfService', 10],
    ],
  );
  const [good, bad] = rows.map(({ checks }) => checks[0]!);
  assert.deepEqual([good!.good, good!.cause, bad!.good, bad!.cause], [true, 'connected', false, 'connection refused']);
  const times = rows[1]!.checks.map(({ time }) => Date.parse(time));
  for (const [index, time] of times.slice(1).entries()) assert.equal(times[index]! - time, 10_000, 'newest first');
  const text = renderInstances(rows);
  assert.match(text, /^shop +i-1 +us-east-1a +InService +\+{10} +connected, \d\d:\d\d:\d\d UTC, \d+ ms$/m);
  assert.match(text, /^shop +i-2 +us-east-1a +OutOfService +\++-{5,6} +connection refused, /m);
});

test('an instance without a check yet says so, and no instance at all too', () => {
  const row = { loadBalancer: 'shop', instance: 'i-1', zone: 'a', state: 'OutOfService', reasonCode: 'ELB' };
  assert.match(renderInstances([{ ...row, description: '', checks: [] }]), /OutOfService +- +none yet$/m);
  assert.equal(renderInstances([]), 'no instance is registered\n');
});
