import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { FakeClock } from '../kit/clock.ts';
import { silentLog } from '../kit/log.ts';
import { LogDelivery, type LogStore } from './access-log-delivery.ts';
import { systemFiles } from './access-log-files.ts';

it('what is given up is the oldest of all that is not delivered, whatever its bucket', async (t) => {
  const spool = temporaryDirectory(t);
  const dead: LogStore = { name: 'nowhere', put: () => Promise.reject(new Error('nobody is there')) };
  const delivery = new LogDelivery({ clock: new FakeClock(), log: silentLog, files: systemFiles, store: dead, spool });
  for (const key of ['one/1', 'two/2', 'one/3', 'two/4']) {
    const path = join(spool, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'a line\n');
    delivery.add({ key, path, bytes: 7 });
    await delivery.settle();
  }
  const left: string[][] = [];
  while (await delivery.dropOldest()) left.push((await systemFiles.list(spool)).map(({ path }) => path.at(-1)!).sort());
  assert.deepEqual(left, [['2', '3', '4'], ['3', '4'], ['4'], []]);
  assert.deepEqual([delivery.droppedLines, delivery.undeliveredBytes, delivery.undeliveredFiles], [4, 0, 0]);
});

it('a file that an earlier process has left and that cannot be read keeps none of the others from being delivered', async (t) => {
  const spool = temporaryDirectory(t);
  const lines: string[] = [];
  const delivered: string[] = [];
  const line = (_: unknown, message: string): void => void lines.push(message);
  for (const key of ['one/1', 'one/2', 'two/3']) {
    const path = join(spool, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'a line\nhalf of ano');
  }
  const trim = (path: string): Promise<number> =>
    path.endsWith('1') ? Promise.reject(new Error('EACCES: permission denied')) : systemFiles.trim(path);
  const delivery = new LogDelivery({
    clock: new FakeClock(),
    log: { debug: line, info: line, warn: line, error: line },
    files: { ...systemFiles, trim },
    store: { name: 'there', put: async (key) => void delivered.push(key) },
    spool,
  });
  await delivery.adopt();
  await delivery.settle();
  assert.deepEqual(delivered.sort(), ['one/2', 'two/3']);
  assert.deepEqual(lines.sort(), [
    'access log files that were left are delivered now',
    'an access log file that was left cannot be delivered',
  ]);
});

it('what cannot be looked at is not taken for what is not there', async (t) => {
  const folder = temporaryDirectory(t);
  const [loop, missing] = [join(folder, 'loop'), join(folder, 'missing')];
  symlinkSync(loop, loop);
  await assert.rejects(systemFiles.list(loop), { code: 'ELOOP' });
  assert.deepEqual(await systemFiles.list(missing), []);
  assert.deepEqual([await systemFiles.exists(loop), await systemFiles.exists(missing)], [true, false]);
});

it('the lines of a file that is given up are counted, however large it is', async (t) => {
  const spool = temporaryDirectory(t);
  const path = join(spool, 'one', '1');
  mkdirSync(dirname(path), { recursive: true });
  // Lines that end on both sides of what is read at a time, and at it.
  const text = `${'a'.repeat(65_535)}\n${'b'.repeat(65_534)}\n\n${'c'.repeat(100_000)}\n`;
  writeFileSync(path, text);
  const dead: LogStore = { name: 'nowhere', put: () => Promise.reject(new Error('nobody is there')) };
  const delivery = new LogDelivery({ clock: new FakeClock(), log: silentLog, files: systemFiles, store: dead, spool });
  delivery.add({ key: 'one/1', path, bytes: text.length });
  await delivery.settle();
  assert.ok(await delivery.dropOldest());
  assert.equal(delivery.droppedLines, 4);
});

/** A delivery to a store that does as `lab` says. */
function playedDelivery(t: TestContext) {
  const spool = temporaryDirectory(t);
  const clock = new FakeClock();
  const tried: string[] = [];
  const lab = { put: (_key: string): Promise<void> => Promise.reject(new Error('nobody is there')) };
  const store: LogStore = {
    name: 'there',
    put: (key) => {
      tried.push(key);
      return lab.put(key);
    },
  };
  const delivery = new LogDelivery({ clock, log: silentLog, files: systemFiles, store, spool });
  const add = (key: string): void => {
    const path = join(spool, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'a line\n');
    delivery.add({ key, path, bytes: 7 });
  };
  /** How often something was tried when `ms` have passed. */
  const after = async (ms: number): Promise<number> => {
    clock.advance(ms);
    await delivery.settle();
    return tried.length;
  };
  return { clock, tried, lab, store, delivery, add, after };
}

it('a file that is on its way is not given up', async (t) => {
  const { lab, delivery, add } = playedDelivery(t);
  const arrived = Promise.withResolvers<void>();
  lab.put = () => arrived.promise;
  for (const key of ['one/1', 'one/2']) add(key);
  assert.deepEqual([await delivery.dropOldest(), await delivery.dropOldest()], [true, false]);
  arrived.resolve();
  await delivery.settle();
  assert.deepEqual([delivery.delivered, delivery.droppedLines, delivery.undeliveredBytes], [1, 1, 0]);
});

it('pauses begin anew with a success, and when another place is named', async (t) => {
  const { lab, store, delivery, add, after } = playedDelivery(t);
  for (const key of ['one/1', 'one/2']) add(key);
  assert.deepEqual([await after(0), await after(1000), await after(1999), await after(1)], [1, 2, 2, 3]);
  lab.put = (key) => (key.endsWith('1') ? Promise.resolve() : Promise.reject(new Error('nobody is there')));
  assert.equal(await after(4000), 5, 'one that arrives, and the next, that does not');
  assert.deepEqual([await after(999), await after(1), await after(2000)], [5, 6, 7]);
  delivery.deliverTo(store);
  assert.deepEqual([await after(0), await after(999), await after(1)], [8, 8, 9]);
});

it('after the end nothing is tried again', async (t) => {
  const { delivery, add, after } = playedDelivery(t);
  add('one/1');
  assert.equal(await after(0), 1);
  const retried = after(1000);
  delivery.stop();
  assert.equal(await retried, 2);
  assert.equal(await after(1_000_000), 2);
});

it('after the end no other file is begun with, though one arrives', async (t) => {
  const { lab, tried, delivery, add } = playedDelivery(t);
  const arrived = Promise.withResolvers<void>();
  lab.put = () => arrived.promise;
  for (const key of ['one/1', 'one/2']) add(key);
  delivery.stop();
  arrived.resolve();
  await delivery.settle();
  assert.deepEqual(tried, ['one/1']);
});

it('who is tried at once is not tried again when the pause would have been over', async (t) => {
  const { clock, lab, store, tried, delivery, add, after } = playedDelivery(t);
  add('one/1');
  assert.equal(await after(0), 1);
  const arrived = Promise.withResolvers<void>();
  lab.put = () => arrived.promise;
  delivery.deliverTo(store);
  clock.advance(1000);
  arrived.resolve();
  await delivery.settle();
  assert.deepEqual([tried.length, delivery.delivered], [2, 1]);
});
