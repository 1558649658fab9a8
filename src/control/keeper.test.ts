import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../kit/log.ts';
import { createMemoryStore } from '../store/memory.ts';
import { ticketKeyChange, type Store } from '../store/store.ts';
import { Keeper } from './keeper.ts';

const KEY = { sealedKey: 'sealed', madeTimeMs: 1 };
const OTHER = { sealedKey: 'other', madeTimeMs: 2 };
const failure = 'it could not be stored';
const stored = (store: Store) => store.view().get('ticket-key', 'current');

test('what the store lacks is decided anew when somebody else was faster, and one turn is under way at a time', async () => {
  const store = createMemoryStore();
  let asked = 0;
  const lacks = () => {
    asked++;
    // The first time, somebody commits between the question and our commit.
    if (asked === 1) void store.commit(store.view().revision, [ticketKeyChange(OTHER)]);
    return asked > 2 ? undefined : ticketKeyChange(KEY);
  };
  const keeper = new Keeper({ store, log: silentLog, lacks, failure });
  await Promise.all([keeper.keep(), keeper.keep()]);
  assert.deepEqual([asked, stored(store)], [2, KEY]);
  await keeper.keep();
  assert.deepEqual([asked, store.view().revision], [3, 2], 'nothing is committed where nothing is lacking');
});

test('somebody who is always faster does not keep it busy for ever; a store that fails is told of once', async () => {
  const always = createMemoryStore();
  const commit: Store['commit'] = async () => ({ outcome: 'conflict', revision: 9 });
  let asked = 0;
  const lacks = () => {
    asked++;
    return ticketKeyChange(KEY);
  };
  await new Keeper({ store: { ...always, commit }, log: silentLog, lacks, failure }).keep();
  assert.equal(asked, 16);

  const told: string[] = [];
  const log = { ...silentLog, warn: (_: object, message: string) => void told.push(message) };
  const full: Store['commit'] = async () => ({ outcome: 'failed', message: 'disk full' });
  const keeper = new Keeper({ store: { ...always, commit: full }, log, lacks, failure });
  await keeper.keep();
  assert.deepEqual(told, [failure]);
  keeper.stop();
  await keeper.keep();
  assert.deepEqual([told, asked], [[failure], 17], 'after a stop it begins nothing');
});

test('a commit that fails since the store is closed by now is nothing to tell', async () => {
  const told: string[] = [];
  const closed = Promise.withResolvers<void>();
  const commit: Store['commit'] = async () => {
    await closed.promise;
    return { outcome: 'failed', message: 'the store is closed' };
  };
  const log = { ...silentLog, warn: (_: object, message: string) => void told.push(message) };
  const lacks = () => ticketKeyChange(KEY);
  const keeper = new Keeper({ store: { ...createMemoryStore(), commit }, log, lacks, failure });
  const keeping = keeper.keep();
  keeper.stop();
  closed.resolve();
  await keeping;
  assert.deepEqual(told, []);
});
