import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { FakeClock } from './clock.ts';
import { Turns, type Turn } from './turns.ts';

const LIMIT_MS = 1;
const LONGEST_MS = 4;
const PER_TURN = 10;

/** Past all callbacks that wait for the present turn to end. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('costly work takes turns', () => {
  let clock: FakeClock;
  let turns: Turns;
  let done: number[];
  let failures: unknown[];
  beforeEach(() => {
    clock = new FakeClock();
    done = [];
    failures = [];
    turns = new Turns(clock, { shortestMs: LIMIT_MS, longestMs: LONGEST_MS, perTurn: PER_TURN }, (error) =>
      failures.push(error),
    );
  });

  function work(number: number, costMs = LIMIT_MS / 2): Turn & { gone: boolean } {
    const takeTurn = (): void => {
      done.push(number);
      clock.advance(costMs);
    };
    return { gone: false, takeTurn };
  }

  test('what comes alone is done at once', () => {
    turns.add(work(1));
    assert.deepEqual(done, [1]);
  });

  test('as much as fits into the time of a turn is done in it, the rest in the next ones', async () => {
    for (let number = 1; number <= 7; number++) turns.add(work(number));
    assert.deepEqual(done, [1, 2]);
    assert.equal(turns.length, 5);
    await nextTurn();
    assert.deepEqual(done, [1, 2, 7, 6]);
    await nextTurn();
    await nextTurn();
    assert.deepEqual(done, [1, 2, 7, 6, 5, 4, 3]);
    assert.equal(turns.length, 0);
  });

  test('of what costs nothing by itself so many pieces are done in a turn', async () => {
    for (let number = 1; number <= 3 * PER_TURN; number++) turns.add(work(number, 0));
    assert.equal(done.length, PER_TURN);
    await nextTurn();
    assert.equal(done.length, 2 * PER_TURN);
    await nextTurn();
    assert.equal(done.length, 3 * PER_TURN);
    assert.deepEqual(
      done.toSorted((a, b) => a - b),
      Array.from({ length: 3 * PER_TURN }, (_, n) => n + 1),
    );
  });

  test('what takes longer than a turn has one for itself', async () => {
    for (let number = 1; number <= 3; number++) turns.add(work(number, 3 * LIMIT_MS));
    assert.deepEqual(done, [1]);
    await nextTurn();
    assert.deepEqual(done, [1, 3]);
    await nextTurn();
    assert.deepEqual(done, [1, 3, 2]);
  });

  test('where more come than can be served, those who have just come are', async () => {
    for (let number = 1; number <= 5; number++) turns.add(work(number, LIMIT_MS));
    await nextTurn();
    turns.add(work(6, LIMIT_MS));
    await nextTurn();
    assert.deepEqual(done, [1, 5, 6]);
    while (turns.length > 0) await nextTurn();
    assert.deepEqual(done, [1, 5, 6, 4, 3, 2]);
  });

  test('each turn has its time anew', async () => {
    for (let turn = 0; turn < 3; turn++) {
      turns.add(work(turn, LIMIT_MS));
      assert.equal(done.length, turn + 1);
      await nextTurn();
    }
  });

  for (const [othersMs, pieces] of [
    [0, 2],
    [2.5, 5],
    [LONGEST_MS, 8],
    [100, 8],
  ] as const) {
    test(`a turn behind ${othersMs} ms of everything else does ${pieces / 2} ms of it`, async () => {
      for (let number = 1; number <= 30; number++) turns.add(work(number));
      for (let turn = 1; turn <= 2; turn++) {
        const before = done.length;
        clock.advance(othersMs);
        await nextTurn();
        assert.equal(done.length - before, pieces);
      }
      while (turns.length > 0) await nextTurn();
    });
  }

  test('who has gone costs nothing', async () => {
    turns.add(work(0, LIMIT_MS));
    const waiting = Array.from({ length: 3000 }, (_, index) => work(index + 1));
    for (const each of waiting) turns.add(each);
    for (const each of waiting.slice(0, 2999)) {
      each.gone = true;
      turns.leave();
    }
    assert.equal(turns.length, 1);
    await nextTurn();
    assert.deepEqual(done, [0, 3000]);
    assert.equal(turns.length, 0);
  });

  test('a defect in one turn is told, and the turn of the others comes', async () => {
    const defect = new Error('not today');
    turns.add(work(1, LIMIT_MS));
    const broken: Turn = {
      gone: false,
      takeTurn() {
        throw defect;
      },
    };
    for (const turn of [work(2, LIMIT_MS), broken, work(3, LIMIT_MS)]) turns.add(turn);
    while (turns.length > 0) await nextTurn();
    assert.deepEqual(done, [1, 3, 2]);
    assert.deepEqual(failures, [defect]);
  });
});
