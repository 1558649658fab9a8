import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settled } from '../../test/support/settled.ts';
import { FakeClock } from '../kit/clock.ts';
import type { LogFields } from '../kit/log.ts';
import { SeededRandom } from '../kit/random.ts';
import { createMemoryStore } from '../store/memory.ts';
import { createSecrets, type Secrets } from '../store/secrets.ts';
import type { Store } from '../store/store.ts';
import { TicketKeys } from './ticket-keys.ts';

const HOUR_MS = 3_600_000;
const PLAIN = createSecrets(new SeededRandom(9), undefined);
const SEALED = createSecrets(new SeededRandom(9), new Uint8Array(32).fill(1));

/** Ticket keys of one weir on `store`, with a seed of its own. */
function weir(store: Store, seed: number, secrets: Secrets = PLAIN, clock = new FakeClock()) {
  const lines: [string, LogFields][] = [];
  const line = (fields: LogFields, message: string): void => void lines.push([message, fields]);
  const log = { debug: line, info: line, warn: line, error: line };
  const keys = new TicketKeys({ store, secrets, clock, random: new SeededRandom(seed), log });
  let changes = 0;
  store.watch((view) => {
    if (keys.follow(view)) changes++;
  });
  keys.start();
  return { keys, clock, lines, changes: () => changes };
}

const stored = (store: Store) => store.view().get('ticket-key', 'current');

test('the key is made when it is first asked for, used at once, and kept', async () => {
  const store = createMemoryStore();
  const first = weir(store, 1);
  await settled();
  assert.equal(stored(store), undefined);
  const { master } = first.keys;
  assert.equal(master.length, 32);
  await settled();
  assert.equal(stored(store)!.madeTimeMs, first.clock.epochMs());
  assert.equal(first.keys.master, master);
  assert.equal(first.changes(), 0, 'what is stored is what is in use');
  assert.deepEqual(weir(store, 2).keys.master, master, 'after a restart');
});

test('the key is a new one every day, on every weir of the store', async () => {
  const store = createMemoryStore();
  const clock = new FakeClock();
  const one = weir(store, 1, PLAIN, clock);
  const { master } = one.keys;
  await settled();
  const two = weir(store, 2, PLAIN, clock);
  assert.deepEqual(two.keys.master, master);
  clock.advance(23 * HOUR_MS);
  await settled();
  assert.equal(one.keys.master, master);
  clock.advance(2 * HOUR_MS);
  await settled();
  assert.notDeepEqual(one.keys.master, master);
  assert.deepEqual(two.keys.master, one.keys.master);
  assert.deepEqual([one.changes(), two.changes()], [1, 1]);
  assert.equal(store.view().revision, 2);
});

test('of two weirs that need the first key at once, one makes it', async () => {
  const store = createMemoryStore();
  const [one, two] = [weir(store, 1), weir(store, 2)];
  assert.notDeepEqual(one.keys.master, two.keys.master);
  await settled();
  assert.deepEqual(one.keys.master, two.keys.master);
  assert.equal(store.view().revision, 1);
});

test('a key that does not open, or stands in the clear beside a master key, is replaced', async () => {
  const store = createMemoryStore();
  const clear = weir(store, 1).keys.master;
  await settled();
  const sealed = weir(store, 2, SEALED);
  assert.deepEqual(sealed.keys.master, clear);
  await settled();
  assert.match(stored(store)!.sealedKey, /^aes-256-gcm:/);
  assert.deepEqual(Buffer.from(SEALED.open(stored(store)!.sealedKey, 'ticket-key'), 'base64'), sealed.keys.master);
  assert.notDeepEqual(sealed.keys.master, clear);
  const stranger = weir(store, 3, createSecrets(new SeededRandom(3), new Uint8Array(32).fill(2)));
  assert.notDeepEqual(stranger.keys.master, sealed.keys.master);
  assert.match(stranger.lines[0]![0], /cannot be opened/);
  void stranger.keys.follow(store.view());
  assert.equal(stranger.lines.length, 1, 'told once');
  await settled();
  assert.equal(store.view().revision, 3);
  assert.equal(stranger.changes(), 0);
});

test('a store that cannot write stops nobody, and is tried again', async () => {
  const store = createMemoryStore();
  const failing: Store = { ...store, commit: async () => ({ outcome: 'failed', message: 'disk full' }) };
  const { keys, clock, lines } = weir(failing, 1);
  const { master } = keys;
  await settled();
  assert.deepEqual(lines, [['the key of session tickets could not be stored', { cause: 'disk full' }]]);
  failing.commit = (revision, changes) => store.commit(revision, changes);
  clock.advance(HOUR_MS);
  await settled();
  assert.equal(keys.master, master);
  assert.ok(stored(store));
});

test('a clock that was set back by days makes a new key, and only one', async () => {
  const store = createMemoryStore();
  const { keys, clock } = weir(store, 1);
  void keys.master;
  await settled();
  clock.jumpEpoch(-72 * HOUR_MS);
  for (let hour = 0; hour < 20; hour++) {
    clock.advance(HOUR_MS);
    await settled();
  }
  assert.equal(store.view().revision, 2);
});

test('nothing is made where nobody asked, nor after the end', async () => {
  const store = createMemoryStore();
  const { keys, clock } = weir(store, 1);
  clock.advance(48 * HOUR_MS);
  await settled();
  assert.equal(store.view().revision, 0);
  keys.stop();
  void keys.master;
  await settled();
  assert.equal(store.view().revision, 0);
});
