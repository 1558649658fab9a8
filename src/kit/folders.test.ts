import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { makeFolders } from './folders.ts';

describe('folders', () => {
  it('are made with those above them, and left alone where they are', (test) => {
    const path = join(temporaryDirectory(test), 'a', 'b c', 'ü');
    makeFolders(path, 0o700);
    makeFolders(path, 0o755);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.equal(statSync(join(path, '..', '..')).mode & 0o777, 0o700);
  });

  it('cannot be made below a file, or in its place', (test) => {
    const file = join(temporaryDirectory(test), 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'a', 'b')]) {
      assert.throws(() => makeFolders(path, 0o700), { code: 'EEXIST', path: file });
    }
  });

  it(
    'that the system has not, though their parent is there, are refused at once',
    { skip: !existsSync('/proc/self') },
    () => {
      assert.throws(() => makeFolders('/proc/no-such-folder/a', 0o700), { syscall: 'mkdir' });
    },
  );
});
