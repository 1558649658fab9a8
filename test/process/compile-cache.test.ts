/** What was compiled is kept for the next start (src/cli/compile-cache.ts). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { WeirProcess } from '../support/weir-process.ts';

/** A weir on `dataDir`, of which Node tells what it takes from where. */
class TellingWeir {
  readonly process: WeirProcess;
  readonly #file: string;

  constructor(test: TestContext, dataDir: string) {
    this.#file = join(temporaryDirectory(test), 'told');
    this.process = new WeirProcess(test, {
      dataDir,
      environment: { NODE_DEBUG_NATIVE: 'COMPILE_CACHE', NODE_COMPILE_CACHE: '', TOLD: this.#file },
      // To a file: of what a pipe has no room for, when its reader is slow, Node drops lines.
      runner: ['/bin/sh', '-c', 'exec "$0" "$@" 2>"$TOLD"', process.execPath],
    });
  }

  get told(): string {
    return readFileSync(this.#file, 'utf8');
  }
}

/** A start on `dataDir`, up to when it serves, and then the end of its process. Resolves with what was told. */
async function start(test: TestContext, dataDir: string): Promise<string> {
  const weir = new TellingWeir(test, dataDir);
  await weir.process.ready();
  // Its thread has written when it is ready, and control writes after that.
  await weir.process.until('all to be written', () => weir.told.split('flushCompileCache() finished').length > 2);
  await weir.process.kill();
  return weir.told;
}

const folderOf = (dataDir: string): string => join(dataDir, 'compile-cache');
const isFound = (told: string, file: string): boolean =>
  new RegExp(`transpile cache for StrippedTypeScript \\S+/src/${file}\\.\\.\\.success`).test(told);

function filesIn(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('what was compiled', { concurrency: 2 }, () => {
  it('is found by the next start and its threads, also after a kill', async (test) => {
    const dataDir = temporaryDirectory(test);
    const first = await start(test, dataDir);
    assert.ok(!isFound(first, 'cli/serve.ts'));
    assert.equal(statSync(folderOf(dataDir)).mode & 0o777, 0o700);
    const second = await start(test, dataDir);
    for (const file of ['cli/serve.ts', 'traffic/thread.ts']) assert.ok(isFound(second, file), file);
  });

  it('does no harm when it is damaged', async (test) => {
    const dataDir = temporaryDirectory(test);
    await start(test, dataDir);
    const files = filesIn(folderOf(dataDir));
    assert.ok(files.length > 100);
    for (const [index, file] of files.entries()) writeFileSync(file, index % 2 === 0 ? '' : 'x'.repeat(5000));
    assert.ok(!isFound(await start(test, dataDir), 'cli/serve.ts'));
  });

  it('is neither read nor written where others could have put it', async (test) => {
    const dataDir = temporaryDirectory(test);
    const folder = folderOf(dataDir);
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    const weir = new TellingWeir(test, dataDir);
    await weir.process.ready();
    assert.match(weir.told, /compile cache/);
    assert.doesNotMatch(weir.told, /reading cache/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is kept in a folder of our own that nobody else may write to, and nowhere else', (test) => {
    const script = `const { keepCompiled } = await import(process.argv[1]);
      keepCompiled(process.argv[2]);
      console.log(process.env.NODE_COMPILE_CACHE || 'nowhere');`;
    const module = new URL('../../src/cli/compile-cache.ts', import.meta.url).href;
    const placeFor = (prepare: (folder: string) => void): string => {
      const dataDir = temporaryDirectory(test);
      prepare(folderOf(dataDir));
      const words = ['--input-type=module', '-e', script, module, dataDir];
      const env = { ...process.env, NODE_COMPILE_CACHE: '' };
      const { stdout } = spawnSync(process.execPath, words, { env, encoding: 'utf8' });
      return stdout.replace(folderOf(dataDir), 'there').trim();
    };
    const withMode = (mode: number) => (folder: string) => {
      mkdirSync(folder);
      chmodSync(folder, mode);
    };
    assert.equal(placeFor(withMode(0o755)), 'there');
    const elsewhere = (folder: string): void => symlinkSync(temporaryDirectory(test), folder);
    const theirs = (folder: string): void => {
      mkdirSync(folder, { mode: 0o700 });
      chownSync(folder, 1, 1);
    };
    const others = process.getuid?.() === 0 ? [theirs] : [];
    for (const prepare of [withMode(0o720), withMode(0o702), elsewhere, ...others]) {
      assert.equal(placeFor(prepare), 'nowhere');
    }
  });
});
