import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { logDamage } from './log-damage.ts';

const WRITER = fileURLToPath(new URL('../../test/support/store-writer.ts', import.meta.url));
const HEADER_BYTES = 32;

/** A state as a kill has left it, with several commits in its log. */
function killed(test: TestContext): string {
  const path = join(temporaryDirectory(test), 'state.db');
  const { stdout } = spawnSync(process.execPath, [WRITER, path, '1', 'some-and-die'], { encoding: 'utf8' });
  assert.match(stdout, /^\d+$/m);
  assert.ok(existsSync(`${path}-wal`) && existsSync(`${path}-shm`));
  return path;
}

function flip(file: string, at: number): void {
  const before = readFileSync(file)[at]!;
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.from([before ^ 1]), 0, 1, at);
  closeSync(descriptor);
}

describe('the log of the state', () => {
  it('is in order as a kill leaves it, and without its index', (test) => {
    const path = killed(test);
    assert.equal(logDamage(path), undefined);
    rmSync(`${path}-shm`);
    assert.equal(logDamage(path), undefined);
  });

  it('is in order with a commit that was cut short behind its last one', (test) => {
    const path = killed(test);
    const log = `${path}-wal`;
    const size = statSync(log).size;
    const frame = readFileSync(log).subarray(HEADER_BYTES, HEADER_BYTES + 3000);
    const descriptor = openSync(log, 'a');
    writeSync(descriptor, frame);
    closeSync(descriptor);
    assert.ok(statSync(log).size > size);
    assert.equal(logDamage(path), undefined);
  });

  it('is damaged where commits stand behind a frame that cannot be read, index or not', (test) => {
    const path = killed(test);
    flip(`${path}-wal`, HEADER_BYTES + 1000);
    assert.match(logDamage(path)!, /state\.db-wal is damaged at byte 32, and commits have stood behind it$/);
    rmSync(`${path}-shm`);
    assert.match(logDamage(path)!, /damaged at byte 32/);
  });

  it('is damaged where its index knows of more commits than it holds', (test) => {
    const path = killed(test);
    truncateSync(`${path}-wal`, statSync(`${path}-wal`).size - 1);
    assert.match(logDamage(path)!, /state\.db-wal is damaged at byte \d+/);
  });

  it('is damaged where its beginning is no log, and where it is gone', (test) => {
    const path = killed(test);
    flip(`${path}-wal`, 10);
    assert.match(logDamage(path)!, /state\.db-wal is damaged at its beginning$/);
    rmSync(`${path}-wal`);
    assert.match(logDamage(path)!, /state\.db-wal is missing, while .*state\.db-shm tells of commits in it$/);
  });
});
