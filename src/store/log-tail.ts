/**
 * The end of SQLite's write-ahead log, for a commit that failed. When the log was written but could not be synced,
 * SQLite takes the commit back in memory only: its frames stay behind the log's end, whole and with good checksums, and
 * a kill before the next commit (which overwrites them) would make the next start take them for committed. So they are
 * cut off. (File format: https://www.sqlite.org/fileformat2.html#walformat)
 */
import { closeSync, fstatSync, openSync, readSync, truncateSync } from 'node:fs';
import { errorCode } from '../kit/assert.ts';

const HEADER_BYTES = 32;

/** Where the log ended before a commit. Its header changes whenever it begins anew. */
export interface LogMark {
  readonly size: number;
  readonly header: Buffer;
}

/**
 * The end of the log at `path` between two commits; there is none before the first. Holds only with `journal_size_limit = 0`, by which SQLite keeps
 * nothing of an earlier round of the log behind its end.
 * @throws the system's error when the log cannot be looked at.
 */
export function markLog(path: string): LogMark {
  let log: number;
  try {
    log = openSync(path, 'r');
  } catch (error) {
    // Only that, and not that there is no descriptor at the moment: a log that is taken for none would be cut to nothing.
    if (errorCode(error) !== 'ENOENT') throw error;
    return { size: 0, header: Buffer.alloc(0) };
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const length = readSync(log, header, 0, HEADER_BYTES, 0);
    return { size: fstatSync(log).size, header: header.subarray(0, length) };
  } finally {
    // SQLite's locks are on the other two files: closing this one lets go of none.
    closeSync(log);
  }
}

/** Cuts off what a failed commit, rolled back by now, has written since `mark`. */
export function cutLog(path: string, mark: LogMark): void {
  const now = markLog(path);
  // The log began anew with the failed commit: all that it held before stands in the database, synced.
  const keep = now.header.equals(mark.header) ? mark.size : 0;
  if (now.size > keep) truncateSync(path, keep);
}
