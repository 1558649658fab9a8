/** What the durable store promises beyond `store.test.ts`: durability, refusals, a disk that fails. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { put, remove, sampleLoadBalancer } from '../../test/support/records.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { unusableDirectory } from './directory-lock.ts';
import { movedMessage } from './files-in-place.ts';
import { makeRow, StoreError, type Row } from './records.ts';
import { damaged } from './sqlite-file.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite.ts';

const web = sampleLoadBalancer('web');
const api = sampleLoadBalancer('api');

/** A data directory whose state is one commit: `web` and `api`. Returns the path of its database. */
async function stateOfTwo(test: TestContext): Promise<string> {
  const path = join(temporaryDirectory(test), 'state.db');
  const store = openSqliteStore(path);
  await store.commit(0, [put(web), put(api)]);
  await store.close();
  return path;
}

function tamper(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

function refusal(path: string, options?: SqliteStoreOptions): string {
  try {
    openSqliteStore(path, options);
  } catch (error) {
    assert.ok(error instanceof StoreError);
    return error.message;
  }
  return assert.fail('the store opened');
}

describe('sqlite store: files', () => {
  it('gives the directory, the database and the files beside it to the owner only', async (test) => {
    const directory = join(temporaryDirectory(test), 'made', 'by', 'weir');
    const store = openSqliteStore(join(directory, 'state.db'));
    await store.commit(0, [put(web)]);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    for (const file of ['state.db', 'state.db-wal', 'state.db-shm', 'lock']) {
      assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file);
    }
    await store.close();
  });

  it('begins anew where a start was cut off while it made the database', async (test) => {
    const path = join(temporaryDirectory(test), 'state.db');
    for (const suffix of ['', '-wal', '-shm', '-journal']) writeFileSync(`${path}.new${suffix}`, 'half');
    const store = openSqliteStore(path);
    assert.equal((await store.commit(0, [put(web)])).outcome, 'committed');
    await store.close();
    assert.deepEqual(
      readdirSync(dirname(path)).filter((name) => name.includes('.new')),
      [],
    );
  });

  it('takes the database away from others where it was readable', async (test) => {
    const path = await stateOfTwo(test);
    const mode = () => statSync(path).mode & 0o777;
    chmodSync(path, 0o644);
    await openSqliteStore(path).close();
    assert.equal(mode(), 0o600);
  });

  it('refuses a second store in the same directory, and says who has it', async (test) => {
    const path = await stateOfTwo(test);
    const first = openSqliteStore(path);
    writeFileSync(join(path, '..', 'pid'), '4242\n');
    assert.match(refusal(path), /in use by another weir \(process 4242\)\. Stop that one, or .*--data-dir/);
    await first.close();
    await openSqliteStore(path).close();
  });

  it('locks all the same where something stands in the file of the lock', async (test) => {
    const path = await stateOfTwo(test);
    const lock = join(dirname(path), 'lock');
    writeFileSync(lock, 'what a disk has left of it'.repeat(100));
    const store = openSqliteStore(path);
    assert.match(refusal(path), /in use by another weir/);
    await store.close();
    assert.equal(statSync(lock).size, 0);
  });

  it('names a directory that cannot be made', (test) => {
    const file = join(temporaryDirectory(test), 'file');
    writeFileSync(file, '');
    assert.match(refusal(join(file, 'state.db')), /cannot make the data directory .*file/);
  });

  it('says what would be right where the directory may not be written to', () => {
    const told = (code: string) => unusableDirectory('/srv/weir', 'write in', Object.assign(new Error(code), { code }));
    for (const code of ['EACCES', 'EPERM', 'EROFS']) {
      assert.match(
        told(code).message,
        /^cannot write in the data directory \/srv\/weir: E\w+\. Give weir one .*--data-dir/,
      );
    }
    assert.equal(told('ENOSPC').message, 'cannot write in the data directory /srv/weir: ENOSPC');
  });

  it('gives out frozen records, also those that come from the disk', async (test) => {
    const store = openSqliteStore(await stateOfTwo(test));
    const [record] = store.view().list('load-balancer');
    assert.throws(() => Object.assign(record!, { name: 'other' }), TypeError);
    assert.throws(() => Object.assign(record!.healthCheck, { target: 'TCP:1' }), TypeError);
    await store.close();
  });

  it('keeps open nothing of what a commit has looked at', { skip: !existsSync('/proc/self/fd') }, async (test) => {
    const store = openSqliteStore(await stateOfTwo(test));
    const open = () => readdirSync('/proc/self/fd').length;
    await store.commit(1, [put(web)]);
    const before = open();
    for (let revision = 2; revision < 12; revision++) await store.commit(revision, [put(web)]);
    assert.equal(open(), before);
    await store.close();
  });

  it('has each commit on the disk before it is acknowledged, and keeps nothing behind the end of its log', async (test) => {
    let database: DatabaseSync | undefined;
    const open = (file: string) => (database = new DatabaseSync(file));
    const store = openSqliteStore(await stateOfTwo(test), { open });
    const pragma = (name: string) => Object.values(database!.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    // FULL is 2.
    const wanted = { journal_mode: 'wal', synchronous: 2, fullfsync: 1, journal_size_limit: 0 };
    assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((name) => [name, pragma(name)])), wanted);
    await store.close();
  });

  it('builds nothing upon what another program has written meanwhile', async (test) => {
    const path = await stateOfTwo(test);
    const store = openSqliteStore(path);
    tamper(path, 'UPDATE state SET revision = 7');
    const message = 'the database was changed by another program; start weir again';
    assert.deepEqual(await store.commit(1, [remove(web)]), { outcome: 'failed', message });
    await store.close();
    const again = openSqliteStore(path);
    assert.deepEqual([again.view().revision, again.view().list('load-balancer')], [7, [api, web]]);
    await again.close();
  });
});

describe('sqlite store: damage', () => {
  const damages: Readonly<Record<string, (path: string) => void>> = {
    'an empty file': (path) => writeFileSync(path, ''),
    'a file that is no database': (path) =>
      writeFileSync(path, 'not a database, but long enough for a header'.repeat(9)),
    'half a file': (path) => writeFileSync(path, readFileSync(path).subarray(0, statSync(path).size / 2)),
    'a database of another program': (path) => tamper(path, 'PRAGMA application_id = 1'),
    'a record that was edited': (path) => tamper(path, `UPDATE record SET body = replace(body, '8080', '8081')`),
    'no revision': (path) => tamper(path, 'DELETE FROM state'),
    'a missing table': (path) => tamper(path, 'DROP TABLE record'),
    'a write-ahead log without its database': (path) => {
      writeFileSync(`${path}-wal`, 'log');
      rmSync(path);
    },
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`is told for ${what}, and never becomes an empty start`, async (test) => {
      const path = await stateOfTwo(test);
      damage(path);
      assert.match(refusal(path), /state\.db cannot be read: .*Restore the data directory from a backup.*mv /);
      assert.match(refusal(path), /cannot be read/, 'also the second time: nothing was repaired by emptying');
    });
  }

  it('is told for a database that is gone, and where only a link to it is left', async (test) => {
    const path = await stateOfTwo(test);
    const witness = join(dirname(path), 'metrics.db');
    writeFileSync(witness, '');
    writeFileSync(path, '');
    assert.match(refusal(path), /cannot be read: the file is empty\./);
    rmSync(path);
    assert.match(refusal(path, { witness }), /cannot be read: the file is missing, while .*metrics\.db is there/);
    rmSync(witness);
    symlinkSync(join(dirname(path), 'unmounted', 'state.db'), path);
    assert.match(refusal(path), /cannot be read: it is a link, and what it leads to is not there\. Mount/);
    rmSync(path);
    await openSqliteStore(path, { witness }).close();
  });

  it('is told with a command that the shell takes as it is meant, whatever the directory is called', () => {
    const command = (path: string) => /mv .*$/.exec(damaged(path, 'no matter').message)?.[0];
    assert.equal(command('/srv/weir-1/state.db'), 'mv /srv/weir-1 /srv/weir-1.damaged');
    assert.equal(command("/srv/it's $HOME/state.db"), "mv '/srv/it'\\''s $HOME' '/srv/it'\\''s $HOME.damaged'");
  });

  it('is told for a record that its page has lost, which no checksum of a record can tell', async (test) => {
    const path = await stateOfTwo(test);
    const database = new DatabaseSync(path);
    const table = database.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'record'`).get();
    database.close();
    const bytes = readFileSync(path);
    // How many cells it has: https://www.sqlite.org/fileformat2.html#b_tree_pages
    const at = (Number(table?.['rootpage']) - 1) * 4096 + 3;
    assert.equal(bytes.readUInt16BE(at), 2);
    bytes.writeUInt16BE(1, at);
    writeFileSync(path, bytes);
    assert.match(refusal(path), /cannot be read: /);
  });

  it('of a log is told too where the database is behind a link', async (test) => {
    const path = join(temporaryDirectory(test), 'state.db');
    const store = openSqliteStore(path);
    await store.commit(0, [put(web)]);
    const [copy, link] = [1, 2].map(() => join(temporaryDirectory(test), 'state.db')) as [string, string];
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(path + suffix, copy + suffix);
    await store.close();
    symlinkSync(copy, link);
    writeFileSync(`${copy}-wal`, readFileSync(`${copy}-wal`).fill(0, 0, 8));
    assert.match(refusal(link), /state\.db-wal is damaged at its beginning/);
  });

  it('is not told where the machine is the reason: a state that is whole is not to be moved away', async (test) => {
    const path = await stateOfTwo(test);
    const other = new DatabaseSync(path);
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; UPDATE state SET revision = revision; COMMIT');
    assert.match(refusal(path), /cannot be opened: database is locked\. Nothing says that it is damaged/);
    other.close();
    for (const [errcode, what] of [
      [7, 'out of memory'],
      [13, 'database or disk is full'],
      [14, 'unable to open database file'],
      // To write, to sync, to have the index of the log.
      ...[778, 1034, 1290, 1546, 3082, 3850, 4618, 4874, 5130, 5386].map((code) => [code, 'disk I/O error'] as const),
    ] as const) {
      const open = () => {
        throw Object.assign(new Error(what), { errcode });
      };
      const told = refusal(path, { open });
      assert.ok(told.includes(`cannot be opened: ${what}. Nothing says`) && !told.includes('mv '), told);
    }
    await openSqliteStore(path).close();
  });

  it('is told for any overwritten bytes, or the records are as they were', async (test) => {
    const path = await stateOfTwo(test);
    const sound = readFileSync(path);
    const overwrite = fc.record({
      at: fc.nat(sound.length - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    });
    await fc.assert(
      fc.asyncProperty(overwrite, async ({ at, bytes }) => {
        const damaged = Buffer.from(sound);
        damaged.set(bytes.subarray(0, sound.length - at), at);
        writeFileSync(path, damaged);
        let store;
        try {
          store = openSqliteStore(path);
        } catch (error) {
          assert.ok(error instanceof StoreError, String(error));
          return;
        }
        const records = store.view().list('load-balancer');
        await store.close();
        assert.deepEqual(records, [api, web]);
      }),
      { numRuns: 300 },
    );
  });

  it('is not what a state of a newer weir is called, nor is that state opened', async (test) => {
    const [version, kind] = [makeRow('load-balancer', 'k', 2, '{}'), makeRow('spaceship', 'k', 1, '{}')];
    const values = (row: Row) => `('${row.kind}', '${row.key}', ${row.version}, '${row.body}', ${row.checksum})`;
    for (const [sql, what] of [
      ['PRAGMA user_version = 2', /its tables have version 2, and this weir knows up to 1/],
      [`INSERT INTO record VALUES ${values(version)}`, /load-balancer k has version 2, and .* versions up to 1/],
      [`INSERT INTO record VALUES ${values(kind)}`, /spaceship k has version 1, and .* no record of that kind/],
    ] as const) {
      const path = await stateOfTwo(test);
      tamper(path, sql);
      assert.match(refusal(path), /written by a newer weir: .*Start that weir again, or restore a backup/);
      assert.match(refusal(path), what);
    }
  });
});

/** A database that fails at the statements in `failing`. */
class FailingDatabase extends DatabaseSync {
  failing: readonly string[] = [];
  before: (sql: string) => void = () => undefined;

  override exec(sql: string): void {
    this.before(sql);
    if (this.failing.includes(sql)) throw Object.assign(new Error('disk I/O error'), { errcode: 1034 });
    super.exec(sql);
  }
}

describe('sqlite store: a disk that fails', () => {
  for (const failing of [['BEGIN IMMEDIATE'], ['COMMIT'], ['COMMIT', 'ROLLBACK']]) {
    it(`fails the commit at ${failing.join(' and ')}, changes nothing, reads on, and recovers`, async (test) => {
      const path = await stateOfTwo(test);
      let database: FailingDatabase | undefined;
      const store = openSqliteStore(path, { open: (file) => (database = new FailingDatabase(file)) });
      let told = 0;
      store.watch(() => told++);
      database!.failing = failing;
      const result = await store.commit(1, [remove(web)]);
      assert.equal(result.outcome, 'failed');
      assert.equal(result.outcome === 'failed' && result.message, 'disk I/O error');
      assert.deepEqual(store.view().list('load-balancer'), [api, web]);
      assert.equal(store.view().revision, 1);
      assert.equal(told, 0);
      database!.failing = [];
      assert.deepEqual(await store.commit(1, [remove(api)]), { outcome: 'committed', revision: 2 });
      await store.close();
      const again = openSqliteStore(path);
      assert.deepEqual(again.view().list('load-balancer'), [web]);
      await again.close();
    });
  }

  it('loses nothing that stands in the log when a commit fails for which the log could not be looked at', async (test) => {
    const path = join(temporaryDirectory(test), 'state.db');
    let database: FailingDatabase | undefined;
    const store = openSqliteStore(path, { open: (file) => (database = new FailingDatabase(file)) });
    await store.commit(0, [put(web)]);
    // A link to itself cannot be opened, as no file can without a descriptor; then it can again.
    const [log, aside] = [`${path}-wal`, `${path}-aside`];
    const giveBack = () => {
      if (existsSync(aside)) renameSync(aside, log);
    };
    renameSync(log, aside);
    symlinkSync(log, log);
    database!.before = (sql) => sql === 'BEGIN IMMEDIATE' && giveBack();
    database!.failing = ['COMMIT'];
    assert.equal((await store.commit(1, [put(api)])).outcome, 'failed');
    giveBack();
    const copy = join(temporaryDirectory(test), 'state.db');
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(path + suffix, copy + suffix);
    await store.close();
    const killed = openSqliteStore(copy);
    assert.deepEqual(killed.view().list('load-balancer'), [web]);
    await killed.close();
  });

  for (const file of ['state.db', 'state.db-wal']) {
    it(`acknowledges nothing while ${file} is moved away or replaced, and goes on when it is back`, async (test) => {
      const path = await stateOfTwo(test);
      const store = openSqliteStore(path);
      const [named, aside] = [join(dirname(path), file), `${path}-aside`];
      const refused = { outcome: 'failed', message: movedMessage(named) };
      renameSync(named, aside);
      assert.deepEqual(await store.commit(1, [remove(web)]), refused);
      copyFileSync(aside, named);
      assert.deepEqual(await store.commit(1, [remove(web)]), refused);
      assert.deepEqual(store.view().list('load-balancer'), [api, web]);
      renameSync(aside, named);
      assert.deepEqual(await store.commit(1, [remove(web)]), { outcome: 'committed', revision: 2 });
      await store.close();
      const again = openSqliteStore(path);
      assert.deepEqual(again.view().list('load-balancer'), [api]);
      await again.close();
    });
  }

  it('holds nobody up after a commit that has failed', async (test) => {
    const path = await stateOfTwo(test);
    let database: FailingDatabase | undefined;
    const store = openSqliteStore(path, { open: (file) => (database = new FailingDatabase(file)) });
    database!.failing = ['COMMIT'];
    assert.equal((await store.commit(1, [remove(web)])).outcome, 'failed');
    tamper(path, 'BEGIN IMMEDIATE; COMMIT');
    await store.close();
  });

  it('goes without an index of its log on the disk where that cannot be had, and leaves no old one', async (test) => {
    const path = await stateOfTwo(test);
    const index = `${path}-shm`;
    writeFileSync(index, 'of an earlier round');
    const failures = [Object.assign(new Error('unable to open database file'), { errcode: 14 })];
    const open = (file: string) => {
      const failure = failures.pop();
      if (failure !== undefined) throw failure;
      return new DatabaseSync(file);
    };
    const store = openSqliteStore(path, { open });
    assert.equal(existsSync(index), false);
    assert.deepEqual(await store.commit(1, [remove(web)]), { outcome: 'committed', revision: 2 });
    assert.equal(existsSync(index), false);
    await store.close();
  });

  it('fails a commit that the disk has no room for, and takes smaller ones', async (test) => {
    const path = await stateOfTwo(test);
    let database: DatabaseSync | undefined;
    const store = openSqliteStore(path, { open: (file) => (database = new DatabaseSync(file)) });
    database!.exec('PRAGMA max_page_count = 8');
    const big = sampleLoadBalancer('big', { dnsName: 'x'.repeat(100_000) });
    const result = await store.commit(1, [put(big)]);
    assert.deepEqual(result, {
      outcome: 'failed',
      message: 'database or disk is full',
    });
    assert.deepEqual(store.view().list('load-balancer'), [api, web]);
    assert.deepEqual(await store.commit(1, [remove(web)]), { outcome: 'committed', revision: 2 });
    await store.close();
  });
});
