/** A disk whose fsync fails (docs/faults.md 42): the change is refused, and stays refused when the process is killed. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const WRITER = fileURLToPath(new URL('../support/store-writer.ts', import.meta.url));

/** Makes every sync of `child` fail, until what is returned is called. */
async function failSyncs(child: ChildProcess): Promise<() => Promise<void>> {
  const words = [
    '-f',
    '-p',
    String(child.pid),
    '-e',
    'trace=fsync,fdatasync',
    '-e',
    'inject=fsync,fdatasync:error=EIO',
  ];
  const tracer = spawn('strace', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(tracer, 'exit');
  for await (const line of createInterface(tracer.stderr)) if (line.includes('attached')) break;
  tracer.stderr.resume();
  return async () => {
    tracer.kill('SIGINT');
    await ended;
  };
}

const tracing = spawnSync('strace', ['-e', 'trace=none', process.execPath, '--version']).status === 0;
const skip = !tracing && 'strace is not installed here, or may not trace';

it(
  'fault 42: a commit that could not be synced is refused, changes nothing, and is not there after a kill',
  { skip },
  async (test) => {
    const path = join(temporaryDirectory(test), 'state.db');
    const child = spawn(process.execPath, [WRITER, path, '1', 'step'], { stdio: ['pipe', 'pipe', 'inherit'] });
    test.after(() => child.kill('SIGKILL'));
    const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
    const commit = async () => {
      child.stdin.write('\n');
      return (await answers.next()).value as string;
    };
    assert.equal(await commit(), '1');
    const heal = await failSyncs(child);
    assert.match(await commit(), /"outcome":"failed","message":"disk I\/O error"/);
    assert.match(await commit(), /"outcome":"failed"/);
    await heal();
    assert.equal(await commit(), '2', 'it goes on where it was');
    const again = await failSyncs(child);
    assert.match(await commit(), /"outcome":"failed"/);
    child.kill('SIGKILL');
    await once(child, 'close');
    await again();
    const store = openSqliteStore(path);
    assert.equal(store.view().revision, 2);
    await store.close();
  },
);

it('a new database has its bytes on the disk before its name, and its name before it is used', { skip }, (test) => {
  const directory = temporaryDirectory(test);
  const told = join(directory, 'told');
  const path = join(directory, 'data', 'state.db');
  const words = [
    '-f',
    '-y',
    '-e',
    'trace=/^(fsync|fdatasync|rename)',
    '-o',
    told,
    process.execPath,
    WRITER,
    path,
    '1',
    'some',
  ];
  assert.equal(spawnSync('strace', words).status, 0);
  const calls = readFileSync(told, 'utf8').matchAll(
    / (fsync|fdatasync|rename)\w*\((?:AT_FDCWD<[^>]*>, |\d+<)?"?([^">]+)/g,
  );
  const made = Array.from(calls, ([, call, file]) => `${call} ${file!.slice(directory.length)}`);
  const renamed = made.indexOf('rename /data/state.db.new');
  assert.deepEqual(
    made.slice(renamed - 1, renamed + 2),
    ['fsync /data/state.db.new', 'rename /data/state.db.new', 'fsync /data'],
    readFileSync(told, 'utf8'),
  );
});
