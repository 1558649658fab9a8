/**
 * A child for the crash tests: commits without end to the state file of its first argument, with the seed of its
 * second, and writes each revision to standard output once the store has acknowledged it, or else what it answered. With
 * `step` as its third argument it commits once for each line of its standard input.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
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

async function main(path: string, seed: number, steps: AsyncIterable<string> | undefined): Promise<void> {
  const store = openSqliteStore(path);
  const commit = async (): Promise<void> => {
    const { revision } = store.view();
    const result = await store.commit(revision, changesOf(seed, revision + 1));
    writeSync(1, `${result.outcome === 'committed' ? result.revision : JSON.stringify(result)}\n`);
  };
  if (steps === undefined) for (;;) await commit();
  for await (const _ of steps) await commit();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , path, seed, mode] = process.argv;
  await main(path!, Number(seed), mode === 'step' ? createInterface(process.stdin) : undefined);
}
