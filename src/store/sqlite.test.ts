/** What the durable store promises beyond `store.test.ts`: durability, refusals, a disk that fails. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { put, remove, sampleLoadBalancer } from '../../test/support/records.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { makeRow, StoreError, type Row } from './records.ts';
import { openSqliteStore } from './sqlite.ts';

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

function refusal(path: string): string {
  try {
    openSqliteStore(path);
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

  it('names a directory that cannot be made', (test) => {
    const file = join(temporaryDirectory(test), 'file');
    writeFileSync(file, '');
    assert.match(refusal(join(file, 'state.db')), /cannot make the data directory .*file/);
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

  override exec(sql: string): void {
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
