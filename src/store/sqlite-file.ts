/** The database file: made whole or not at all, opened only when it is sound, readable by its owner only. */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { dirname } from 'node:path';
import { messageOf } from '../kit/assert.ts';
import { logDamage } from './log-damage.ts';
import { NewerError, StoreError } from './records.ts';
import { sqliteModule } from './sqlite-module.ts';

/** `weir` in ASCII: says whose database it is. */
const APPLICATION_ID = 0x77656972;
/** Version of the tables below; records have versions of their own. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE state (only INTEGER PRIMARY KEY CHECK (only = 1), revision INTEGER NOT NULL) STRICT;
  INSERT INTO state VALUES (1, 0);
  CREATE TABLE record (
    kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

export type OpenDatabase = (path: string) => DatabaseSync;

/** Makes the directory (0700) where it is missing. */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StoreError(`cannot make the data directory ${directory}: ${messageOf(error)}`);
  }
}

/**
 * Opens the database at `path`, making it when there is none. The caller holds the directory's lock.
 * @throws {StoreError} when the file is damaged, foreign or newer; never starts over with an empty one.
 */
export function openDatabaseFile(path: string, open: OpenDatabase): DatabaseSync {
  if (!existsSync(path)) createDatabaseFile(path);
  else if (statSync(path).size === 0) throw damaged(path, 'the file is empty');
  const loss = logDamage(path);
  if (loss !== undefined) throw damaged(path, loss);
  chmodSync(path, 0o600);
  let database: DatabaseSync | undefined;
  try {
    database = open(path);
    verify(database, path);
    // FULL: a commit returns after its write-ahead log reached the disk. The size limit: see log-tail.ts.
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA journal_size_limit = 0',
    );
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof StoreError) throw error;
    throw damaged(path, messageOf(error));
  }
}

/** The message for a state that cannot be read: what is wrong, and what the operator can do. */
export function damaged(path: string, what: string): StoreError {
  return new StoreError(
    `the state in ${path} cannot be read: ${what}. weir does not start with an empty state in its place. ` +
      'Restore the data directory from a backup; or, to begin anew without any load balancer, move it away: ' +
      `mv ${forShell(dirname(path))} ${forShell(`${dirname(path)}.damaged`)}`,
  );
}

/** `path` as a shell takes it for one word. */
function forShell(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** A database appears under its name only when it is complete, so that an empty file is always damage. */
function createDatabaseFile(path: string): void {
  if (existsSync(`${path}-wal`)) throw damaged(path, `the file is missing, while ${path}-wal is there`);
  const fresh = `${path}.new`;
  try {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${fresh}${suffix}`, { force: true });
    closeSync(openSync(fresh, 'wx', 0o600));
    const { DatabaseSync } = sqliteModule();
    const database = new DatabaseSync(fresh);
    database.exec(`PRAGMA synchronous = FULL; BEGIN; ${SCHEMA} COMMIT; PRAGMA journal_mode = WAL;`);
    database.close();
    syncToDisk(fresh);
    renameSync(fresh, path);
    syncToDisk(dirname(path));
  } catch (error) {
    throw new StoreError(`cannot make the state file ${path}: ${messageOf(error)}`);
  }
}

function verify(database: DatabaseSync, path: string): void {
  const applicationId = database.prepare('PRAGMA application_id').get()?.['application_id'];
  if (applicationId !== APPLICATION_ID) throw damaged(path, 'it is a SQLite database, but not one of weir');
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > SCHEMA_VERSION) {
    throw newer(
      path,
      new NewerError(`its tables have version ${version}, and this weir knows up to ${SCHEMA_VERSION}`),
    );
  }
  const problems = database
    .prepare('PRAGMA integrity_check(3)')
    .all()
    .map((row) => String(row['integrity_check']));
  if (problems.join() !== 'ok') throw damaged(path, problems.join('; ').replaceAll('\n', '; '));
}

/** The message for a state that a newer weir wrote. */
export function newer(path: string, error: NewerError): StoreError {
  return new StoreError(
    `the state in ${path} was written by a newer weir: ${error.message}. ` +
      'Start that weir again, or restore a backup of the data directory from before the upgrade.',
  );
}

function syncToDisk(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
