import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { silentLog } from '../kit/log.ts';
import { openSeriesStore, type SeriesStore } from './series.ts';

const text = (body: Uint8Array): string => Buffer.from(body).toString();
const joined = (before: Uint8Array, more: Uint8Array): Uint8Array => Buffer.concat([before, more]);

function put(store: SeriesStore, minute: number, key: string, body: string, kinds = 1): void {
  store.write(minute, [{ key, kinds, body: Buffer.from(body) }], joined);
}

function all(store: SeriesStore, key: string, from = 0, to = 1e6): [number, string][] {
  const [series] = store.list(key);
  return series === undefined
    ? []
    : Array.from(store.read(series.id, from, to), ({ minute, body }) => [minute, text(body)]);
}

it('points are kept over a restart, in order, readable by their owner only; two of one minute become one', (test) => {
  const path = join(temporaryDirectory(test), 'metrics.db');
  const store = openSeriesStore(path, silentLog);
  put(store, 12, 'a/web/', 'x', 1);
  put(store, 10, 'a/web/', 'y', 4);
  put(store, 12, 'a/web/', 'z', 2);
  store.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const again = openSeriesStore(path, silentLog);
  test.after(() => again.close());
  assert.deepEqual(all(again, 'a/web/'), [
    [10, 'y'],
    [12, 'xz'],
  ]);
  assert.deepEqual(all(again, 'a/web/', 11, 12), [], 'the end does not belong to it');
  assert.deepEqual(
    again.list('a/').map(({ key, kinds, last }) => [key, kinds, last]),
    [['a/web/', 7, 12]],
  );
});

it('a prefix finds its own keys and no others', (test) => {
  const store = openSeriesStore(':memory:', silentLog);
  test.after(() => store.close());
  for (const key of ['1/r/web/', '1/r/web2/', '1/r/web/é', '2/r/web/']) put(store, 1, key, '');
  assert.deepEqual(
    store.list('1/r/web/').map(({ key }) => key),
    ['1/r/web/', '1/r/web/é'],
  );
});

it('what is old is forgotten, and series that have nothing left', (test) => {
  const store = openSeriesStore(':memory:', silentLog);
  test.after(() => store.close());
  put(store, 1, 'old', 'x');
  put(store, 1, 'both', 'x');
  put(store, 9, 'both', 'y');
  store.prune(5);
  assert.deepEqual(
    store.list('').map(({ key }) => key),
    ['both'],
  );
  assert.deepEqual(all(store, 'both'), [[9, 'y']]);
});

it('a file that cannot be read is put aside, told, and begun anew', (test) => {
  const path = join(temporaryDirectory(test), 'metrics.db');
  writeFileSync(path, 'this is no database, and long enough not to be taken for an empty one'.repeat(100));
  const told: string[] = [];
  const store = openSeriesStore(path, { ...silentLog, error: (_, message) => void told.push(message) });
  test.after(() => store.close());
  put(store, 1, 'a', 'x');
  assert.deepEqual(all(store, 'a'), [[1, 'x']]);
  assert.ok(existsSync(`${path}.damaged`));
  assert.equal(told.length, 1);
});

it('damage that is met later than at the start is told, put aside, and begun anew as well', (test) => {
  const path = join(temporaryDirectory(test), 'metrics.db');
  const before = openSeriesStore(path, silentLog);
  for (let minute = 0; minute < 200; minute++) put(before, minute, 'a', 'x'.repeat(500));
  before.close();
  // All but the first page, which is all that is looked at when a database is opened.
  writeFileSync(path, readFileSync(path).fill(0xa5, 4096));
  const told: string[] = [];
  const store = openSeriesStore(path, { ...silentLog, error: (_, message) => void told.push(message) });
  test.after(() => store.close());
  assert.deepEqual([all(store, 'a'), told.length], [[], 1]);
  put(store, 1, 'a', 'y');
  store.prune(0);
  assert.deepEqual([all(store, 'a'), told.length], [[[1, 'y']], 1]);
  assert.ok(existsSync(`${path}.damaged`));
});

it('where there can be no file, points are in memory, and it is told', (test) => {
  const told: string[] = [];
  const path = join(temporaryDirectory(test), 'no-such-directory', 'metrics.db');
  const store = openSeriesStore(path, { ...silentLog, error: (_, message) => void told.push(message) });
  test.after(() => store.close());
  put(store, 1, 'a', 'x');
  assert.deepEqual(all(store, 'a'), [[1, 'x']]);
  assert.match(told.join(), /in memory/);
});

it('a minute is written whole or not at all', (test) => {
  const store = openSeriesStore(':memory:', silentLog);
  test.after(() => store.close());
  put(store, 1, 'a', 'x');
  const fail = (): never => assert.fail('no');
  const points = ['b', 'a'].map((key) => ({ key, kinds: 1, body: Buffer.from('y') }));
  assert.throws(() => store.write(1, points, fail));
  assert.deepEqual(all(store, 'b'), []);
  put(store, 2, 'b', 'z');
  assert.deepEqual(all(store, 'b'), [[2, 'z']]);
});

it('a series is known by its latest minute, in whatever order its points come', (test) => {
  const store = openSeriesStore(':memory:', silentLog);
  test.after(() => store.close());
  put(store, 12, 'a', 'x');
  put(store, 10, 'a', 'y');
  assert.deepEqual(
    store.list('a').map(({ last }) => last),
    [12],
  );
});

it('what is kept is kept from the minute on that is named', (test) => {
  const store = openSeriesStore(':memory:', silentLog);
  test.after(() => store.close());
  put(store, 4, 'a', 'x');
  put(store, 5, 'a', 'y');
  store.prune(5);
  assert.deepEqual(all(store, 'a'), [[5, 'y']]);
});

it('who reads on after the end finds nothing', () => {
  const store = openSeriesStore(':memory:', silentLog);
  put(store, 1, 'a', 'x');
  const [{ id } = { id: 0 }] = store.list('a');
  store.close();
  store.close();
  assert.deepEqual([...store.read(id, 0, 9)], []);
});

it('a file that a newer weir has written is put aside, and told', (test) => {
  const path = join(temporaryDirectory(test), 'metrics.db');
  const before = openSeriesStore(path, silentLog);
  put(before, 1, 'a', 'x');
  before.close();
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 2');
  database.close();
  const told: unknown[] = [];
  const store = openSeriesStore(path, { ...silentLog, error: ({ cause }) => void told.push(cause) });
  test.after(() => store.close());
  assert.deepEqual([all(store, 'a'), told], [[], ['its tables have version 2']]);
  const aside = new DatabaseSync(`${path}.damaged`);
  assert.equal(aside.prepare('SELECT count(*) AS points FROM point').get()?.['points'], 1);
  aside.close();
});

it('points in memory take so much and no more: the next are refused, as on a full disk', (test) => {
  const path = join(temporaryDirectory(test), 'no-such-directory', 'metrics.db');
  const store = openSeriesStore(path, silentLog);
  test.after(() => store.close());
  const body = Buffer.alloc(8 * 1024 * 1024);
  let written = 0;
  const more = () => {
    for (; written < 20; written++) store.write(written, [{ key: 'a', kinds: 1, body }], joined);
  };
  assert.throws(more, /full/);
  assert.equal(written, 7, 'of 64 MiB');
  assert.equal(Array.from(store.read(store.list('a')[0]!.id, 0, 20)).length, written);
});
