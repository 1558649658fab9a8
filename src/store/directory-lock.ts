/**
 * One weir per data directory. The lock is an exclusive transaction on an empty SQLite file: the kernel holds it for
 * the process and lets go when the process ends, however it ends, so that there is no stale lock to clean up.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, messageOf } from '../kit/assert.ts';
import { StoreError } from './records.ts';
import { sqliteCode } from './sqlite-code.ts';
import { sqliteModule } from './sqlite-module.ts';

/** What SQLite says when another process holds the lock (https://www.sqlite.org/rescode.html). */
const SQLITE_BUSY = 5;

/**
 * Takes the lock of `directory`, or throws. Returns what lets go of it.
 * @throws {StoreError} naming the process that holds it, where that is known; or when the directory cannot be written to.
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, 'lock');
  // Made here for its mode; nobody in this process may open and close it while the lock is held: closing any
  // descriptor of a file drops the process's POSIX locks on it.
  try {
    makeEmpty(path);
  } catch (error) {
    throw unusableDirectory(directory, 'write in', error);
  }
  const { DatabaseSync } = sqliteModule();
  const database = new DatabaseSync(path);
  try {
    // Nothing is ever written to it: no journal on disk.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (sqliteCode(error) !== SQLITE_BUSY) {
      throw unusableDirectory(directory, 'lock', error);
    }
    throw new StoreError(
      `the data directory ${directory} is in use by another weir${holder(directory)}. ` +
        'Stop that one, or give this one a directory of its own (--data-dir).',
    );
  }
  return () => database.close();
}

/** Why weir cannot do `what` with the directory; where the system forbids it, also what would be right. */
export function unusableDirectory(directory: string, what: string, error: unknown): StoreError {
  const isForbidden = ['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '');
  const remedy = isForbidden ? '. Give weir one that its user may write to (--data-dir, or dataDir: in the file)' : '';
  return new StoreError(`cannot ${what} the data directory ${directory}: ${messageOf(error)}${remedy}`);
}

/** What stands in it is not ours, and no database: nothing is lost with it, and whoever holds the lock holds it all the same. */
function makeEmpty(path: string): void {
  const descriptor = openSync(path, 'a', 0o600);
  try {
    if (fstatSync(descriptor).size > 0) ftruncateSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function holder(directory: string): string {
  try {
    const pid = Number.parseInt(readFileSync(join(directory, 'pid'), 'utf8'), 10);
    return Number.isNaN(pid) ? '' : ` (process ${pid})`;
  } catch {
    return '';
  }
}
