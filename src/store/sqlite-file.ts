/** The database file: made whole or not at all, opened only when it is sound, readable by its owner only. */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { dirname } from 'node:path';
import { messageOf } from '../kit/assert.ts';
import { makeFolders } from '../kit/folders.ts';
import { shellWord } from '../kit/shell-word.ts';
import { unusableDirectory } from './directory-lock.ts';
import { logDamage } from './log-damage.ts';
import { NewerError, StoreError } from './records.ts';
import { extendedCode, sqliteCode } from './sqlite-code.ts';
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

/**
 * Makes the directory (0700) where it is missing.
 * @throws {StoreError} when it cannot be made.
 */
export function makeDirectory(directory: string): void {
  try {
    makeFolders(directory, 0o700);
  } catch (error) {
    throw unusableDirectory(directory, 'make', error);
  }
}

/**
 * Opens the database at `path`, making it when there never was one. The caller holds the directory's lock; `witness` is a
 * file that is made after the database only.
 * @throws {StoreError} when the file is damaged, lost, foreign or newer; never starts over with an empty one.
 */
export function openDatabaseFile(path: string, open: OpenDatabase, witness?: string): DatabaseSync {
  if (!existsSync(path)) {
    const lost = whyLost(path, witness);
    if (lost !== undefined) throw damaged(path, lost);
    createDatabaseFile(path);
  } else if (statSync(path).size === 0) throw damaged(path, 'the file is empty');
  const loss = logDamage(realpathSync(path));
  if (loss !== undefined) throw damaged(path, loss);
  chmodSync(path, 0o600);
  try {
    try {
      return openSound(path, open, 'index on disk');
    } catch (error) {
      if (!NO_INDEX.has(extendedCode(error))) throw error;
      return openSound(path, open, 'index in memory');
    }
  } catch (error) {
    throw whyNotOpened(path, error);
  }
}

/**
 * On a full disk there is no room for the index of the write-ahead log, which SQLite makes at each start. Alone with the
 * database, as we are by the lock, it can do without: the load balancers come up, and changes are refused until there is room.
 */
function openSound(path: string, open: OpenDatabase, index: 'index on disk' | 'index in memory'): DatabaseSync {
  const database = open(path);
  try {
    if (index === 'index in memory') database.exec('PRAGMA locking_mode = EXCLUSIVE');
    verify(database, path);
    // FULL: a commit returns after its write-ahead log reached the disk. The size limit: see log-tail.ts.
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA journal_size_limit = 0',
    );
    // What is left of one tells of the log as it was (log-damage.ts).
    if (index === 'index in memory') rmSync(`${realpathSync(path)}-shm`, { force: true });
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * What SQLite says of the machine, and not of what is in the file (https://www.sqlite.org/rescode.html): BUSY, LOCKED, NOMEM, FULL,
 * CANTOPEN, PROTOCOL; then failures to write, to sync, and to have the index of the log.
 */
const OF_THE_MACHINE = new Set([5, 6, 7, 13, 14, 15]);
const OF_THE_MACHINE_EXTENDED = new Set([778, 1034, 1290, 1546, 3082, 3850, 4618, 4874, 5130, 5386]);
/** FULL and CANTOPEN; then IOERR with SHMOPEN, SHMSIZE and SHMMAP: no room for the index of the log. */
const NO_INDEX = new Set([13, 14, 4618, 4874, 5386]);

/** `error` as the operator is told it: a state that is whole must not be moved away. */
export function whyNotOpened(path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = sqliteCode(error) ?? 0;
  const isOfTheMachine = OF_THE_MACHINE.has(code) || OF_THE_MACHINE_EXTENDED.has(extendedCode(error));
  if (!isOfTheMachine) return damaged(path, messageOf(error));
  return new StoreError(
    `the state in ${path} cannot be opened: ${messageOf(error)}. Nothing says that it is damaged: see what is missing (room on ` +
      'the disk, memory, permission) or who else has it open, and start weir again.',
  );
}

/** The message for a state that cannot be read: what is wrong, and what the operator can do. */
export function damaged(path: string, what: string): StoreError {
  return new StoreError(
    `the state in ${path} cannot be read: ${what}. weir does not start with an empty state in its place. ` +
      'Restore the data directory from a backup; or, to begin anew without any load balancer, move it away: ' +
      `mv ${shellWord(dirname(path))} ${shellWord(`${dirname(path)}.damaged`)}`,
  );
}

/** What tells of a database that was where none is; undefined: nothing does. */
function whyLost(path: string, witness: string | undefined): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    return 'it is a link, and what it leads to is not there. Mount the disk that it is on, if that is why';
  }
  const left = [`${path}-wal`, ...(witness === undefined ? [] : [witness])].find((file) => existsSync(file));
  return left === undefined ? undefined : `the file is missing, while ${left} is there`;
}

/** A database appears under its name only when it is complete, so that an empty file is always damage. */
function createDatabaseFile(path: string): void {
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
