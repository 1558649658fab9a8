/** A kill at any moment loses no acknowledged change (spec/faults.md 46). WEIR_CRASH_ROUNDS makes it longer. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SeededRandom, systemRandom } from '../../src/kit/random.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { changesOf } from '../support/store-writer.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const WRITER = fileURLToPath(new URL('../support/store-writer.ts', import.meta.url));
const ROUNDS = Number(process.env['WEIR_CRASH_ROUNDS'] ?? 6);
const SEED = Number(process.env['WEIR_CRASH_SEED'] ?? systemRandom.below(1_000_000));

/** Lets the writer run until it has acknowledged `acknowledgements` commits, kills it, and returns the last one. */
async function killAfter(path: string, acknowledgements: number): Promise<number | undefined> {
  const child = spawn(process.execPath, [WRITER, path, String(SEED)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let last: number | undefined;
  let left = acknowledgements;
  if (left === 0) child.kill('SIGKILL');
  for await (const line of createInterface(child.stdout)) {
    assert.match(line, /^\d+$/, 'every commit is acknowledged');
    last = Number(line);
    if (left-- === 0) child.kill('SIGKILL');
  }
  await closed;
  return last;
}

it(`a killed store has every acknowledged commit, and at most the next one (seed ${SEED})`, async (test) => {
  const random = new SeededRandom(SEED);
  const path = join(temporaryDirectory(test), 'state.db');
  const expected = createMemoryStore();
  for (let round = 0; round < ROUNDS; round++) {
    const before = expected.view().revision;
    const acknowledged = (await killAfter(path, round === 1 ? 0 : random.below(120))) ?? before;
    const store = openSqliteStore(path);
    const { revision } = store.view();
    assert.ok(
      revision === acknowledged || revision === acknowledged + 1,
      `${acknowledged} acknowledged, ${revision} found`,
    );
    for (let each = before; each < revision; each++) await expected.commit(each, changesOf(SEED, each + 1));
    assert.deepEqual(store.view().list('load-balancer'), expected.view().list('load-balancer'));
    await store.close();
  }
  test.diagnostic(`seed ${SEED}: ${ROUNDS} kills, ${expected.view().revision} commits`);
});
