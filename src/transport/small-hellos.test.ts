import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SMALL_HELLO } from '../model/limits.ts';
import { SmallHellos, type WaitingHandshake } from './small-hellos.ts';

const { bytes: LARGE, maxWaiting: MAX } = SMALL_HELLO;

function handshakes(
  count: number,
  hellos: SmallHellos,
  bytes: number,
): { crowdedOut: number[]; all: WaitingHandshake[] } {
  const crowdedOut: number[] = [];
  const all = Array.from({ length: count }, (_, index): WaitingHandshake => {
    return { older: undefined, newer: undefined, crowdedOut: () => void crowdedOut.push(index) };
  });
  for (const handshake of all) hellos.add(handshake, bytes);
  return { crowdedOut, all };
}

test('of clients that have sent little only so many wait at once: those who came first give way', () => {
  const hellos = new SmallHellos();
  const { crowdedOut } = handshakes(MAX + 3, hellos, LARGE - 1);
  assert.deepEqual(crowdedOut, [0, 1, 2]);
  assert.equal(hellos.size, MAX);
});

test('who is done makes room', () => {
  const hellos = new SmallHellos();
  const first = handshakes(MAX, hellos, 50);
  hellos.delete(first.all[5]!);
  handshakes(1, hellos, 50);
  assert.deepEqual(first.crowdedOut, []);
  handshakes(1, hellos, 50);
  assert.deepEqual(first.crowdedOut, [0]);
});

test('whoever goes, those who are left give way in the order in which they came', () => {
  const hellos = new SmallHellos();
  const { crowdedOut, all } = handshakes(MAX, hellos, 50);
  const gone = [0, 1, 500, MAX - 2, MAX - 1];
  for (const index of [...gone, ...gone]) hellos.delete(all[index]!);
  assert.equal(hellos.size, MAX - gone.length);
  assert.ok(gone.every((index) => all[index]!.older === undefined && all[index]!.newer === undefined));
  handshakes(2 * MAX, hellos, 50);
  assert.deepEqual(
    crowdedOut,
    all.map((_, index) => index).filter((index) => !gone.includes(index)),
  );
  assert.equal(hellos.size, MAX);
});

test('who has sent as much as a handshake is worth is not in the way, and has nobody in its way', () => {
  const hellos = new SmallHellos();
  const { crowdedOut, all } = handshakes(2 * MAX, hellos, LARGE);
  for (const handshake of all) hellos.delete(handshake);
  assert.deepEqual(crowdedOut, []);
  assert.equal(hellos.size, 0);
});
