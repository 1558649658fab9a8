import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { HANDSHAKE_TURN_MS } from '../model/limits.ts';
import { HandshakeTurns, type Beginning } from './handshake-turns.ts';

/** Past all callbacks that wait for the present turn to end. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('handshakes take turns', () => {
  let clock: FakeClock;
  let turns: HandshakeTurns;
  let begun: number[];
  beforeEach(() => {
    clock = new FakeClock();
    turns = new HandshakeTurns(clock);
    begun = [];
  });

  function handshake(number: number, costMs = HANDSHAKE_TURN_MS / 2): Beginning & { closed: boolean } {
    const beginHandshake = (): void => {
      begun.push(number);
      clock.advance(costMs);
    };
    return { closed: false, beginHandshake };
  }

  test('one that comes alone begins at once', () => {
    turns.add(handshake(1));
    assert.deepEqual(begun, [1]);
  });

  test('as many as fit into the time of a turn begin in it, the others in the next ones', async () => {
    for (let number = 1; number <= 7; number++) turns.add(handshake(number));
    assert.deepEqual(begun, [1, 2]);
    assert.equal(turns.length, 5);
    await nextTurn();
    assert.deepEqual(begun, [1, 2, 7, 6]);
    await nextTurn();
    await nextTurn();
    assert.deepEqual(begun, [1, 2, 7, 6, 5, 4, 3]);
    assert.equal(turns.length, 0);
  });

  test('one that takes longer than a turn has one for itself', async () => {
    for (let number = 1; number <= 3; number++) turns.add(handshake(number, 3 * HANDSHAKE_TURN_MS));
    assert.deepEqual(begun, [1]);
    await nextTurn();
    assert.deepEqual(begun, [1, 3]);
    await nextTurn();
    assert.deepEqual(begun, [1, 3, 2]);
  });

  test('where more come than can be served, those who have just come are', async () => {
    for (let number = 1; number <= 5; number++) turns.add(handshake(number, HANDSHAKE_TURN_MS));
    await nextTurn();
    turns.add(handshake(6, HANDSHAKE_TURN_MS));
    await nextTurn();
    assert.deepEqual(begun, [1, 5, 6]);
    while (turns.length > 0) await nextTurn();
    assert.deepEqual(begun, [1, 5, 6, 4, 3, 2]);
  });

  test('each turn has its time anew', async () => {
    for (let turn = 0; turn < 3; turn++) {
      turns.add(handshake(turn, HANDSHAKE_TURN_MS));
      assert.equal(begun.length, turn + 1);
      await nextTurn();
    }
  });

  test('who has gone costs nothing', async () => {
    turns.add(handshake(0, HANDSHAKE_TURN_MS));
    const waiting = Array.from({ length: 3000 }, (_, index) => handshake(index + 1));
    for (const each of waiting) turns.add(each);
    for (const each of waiting.slice(0, 2999)) {
      each.closed = true;
      turns.leave();
    }
    assert.equal(turns.length, 1);
    await nextTurn();
    assert.deepEqual(begun, [0, 3000]);
    assert.equal(turns.length, 0);
  });
});
