/**
 * `npm run crash -- [--kills N] [--seed S]`: the state through kills at random moments, a disk that fails in every call,
 * and files that are damaged. Prints its seed; exit code 1 when anything acknowledged is lost, a start finds something else
 * than what was written, or a damaged file is not told of.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../src/kit/assert.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { SeededRandom, systemRandom } from '../../src/kit/random.ts';
import { readOptions, wholeNumber } from '../support/script-options.ts';
import { damageEach } from './damage.ts';
import { DISK_FAULTS, failEach, MODES, tearEach, whyNotTraced } from './faults.ts';
import { killStart, killStore } from './kills.ts';

/** So many kills of the store for one of the whole program. */
const KILLS_PER_START = 25;
const TEAR_STEP_KIB = 7;
const DAMAGES = 60;
const DAMAGED = [
  ['state.db', 'an end in order'],
  ['state.db', 'a kill'],
  ['state.db-wal', 'a kill'],
] as const;

const values = readOptions('crash', { kills: { type: 'string', default: '500' }, seed: { type: 'string' } });
const kills = wholeNumber('crash', 'kills', values.kills);
const seed = values.seed === undefined ? systemRandom.below(1_000_000) : wholeNumber('crash', 'seed', values.seed);

async function timed(what: string, run: () => Promise<string>): Promise<void> {
  const startMs = systemClock.monotonicMs();
  const result = await run();
  console.log(`${what}: ${result} (${((systemClock.monotonicMs() - startMs) / 1000).toFixed(0)} s)`);
}

async function killAll(home: string): Promise<void> {
  await timed(`${kills} kills of the store while it writes`, async () => {
    const commits = await killStore(join(home, 'store'), seed, kills);
    return `${commits} commits, none lost`;
  });
  const starts = Math.ceil(kills / KILLS_PER_START);
  await timed(`${starts} kills of a first start`, async () => {
    const random = new SeededRandom(seed);
    for (let each = 0; each < starts; each++) await killStart(join(home, `start-${each}`), random);
    return 'every next one was ready, with the same key';
  });
}

async function failAll(): Promise<void> {
  const missing = whyNotTraced();
  if (missing !== undefined) console.log(`skipped, calls that fail: ${missing}`);
  for (const fault of missing === undefined ? DISK_FAULTS : []) {
    for (const mode of MODES) {
      await timed(
        `${fault.name} (${fault.error}, ${mode})`,
        async () => `at each of ${await failEach(fault, mode, seed)} calls`,
      );
    }
  }
  for (const mode of MODES) {
    await timed(
      `a write is done in part (${mode})`,
      async () => `at ${await tearEach(mode, seed, TEAR_STEP_KIB)} sizes`,
    );
  }
}

async function damageAll(): Promise<void> {
  for (const [file, leftBy] of DAMAGED) {
    await timed(`${file} damaged after ${leftBy}`, async () => {
      const { cases, told, whole } = await damageEach(file, leftBy, seed, DAMAGES);
      return `${cases} times: ${told} told, ${whole} without effect`;
    });
  }
}

console.log(`seed ${seed}; again: npm run crash -- --kills ${kills} --seed ${seed}`);
const home = mkdtempSync(join(tmpdir(), 'weir-crash-'));
try {
  await killAll(home);
  await failAll();
  await damageAll();
} catch (error) {
  console.error(`FAILED: ${messageOf(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(home, { recursive: true, force: true });
}
