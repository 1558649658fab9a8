import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBalancerId } from '../model/load-balancer.ts';
import { PAGE_SLOTS, TARGET_STATE, TargetTable } from '../traffic/target-table.ts';
import { Slots } from './slots.ts';

const SHOP = loadBalancerId('1', 'r', 'shop');

test('slots of targets that are gone are given to others, as such that nobody may use yet', () => {
  const table = new TargetTable(1);
  const slots = new Slots(table);
  for (let round = 0; round < 2 * PAGE_SLOTS; round++) {
    const holder = slots.allot(SHOP, `i-${round}`, 80);
    assert.equal(slots.state(holder.slot), TARGET_STATE.outOfService);
    assert.equal(slots.allot(SHOP, `i-${round}`, 80), holder);
    slots.setState(holder.slot, TARGET_STATE.inService);
    slots.free(holder);
  }
  assert.deepEqual([table.pages.length, slots.held], [1, 0]);
});

test('a slot is given to nobody else while a request or a connection is on it', () => {
  const table = new TargetTable(1);
  const slots = new Slots(table);
  const holder = slots.allot(SHOP, 'i-1', 80);
  const [page] = table.pages;
  for (const count of ['addOutstanding', 'addConnections'] as const) {
    page![count](holder.slot, 0, 1);
    assert.throws(() => slots.free(holder), /a slot that is freed is idle/);
    page![count](holder.slot, 0, -1);
  }
  slots.free(holder);
  assert.throws(() => slots.free(holder), /a slot is freed once/);
});
