/** A disk that is full, in earnest: a file system of its own, too small. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from './temporary-directory.ts';

export class SmallDisk {
  /** Where it is mounted: a folder called `folder` of `directory`, which is removed after the test. */
  readonly path: string;
  readonly directory: string;
  /** Why it could not be mounted. */
  readonly problem: string | undefined;

  constructor(test: TestContext, bytes: number, folder: string) {
    // Before the directory goes.
    test.after(() => spawnSync('umount', ['-l', this.path]));
    this.directory = temporaryDirectory(test);
    this.path = join(this.directory, folder);
    mkdirSync(this.path, { recursive: true });
    const words = ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', this.path];
    const mounted = spawnSync('mount', words, { encoding: 'utf8' });
    if (mounted.status !== 0) {
      this.problem = `mounting is not allowed here: ${mounted.stderr ?? mounted.error?.message}`;
    }
  }

  /** Takes all the room that there is. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.path);
    writeFileSync(join(this.path, 'filler'), Buffer.alloc(bavail * bsize));
  }

  /** Gives it back. */
  empty(): void {
    rmSync(join(this.path, 'filler'));
  }
}
