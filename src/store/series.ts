/**
 * Points by series and minute, beside the records: they come every minute, go after some days, are no state that anything
 * is decided on, and have neither revisions nor watchers. A file of their own, so that they slow no start and no commit.
 */
import { closeSync, existsSync, openSync, renameSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { messageOf } from '../kit/assert.ts';
import type { Log } from '../kit/log.ts';
import { sqliteCode } from './sqlite-code.ts';
import { sqliteModule } from './sqlite-module.ts';

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE series (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kinds INTEGER NOT NULL, last INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE point (
    series INTEGER NOT NULL, minute INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (series, minute)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

export interface SeriesPoint {
  readonly key: string;
  /** Bits that say what is in it; a series has those of all its points. */
  readonly kinds: number;
  readonly body: Uint8Array;
}

export interface Series {
  readonly id: number;
  readonly key: string;
  readonly kinds: number;
  /** Minute of its latest point. */
  readonly last: number;
}

export interface StoredPoint {
  readonly minute: number;
  readonly body: Uint8Array;
}

export interface SeriesStore {
  /** Adds the points of a minute, in one transaction. Where there is a point already, `merge` makes one of both. */
  write(
    minute: number,
    points: readonly SeriesPoint[],
    merge: (before: Uint8Array, more: Uint8Array) => Uint8Array,
  ): void;
  /** All series whose key begins with `prefix`, by key. */
  list(prefix: string): readonly Series[];
  /** The points of a series from one minute on, up to another that does not belong to them; in order. */
  read(id: number, from: number, to: number): Iterable<StoredPoint>;
  /** Forgets the points before `minute`, and series that have none left. */
  prune(minute: number): void;
  close(): void;
}

/**
 * Opens the file at `path`, making it when there is none; `:memory:` for none. A damaged one is put aside and begun anew: what
 * it tells is of the past. Where there can be none (a full disk), points are kept in memory: they are no reason not to start.
 */
export function openSeriesStore(path: string, log: Log): SeriesStore {
  return new MendedSeries(path, log);
}

/** Damage in the middle of a file shows when it is met, perhaps long after the start. */
class MendedSeries implements SeriesStore {
  readonly #path: string;
  readonly #log: Log;
  #store: SqliteSeries;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#store = openFile(path, log);
  }

  write(...of: Parameters<SeriesStore['write']>): void {
    this.#do((store) => store.write(...of));
  }

  list(prefix: string): readonly Series[] {
    return this.#do((store) => store.list(prefix));
  }

  read(id: number, from: number, to: number): Iterable<StoredPoint> {
    return this.#do((store) => store.read(id, from, to));
  }

  prune(minute: number): void {
    this.#do((store) => store.prune(minute));
  }

  close(): void {
    this.#store.close();
  }

  #do<T>(work: (store: SqliteSeries) => T): T {
    try {
      return work(this.#store);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#store.close();
      this.#store = beginAnew(this.#path, messageOf(error), this.#log);
      return work(this.#store);
    }
  }
}

function openFile(path: string, log: Log): SqliteSeries {
  try {
    return new SqliteSeries(openDatabase(path));
  } catch (error) {
    if (isDamage(error)) return beginAnew(path, messageOf(error), log);
    return inMemory(path, messageOf(error), log);
  }
}

function beginAnew(path: string, cause: string, log: Log): SqliteSeries {
  const aside = `${path}.damaged`;
  log.error({ path, aside, cause }, 'metrics of the past cannot be read: they are put aside and begun anew');
  try {
    for (const suffix of ['', '-wal', '-shm']) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    }
    return new SqliteSeries(openDatabase(path));
  } catch (error) {
    return inMemory(path, messageOf(error), log);
  }
}

function inMemory(path: string, cause: string, log: Log): SqliteSeries {
  log.error({ path, cause }, 'metrics cannot be kept in their file: they are in memory until weir is started again');
  const database = openDatabase(':memory:');
  // 64 MiB; past that, points are refused as on a full disk.
  database.exec('PRAGMA max_page_count = 16384');
  return new SqliteSeries(database);
}

/** SQLITE_CORRUPT, SQLITE_NOTADB, or tables that are not ours. */
function isDamage(error: unknown): boolean {
  if (error instanceof UnknownTables) return true;
  const code = sqliteCode(error);
  return code === 11 || code === 26;
}

class UnknownTables extends Error {}

function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync } = sqliteModule();
  // Before SQLite makes it, so that only its owner can read it.
  if (path !== ':memory:' && !existsSync(path)) closeSync(openSync(path, 'wx', 0o600));
  const database = new DatabaseSync(path);
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    // A power cut may cost the last minutes, never the file.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304');
    if (version === 0) database.exec(`BEGIN; ${SCHEMA} COMMIT`);
    else if (version !== SCHEMA_VERSION) throw new UnknownTables(`its tables have version ${version}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

class SqliteSeries implements SeriesStore {
  readonly #database: DatabaseSync;
  readonly #find: StatementSync;
  readonly #add: StatementSync;
  readonly #touch: StatementSync;
  readonly #point: StatementSync;
  readonly #put: StatementSync;
  readonly #list: StatementSync;
  readonly #read: StatementSync;
  #open = true;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#find = database.prepare('SELECT id, kinds, last FROM series WHERE key = ?');
    this.#add = database.prepare('INSERT INTO series (key, kinds, last) VALUES (?, ?, ?)');
    this.#touch = database.prepare('UPDATE series SET kinds = ?, last = ? WHERE id = ?');
    this.#point = database.prepare('SELECT body FROM point WHERE series = ? AND minute = ?');
    this.#put = database.prepare('INSERT OR REPLACE INTO point VALUES (?, ?, ?)');
    this.#list = database.prepare('SELECT id, key, kinds, last FROM series WHERE key >= ? AND key < ? ORDER BY key');
    this.#read = database.prepare(
      'SELECT minute, body FROM point WHERE series = ? AND minute >= ? AND minute < ? ORDER BY minute',
    );
  }

  write(
    minute: number,
    points: readonly SeriesPoint[],
    merge: (before: Uint8Array, more: Uint8Array) => Uint8Array,
  ): void {
    this.#transaction(() => {
      for (const { key, kinds, body } of points) {
        const id = this.#seriesOf(key, kinds, minute);
        const before = this.#point.get(id, minute)?.['body'] as Uint8Array | undefined;
        this.#put.run(id, minute, before === undefined ? body : merge(before, body));
      }
    });
  }

  list(prefix: string): readonly Series[] {
    return this.#list.all(prefix, `${prefix}\u{10ffff}`) as unknown as Series[];
  }

  read(id: number, from: number, to: number): readonly StoredPoint[] {
    // Who reads on after a stop finds nothing more.
    if (!this.#open) return [];
    return this.#read.all(id, from, to) as unknown as readonly StoredPoint[];
  }

  prune(minute: number): void {
    this.#transaction(() => {
      // By series: the points of one stand together.
      const forget = this.#database.prepare('DELETE FROM point WHERE series = ? AND minute < ?');
      for (const { id } of this.list('')) forget.run(id, minute);
      this.#database.prepare('DELETE FROM series WHERE last < ?').run(minute);
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#database.close();
  }

  #seriesOf(key: string, kinds: number, minute: number): number {
    const found = this.#find.get(key) as Omit<Series, 'key'> | undefined;
    if (found === undefined) return Number(this.#add.run(key, kinds, minute).lastInsertRowid);
    this.#touch.run(found.kinds | kinds, Math.max(found.last, minute), found.id);
    return found.id;
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}
