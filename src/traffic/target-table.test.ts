import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PAGE_SLOTS, slotIndex, TARGET_STATE, TargetPage, TargetTable } from './target-table.ts';

describe('the target table', () => {
  test('is the same memory for all threads', () => {
    const control = new TargetTable(2);
    const page = control.add();
    const threads = [0, 1].map(() => {
      const table = new TargetTable(2);
      table.add(0, page.buffer);
      return table.page(5);
    });
    page.setState(5, TARGET_STATE.draining);
    for (const [thread, each] of threads.entries()) {
      assert.equal(each.state(5), TARGET_STATE.draining);
      each.addOutstanding(5, thread, 1);
      assert.equal(each.addConnections(5, thread, 1), thread, 'what there was before');
    }
    for (const each of [page, ...threads]) {
      assert.equal(each.outstanding(5), 2);
      assert.equal(each.connections(5), 2);
      assert.equal(each.outstanding(4), 0);
      assert.equal(each.connections(6), 0);
    }
  });

  test('takes back all that a dead thread had counted, and nothing of the others', () => {
    const page = new TargetPage(3);
    for (let thread = 0; thread < 3; thread++) {
      for (const index of [0, 7, PAGE_SLOTS - 1]) {
        for (let i = 0; i <= thread; i++) page.addOutstanding(index, thread, 1);
        page.addConnections(index, thread, 1);
      }
    }
    page.addOutstanding(7, 1, -1);
    assert.equal(page.addOutstandingAt(7, 1, 5), true);
    page.forgetThread(1);
    page.forgetThread(1);
    for (const index of [0, 7, PAGE_SLOTS - 1]) {
      assert.equal(page.outstanding(index), 4, `outstanding of ${index}`);
      assert.equal(page.connections(index), 2, `connections of ${index}`);
    }
  });

  test('counts in only where there are as many as was thought', () => {
    const page = new TargetPage(1);
    assert.equal(page.addOutstandingAt(3, 0, 1), false);
    assert.equal(page.addOutstandingAt(3, 0, 0), true);
    assert.equal(page.addOutstandingAt(3, 0, 0), false);
    assert.equal(page.outstanding(3), 1);
  });

  test('tells that a state has changed, and only then', () => {
    const page = new TargetPage(1);
    const before = page.changes;
    page.setState(1, TARGET_STATE.outOfService);
    assert.equal(page.changes, before);
    page.setState(1, TARGET_STATE.inService);
    const after = page.changes;
    assert.notEqual(after, before);
    page.addOutstanding(1, 0, 1);
    page.addConnections(1, 0, 1);
    assert.equal(page.changes, after);
    page.forgetThread(0);
    assert.notEqual(page.changes, after);
  });

  test('grows by pages, and knows the one it was sent again', () => {
    const table = new TargetTable(1);
    const first = table.add();
    const second = table.add();
    assert.equal(table.add(1, second.buffer), second);
    assert.deepEqual(table.pages, [first, second]);
    assert.equal(table.page(PAGE_SLOTS - 1), first);
    assert.equal(table.page(PAGE_SLOTS), second);
    assert.equal(slotIndex(PAGE_SLOTS + 3), 3);
    assert.throws(() => table.page(2 * PAGE_SLOTS), /known before/);
  });

  test('refuses memory of another size', () => {
    assert.throws(() => new TargetPage(2, new TargetPage(1).buffer), /thread count/);
  });
});
