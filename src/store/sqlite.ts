/**
 * The durable store: SQLite in WAL mode with `synchronous=FULL`, one writer. All records are kept in memory too, so
 * that reads never touch the disk and go on when the disk does not.
 */
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { messageOf } from '../kit/assert.ts';
import { lockDirectory } from './directory-lock.ts';
import { filesInPlace } from './files-in-place.ts';
import { cutLog, markLog, type LogMark } from './log-tail.ts';
import { canonicalChanges, decodeRecord, encodeRecord, NewerError, StoreError, type Row } from './records.ts';
import { damaged, makeDirectory, newer, openDatabaseFile, whyNotOpened, type OpenDatabase } from './sqlite-file.ts';
import { sqliteModule } from './sqlite-module.ts';
import type { Change, CommitResult, Store, View, Watcher } from './store.ts';
import { StateView } from './view.ts';
import { Watchers } from './watchers.ts';

export interface SqliteStoreOptions {
  /** Opens the database; tests pass one whose disk fails. */
  readonly open?: OpenDatabase;
  /** A file that is made after the state only: where it is, and no state, the state was lost. */
  readonly witness?: string;
}

/**
 * Opens the state file at `path` (made with its directory when missing) and locks the directory until `close`.
 * @throws {StoreError} when another weir uses the directory, or the state is damaged or newer than this weir.
 */
export function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Store {
  makeDirectory(dirname(path));
  const unlock = lockDirectory(dirname(path));
  try {
    const { DatabaseSync } = sqliteModule();
    const database = openDatabaseFile(path, options.open ?? ((file) => new DatabaseSync(file)), options.witness);
    // Where the path is a link, SQLite has the log beside what it leads to.
    return new SqliteStore(database, readState(database, path), realpathSync(path), unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #logPath: string;
  readonly #demandInPlace: () => void;
  readonly #unlock: () => void;
  readonly #watchers = new Watchers();
  readonly #setRevision: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  #view: StateView;
  #open = true;

  constructor(database: DatabaseSync, view: StateView, path: string, unlock: () => void) {
    this.#database = database;
    this.#logPath = `${path}-wal`;
    this.#demandInPlace = filesInPlace([path, this.#logPath]);
    this.#view = view;
    this.#unlock = unlock;
    this.#setRevision = database.prepare('UPDATE state SET revision = ? WHERE revision = ?');
    this.#put = database.prepare('INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM record WHERE kind = ? AND key = ?');
  }

  view(): View {
    return this.#view;
  }

  async commit(expectedRevision: number, changes: readonly Change[]): Promise<CommitResult> {
    if (!this.#open) return { outcome: 'failed', message: 'the store is closed' };
    if (expectedRevision !== this.#view.revision) return { outcome: 'conflict', revision: this.#view.revision };
    const canonical = canonicalChanges(changes);
    const revision = expectedRevision + 1;
    let mark: LogMark | undefined;
    try {
      mark = this.#begin();
      this.#write(revision, canonical);
    } catch (error) {
      this.#rollBack(mark);
      return { outcome: 'failed', message: messageOf(error) };
    }
    const view = this.#view.next(revision, canonical);
    this.#view = view;
    this.#watchers.notify(view, canonical);
    return { outcome: 'committed', revision };
  }

  watch(watcher: Watcher): () => void {
    return this.#watchers.add(watcher);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#watchers.clear();
    // Closing the last connection moves the write-ahead log into the database.
    this.#database.close();
    this.#unlock();
  }

  #begin(): LogMark {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    const mark = markLog(this.#logPath);
    this.#database.exec('BEGIN IMMEDIATE');
    this.#demandInPlace();
    return mark;
  }

  #write(revision: number, changes: readonly Change[]): void {
    const { changes: rows } = this.#setRevision.run(revision, revision - 1);
    // The lock keeps weir out, not sqlite3(1): what somebody wrote past us must not be built upon.
    if (rows !== 1) throw new Error('the database was changed by another program; start weir again');
    for (const change of changes) {
      if (change.record === undefined) this.#delete.run(change.kind, change.key);
      else {
        const row = encodeRecord(change.kind, change.key, change.record);
        this.#put.run(row.kind, row.key, row.version, row.body, row.checksum);
      }
    }
    this.#database.exec('COMMIT');
  }

  /** Leaves nothing of a commit that failed after `mark`, as far as the disk lets us. */
  #rollBack(mark: LogMark | undefined): void {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      if (mark !== undefined) cutLog(this.#logPath, mark);
    } catch {
      // A transaction that cannot be ended now is ended before the next; a log that cannot be cut is overwritten then.
    }
  }
}

function readState(database: DatabaseSync, path: string): StateView {
  try {
    const revision = database.prepare('SELECT revision FROM state').get()?.['revision'];
    if (typeof revision !== 'number') throw new StoreError('it holds no revision');
    const rows = database.prepare('SELECT kind, key, version, body, checksum FROM record').all() as unknown as Row[];
    return StateView.empty.next(
      revision,
      rows.map((row) => decodeRecord(row)),
    );
  } catch (error) {
    database.close();
    if (error instanceof NewerError) throw newer(path, error);
    throw error instanceof StoreError ? damaged(path, error.message) : whyNotOpened(path, error);
  }
}
