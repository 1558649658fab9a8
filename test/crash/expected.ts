/** What a state file must hold after everything that was done to it, worked out without one. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../src/kit/assert.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { StoreError } from '../../src/store/records.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { LoadBalancer } from '../../src/model/load-balancer.ts';
import { changesOf } from '../support/store-writer.ts';

export const WRITER = fileURLToPath(new URL('../support/store-writer.ts', import.meta.url));

/** Tells what is wrong, that nothing is started in its place, and what to do. */
const TELLS =
  /cannot be read: .*does not start with an empty state in its place\. Restore .* from a backup; or, .*: mv (?:[\w./-]+|'.+') (?:[\w./-]+|'.+')$|written by a newer weir: .*restore a backup/;

/** The states of the writer with a seed, by revision. */
export class ExpectedStates {
  readonly #seed: number;
  readonly #store = createMemoryStore();
  readonly #states: (readonly LoadBalancer[])[] = [[]];

  constructor(seed: number) {
    this.#seed = seed;
  }

  async at(revision: number): Promise<readonly LoadBalancer[]> {
    while (this.#states.length <= revision) {
      const next = this.#states.length;
      await this.#store.commit(next - 1, changesOf(this.#seed, next));
      this.#states.push(this.#store.view().list('load-balancer'));
    }
    return this.#states[revision]!;
  }
}

/** Opens the state as a start does and gives its revision; its records must be those of that revision. */
export async function openedRevision(path: string, expected: ExpectedStates): Promise<number> {
  const store = openSqliteStore(path);
  try {
    const { revision } = store.view();
    assert.deepEqual(store.view().list('load-balancer'), await expected.at(revision), `the state at ${revision}`);
    return revision;
  } finally {
    await store.close();
  }
}

/** As {@link openedRevision}; undefined when the start is refused with a message that tells what to do. */
export async function openedOrTold(path: string, expected: ExpectedStates): Promise<number | undefined> {
  try {
    return await openedRevision(path, expected);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    assert.match(messageOf(error), TELLS);
    return undefined;
  }
}
