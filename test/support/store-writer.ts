/**
 * A child for the crash tests: commits to the state file of its first argument, with the seed of its second, and writes
 * each revision to standard output once the store has acknowledged it, or else what it answered. It goes on without end;
 * with a third argument
 * - `step`: once for each line of its standard input
 * - `some`: a few times, then closes the store
 * - `some-or-die`: as before, but kills itself as soon as a commit has failed
 * - `some-and-die`: a few times, then kills itself
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../src/kit/assert.ts';
import { SeededRandom } from '../../src/kit/random.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Change } from '../../src/store/store.ts';
import { put, remove, sampleLoadBalancer } from './records.ts';

/** The changes that lead to `revision`: the same for a seed, so that the state at any revision can be worked out. */
export function changesOf(seed: number, revision: number): Change[] {
  const random = new SeededRandom(seed * 65_537 + revision);
  return Array.from({ length: 1 + random.below(3) }, () => {
    const record = sampleLoadBalancer(`lb-${random.below(8)}`, { dnsName: 'x'.repeat(random.below(20_000)) });
    return random.below(4) === 0 ? remove(record) : put({ ...record, createdTimeMs: revision });
  });
}

const SOME = 6;

async function main(path: string, seed: number, mode: string | undefined): Promise<void> {
  const store = openSqliteStore(path);
  const commit = async (): Promise<boolean> => {
    const { revision } = store.view();
    const result = await store.commit(revision, changesOf(seed, revision + 1));
    writeSync(1, `${result.outcome === 'committed' ? result.revision : JSON.stringify(result)}\n`);
    return result.outcome === 'committed';
  };
  if (mode === undefined) for (;;) await commit();
  if (mode === 'step') {
    for await (const _ of createInterface(process.stdin)) await commit();
    return;
  }
  for (let each = 0; each < SOME; each++) {
    if (!(await commit()) && mode === 'some-or-die') process.kill(process.pid, 'SIGKILL');
  }
  if (mode === 'some-and-die') process.kill(process.pid, 'SIGKILL');
  await store.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , path, seed, mode] = process.argv;
  try {
    await main(path!, Number(seed), mode);
  } catch (error) {
    // A start that is refused: the message is what an operator would read.
    writeSync(2, `${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
