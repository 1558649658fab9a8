import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { systemFiles } from './access-log-files.ts';

const SHARED_MEMORY = '/dev/shm';
const hasOtherDisk = existsSync(SHARED_MEMORY) && statSync(SHARED_MEMORY).dev !== statSync(tmpdir()).dev;

it('a file is moved to another disk whole, or not at all', { skip: !hasOtherDisk }, async (t) => {
  const from = join(temporaryDirectory(t), 'file');
  const other = mkdtempSync(join(SHARED_MEMORY, 'weir-test-'));
  t.after(() => rmSync(other, { recursive: true }));
  writeFileSync(from, 'a line\n');
  const [to, inTheWay] = [join(other, 'a', 'b', 'file'), join(other, 'folder')];
  mkdirSync(join(inTheWay, 'full'), { recursive: true });
  await assert.rejects(systemFiles.move(from, inTheWay));
  assert.deepEqual([existsSync(from), readdirSync(other)], [true, ['folder']]);
  await systemFiles.move(from, to);
  assert.deepEqual([existsSync(from), readFileSync(to, 'utf8')], [false, 'a line\n']);
});

it('a file is cut to its whole lines, of which there may be none', async (t) => {
  const path = join(temporaryDirectory(t), 'file');
  for (const [content, whole] of [
    ['', ''],
    ['one\n', 'one\n'],
    ['one\ntwo', 'one\n'],
    ['torn', ''],
    [`one\n${'x'.repeat(200_000)}`, 'one\n'],
    ['x'.repeat(200_000), ''],
  ] as const) {
    writeFileSync(path, content);
    assert.deepEqual([await systemFiles.trim(path), readFileSync(path, 'utf8')], [whole.length, whole]);
  }
});

it('files are listed from the one that was written to first', async (t) => {
  const folder = temporaryDirectory(t);
  for (const [name, seconds] of [
    ['b', 3],
    ['a', 2],
    ['c', 1],
  ] as const) {
    writeFileSync(join(folder, name), '');
    utimesSync(join(folder, name), seconds, seconds);
  }
  const listed = (await systemFiles.list(folder)).map(({ path }) => path.at(-1));
  assert.deepEqual(listed, ['c', 'a', 'b']);
});
