import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { logDamage } from './log-damage.ts';

const WRITER = fileURLToPath(new URL('../../test/support/store-writer.ts', import.meta.url));
const HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 4096;
const INDEX_HEADER_BYTES = 48;
const INDEX_FRAMES = 16;

/** A state as a kill has left it, with several commits in its log. */
function killed(test: TestContext, seed = '1'): string {
  const path = join(temporaryDirectory(test), 'state.db');
  const { stdout } = spawnSync(process.execPath, [WRITER, path, seed, 'some-and-die'], { encoding: 'utf8' });
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

  it('is damaged where nothing but its beginning is left, as its index tells', (test) => {
    const path = killed(test);
    for (const size of [HEADER_BYTES, 0]) {
      truncateSync(`${path}-wal`, size);
      assert.match(logDamage(path)!, /state\.db-wal is cut off, while .*state\.db-shm tells of commits in it$/);
    }
    const index = readFileSync(`${path}-shm`);
    index.copy(index, 2 * INDEX_HEADER_BYTES, INDEX_FRAMES, INDEX_FRAMES + 4);
    writeFileSync(`${path}-shm`, index);
    assert.equal(logDamage(path), undefined, 'the database has all of them');
    rmSync(`${path}-shm`);
    assert.equal(logDamage(path), undefined, 'a log that has yet to begin');
  });

  it('is damaged where a commit has begun behind a frame that cannot be read', (test) => {
    const path = killed(test);
    const log = `${path}-wal`;
    const bytes = readFileSync(log);
    const lastFrame = bytes.subarray(bytes.length - FRAME_BYTES);
    rmSync(`${path}-shm`);
    flip(log, bytes.length - 1);
    assert.equal(logDamage(path), undefined, 'the last commit may have been cut short');
    appendFileSync(log, lastFrame.subarray(0, 100));
    assert.match(logDamage(path)!, new RegExp(`damaged at byte ${bytes.length - FRAME_BYTES}, and commits`));
  });

  it('is none the worse for frames of an earlier round behind a commit that was cut short', (test) => {
    const path = killed(test);
    const log = `${path}-wal`;
    const earlier = Buffer.from(readFileSync(log).subarray(-FRAME_BYTES));
    // Its salts: those of another round.
    earlier.fill(0xa5, 8, 16);
    flip(log, statSync(log).size - 1);
    rmSync(`${path}-shm`);
    appendFileSync(log, earlier);
    assert.equal(logDamage(path), undefined);
    const other = killed(test);
    rmSync(`${other}-shm`);
    // Of a commit that was cut short, the disk has written what stands behind, and not what stands before.
    appendFileSync(`${other}-wal`, Buffer.concat([earlier, readFileSync(`${other}-wal`).subarray(-FRAME_BYTES)]));
    assert.equal(logDamage(other), undefined);
  });

  it('is judged by an index of its own that is whole, and by no other', (test) => {
    const paths = [killed(test), killed(test, '2')];
    const [short, long] = paths.sort((a, b) => statSync(`${a}-wal`).size - statSync(`${b}-wal`).size);
    const index = readFileSync(`${short!}-shm`);
    copyFileSync(`${long!}-shm`, `${short!}-shm`);
    assert.equal(logDamage(short!), undefined, 'of an earlier round');
    writeFileSync(`${short!}-shm`, index);
    const change = (at: number, size = index.length) => {
      writeFileSync(`${short!}-shm`, index.subarray(0, size));
      if (at < size) flip(`${short!}-shm`, at);
      return logDamage(short!);
    };
    assert.equal(change(INDEX_FRAMES + 1), undefined, 'a kill came between the copies of its header');
    assert.equal(change(Infinity, 2 * INDEX_HEADER_BYTES + 1), undefined, 'it is not there as a whole');
  });
});
