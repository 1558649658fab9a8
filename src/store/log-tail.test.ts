import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { cutLog, markLog } from './log-tail.ts';

const log = (size: number, round: number): Buffer => Buffer.alloc(size, round);

it('what a failed commit has added to the log is cut off', (test) => {
  const path = join(temporaryDirectory(test), 'state.db-wal');
  writeFileSync(path, log(5000, 1));
  const mark = markLog(path);
  writeFileSync(path, log(9000, 1));
  cutLog(path, mark);
  assert.deepEqual(readFileSync(path), log(5000, 1));
  cutLog(path, mark);
  assert.equal(statSync(path).size, 5000);
});

it('of a log that began anew with the failed commit nothing is kept: the database has what it held before', (test) => {
  const path = join(temporaryDirectory(test), 'state.db-wal');
  writeFileSync(path, log(5000, 1));
  const mark = markLog(path);
  for (const size of [3000, 9000]) {
    writeFileSync(path, log(size, 2));
    cutLog(path, mark);
    assert.equal(statSync(path).size, 0);
  }
  rmSync(path);
  const none = markLog(path);
  writeFileSync(path, log(3000, 3));
  cutLog(path, none);
  assert.equal(statSync(path).size, 0);
});
