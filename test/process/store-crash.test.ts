/**
 * The state through kills, a disk that fails, and damage (docs/faults.md 42, 46): the short version of `npm run crash`.
 * WEIR_CRASH_SEED repeats what a failure was found with.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom, systemRandom } from '../../src/kit/random.ts';
import { damageEach } from '../crash/damage.ts';
import { DISK_FAULTS, failEach, tearEach, whyNotTraced } from '../crash/faults.ts';
import { killStart, killStore } from '../crash/kills.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const KILLS = 6;
/** Of each kind of call, the first ones fail: those of the first start among them. */
const CALLS = 3;
const TEAR_STEP_KIB = 40;
const DAMAGES = 4;
const SEED = Number(process.env['WEIR_CRASH_SEED'] ?? systemRandom.below(1_000_000));

describe(`the state (WEIR_CRASH_SEED=${SEED})`, () => {
  it('has every acknowledged commit after a kill, and at most the next one', async (test) => {
    const commits = await killStore(temporaryDirectory(test), SEED, KILLS);
    test.diagnostic(`${KILLS} kills, ${commits} commits`);
  });

  it('begins anew when the first start was killed, with the key that had been made', async (test) => {
    await killStart(temporaryDirectory(test), new SeededRandom(SEED));
  });

  const skip = whyNotTraced() ?? false;
  it('keeps what was acknowledged, and nothing else, when any call fails', { skip }, async () => {
    for (const fault of DISK_FAULTS) await failEach(fault, 'some-or-die', SEED, CALLS);
  });

  it('keeps what was acknowledged, and nothing else, when a write is done in part', async () => {
    const times = await tearEach('some-or-die', SEED, TEAR_STEP_KIB);
    assert.ok(times >= 2, 'writes were torn');
  });

  it('is found whole, or told to be damaged with what to do, never silently less', async () => {
    const inOrder = await damageEach('state.db', 'an end in order', SEED, DAMAGES);
    const log = await damageEach('state.db-wal', 'a kill', SEED, DAMAGES);
    assert.ok(inOrder.told > 0 && log.told > 0, 'damage was told');
  });
});
