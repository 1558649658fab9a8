import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { SURGE_QUEUE_LENGTH } from '../model/limits.ts';
import { COUNTER, forgetGauges, makeCounters, SHARED, sharedCells, sumCounters } from './counters.ts';
import { SurgeQueue, type Waiter } from './surge-queue.ts';

/** The queue of one load balancer as two threads see it, and who was served in what order. */
function setting() {
  const counters = makeCounters(2);
  const clock = new FakeClock();
  const queues = [0, 1].map((thread) => new SurgeQueue(counters, thread, clock));
  const served: string[] = [];
  let capacity = 0;
  const waiter = (name: string, bound = false, canProceed = () => capacity > 0, lane = 0): Waiter => ({
    bound,
    lane,
    proceed() {
      if (!canProceed()) return false;
      capacity--;
      served.push(name);
      return true;
    },
  });
  return {
    queue: queues[0]!,
    other: queues[1]!,
    clock,
    served,
    waiter,
    free: (count: number) => (capacity = count),
    /** The second thread dies. */
    kill: () => forgetGauges(counters, 1),
    /** So many have stood in line. */
    stood: (count: number) => (sharedCells(counters)[SHARED.surgeTicket] = count),
    gauge: () => sumCounters(counters)[COUNTER.surgeQueueLength],
  };
}

describe('the surge queue', () => {
  test('serves as many as there is capacity for, first come, first served', () => {
    const { queue, served, waiter, free } = setting();
    for (const name of ['a', 'b', 'c', 'd']) queue.standInLine(waiter(name));
    queue.serve();
    assert.deepEqual(served, []);
    free(3);
    queue.serve();
    assert.deepEqual(served, ['a', 'b', 'c']);
    assert.equal(queue.isBusy(0), true);
    free(1);
    queue.serve();
    assert.deepEqual(served, ['a', 'b', 'c', 'd']);
    assert.equal(queue.isBusy(0), false);
  });

  test('lets those behind pass who wait for one instance and no other', () => {
    const { queue, served, waiter, free } = setting();
    queue.standInLine(waiter('bound', true, () => false));
    queue.standInLine(waiter('free'));
    queue.standInLine(waiter('stuck', false, () => false));
    queue.standInLine(waiter('behind'));
    free(9);
    queue.serve();
    assert.deepEqual(served, ['free']);
  });

  test('forgets who steps out', () => {
    const { queue, served, waiter, free } = setting();
    const gone = waiter('gone');
    queue.standInLine(gone);
    queue.standInLine(waiter('stays'));
    queue.stepOut(gone);
    queue.stepOut(gone);
    free(9);
    queue.serve();
    assert.deepEqual(served, ['stays']);
  });

  test('notices capacity that another thread gave back, and looks only while somebody waits', () => {
    const { queue, served, waiter, free, clock } = setting();
    queue.standInLine(waiter('a'));
    clock.advance(1000);
    assert.deepEqual(served, []);
    free(1);
    clock.advance(20);
    assert.deepEqual(served, ['a']);
    let looked = 0;
    queue.standInLine(waiter('b', false, () => looked++ < 0));
    clock.advance(20);
    assert.ok(looked > 0);
  });

  test('counts who waits over all threads, and refuses the one too many', () => {
    const { queue, other, gauge } = setting();
    for (let i = 0; i < SURGE_QUEUE_LENGTH; i++) assert.equal((i % 2 === 0 ? queue : other).enter(), true);
    assert.equal(queue.length, SURGE_QUEUE_LENGTH);
    assert.equal(queue.enter(), false);
    assert.equal(other.enter(), false);
    assert.equal(gauge(), SURGE_QUEUE_LENGTH);
    other.leave();
    assert.equal(queue.enter(), true);
    assert.equal(queue.enter(), false);
  });

  test('goes on serving behind one that throws, and is not served from within', () => {
    const { queue, served, waiter, free } = setting();
    const defect = new Error('a defect');
    queue.standInLine({
      bound: false,
      lane: 0,
      proceed() {
        queue.serve();
        assert.equal(queue.isBusy(0), false, 'who is being served may take what there is');
        throw defect;
      },
    });
    queue.standInLine(waiter('next'));
    free(1);
    assert.throws(() => queue.serve(), defect);
    queue.serve();
    assert.deepEqual(served, ['next']);
  });

  test('serves each in turn when others leave and come while one is being served', () => {
    const { queue, served, waiter, free } = setting();
    const [before, behind, late] = [waiter('before', true, () => false), waiter('behind'), waiter('late')];
    queue.standInLine(waiter('in another lane', false, () => false, 1));
    queue.standInLine(before);
    queue.standInLine({
      bound: false,
      lane: 0,
      proceed() {
        for (const each of [before, behind]) queue.stepOut(each);
        queue.standInLine(late);
        served.push('first');
        return true;
      },
    });
    queue.standInLine(behind);
    for (const name of ['a', 'b']) queue.standInLine(waiter(name));
    free(9);
    queue.serve();
    assert.deepEqual(served, ['first', 'a', 'b', 'late']);
  });

  test('lets a waiter that could not be served stand in line again where it stood', () => {
    const { queue, served, waiter, free } = setting();
    let tries = 0;
    const again: Waiter = {
      bound: false,
      lane: 0,
      proceed() {
        if (tries++ === 0) {
          queue.standInLine(again);
          return false;
        }
        served.push('again');
        return true;
      },
    };
    queue.standInLine(again);
    queue.standInLine(waiter('next'));
    free(1);
    queue.serve();
    assert.deepEqual(served, []);
    queue.serve();
    assert.deepEqual(served, ['again', 'next']);
  });

  test('keeps the order over all threads: who came first is served first, wherever it stands', () => {
    const { queue, other, served, waiter, free } = setting();
    for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      (index % 2 === 0 ? queue : other).standInLine(waiter(name));
    }
    for (let turn = 0; turn < 5; turn++) {
      free(1);
      // The thread that is not next leaves the capacity to the one that is.
      other.serve();
      queue.serve();
      other.serve();
    }
    assert.deepEqual(served, ['a', 'b', 'c', 'd', 'e']);
  });

  test('keeps it also when their numbers begin anew', () => {
    for (const count of [2 ** 31 - 2, -2]) {
      const { queue, other, served, waiter, free, stood } = setting();
      stood(count);
      queue.standInLine(waiter('a'));
      other.standInLine(waiter('b'));
      queue.standInLine(waiter('c'));
      other.standInLine(waiter('d'));
      free(4);
      for (let i = 0; i < 3; i++) for (const each of [other, queue]) each.serve();
      assert.deepEqual(served.join(''), 'abcd', `from ${count} on`);
    }
  });

  test('is no line any more for other threads either when the only one steps out', () => {
    const { queue, other, waiter } = setting();
    const only = waiter('only');
    queue.standInLine(only);
    assert.equal(other.isBusy(0), true);
    queue.stepOut(only);
    assert.equal(other.isBusy(0), false);
  });

  test('has whoever comes to a thread without a line stand behind the line of another one', () => {
    const { queue, other, waiter, free } = setting();
    assert.deepEqual([queue.isBusy(0), other.isBusy(0)], [false, false]);
    queue.standInLine(waiter('a'));
    assert.deepEqual([queue.isBusy(0), other.isBusy(0)], [true, true]);
    free(1);
    queue.serve();
    assert.deepEqual([queue.isBusy(0), other.isBusy(0)], [false, false]);
  });

  test('leaves the capacity that a thread gave back to the first of another one within milliseconds', () => {
    const { queue, other, served, waiter, free, clock } = setting();
    queue.standInLine(waiter('first'));
    other.standInLine(waiter('second'));
    free(1);
    other.serve();
    assert.deepEqual(served, []);
    assert.deepEqual([queue.isNext, other.isNext], [true, false]);
    clock.advance(2);
    assert.deepEqual(served, ['first']);
  });

  test('lets nobody wait behind one that waits for one instance alone, or that has died with its thread', () => {
    const { queue, other, served, waiter, free, kill } = setting();
    other.standInLine(waiter('bound', true, () => false));
    queue.standInLine(waiter('a'));
    free(9);
    queue.serve();
    assert.deepEqual(served, ['a']);
    other.standInLine(waiter('dies'));
    queue.standInLine(waiter('b'));
    kill();
    queue.serve();
    assert.deepEqual(served, ['a', 'b']);
  });

  test('has nobody wait for those who want other instances, of whichever thread', () => {
    const { queue, other, served, waiter, free } = setting();
    const never = () => false;
    queue.standInLine(waiter('full', false, never, 0));
    assert.deepEqual([queue.isBusy(1), other.isBusy(1), other.isBusy(0)], [false, false, true]);
    other.standInLine(waiter('full too', false, never, 0));
    other.standInLine(waiter('a', false, undefined, 1));
    queue.standInLine(waiter('b', false, undefined, 1));
    other.standInLine(waiter('c', false, undefined, 1));
    free(3);
    queue.serve();
    assert.deepEqual(served, []);
    other.serve();
    queue.serve();
    other.serve();
    assert.deepEqual(served, ['a', 'b', 'c']);
  });
});
