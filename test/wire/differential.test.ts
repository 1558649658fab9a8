/**
 * The engine as a whole, on a transport in memory: what goes to back ends and comes back to clients is what the reference
 * reader says, whatever either of them does and however their bytes are cut. The fuzz targets `http-engine` and `tcp-relay`,
 * for a moment.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { SeededRandom, systemRandom } from '../../src/kit/random.ts';
import { engineTarget } from '../fuzz/engine-target.ts';
import { relayTarget } from '../fuzz/relay-target.ts';
import { minimise, type FuzzTarget } from '../fuzz/target.ts';

const CASES = 500;
const FIXED_SEED = 20_261_122;

async function run(t: TestContext, target: FuzzTarget, firstSeed: number): Promise<void> {
  t.diagnostic(`${CASES} runs from seed ${firstSeed} on`);
  for (let seed = firstSeed; seed < firstSeed + CASES; seed++) {
    const finding = target.run(new SeededRandom(seed));
    if (finding !== undefined) {
      const again = `npm run fuzz -- ${target.name} --seed ${seed} --cases 1`;
      assert.fail(`${finding.message}\n${finding.script?.(minimise(finding))}\nagain: ${again}`);
    }
    // What was promised during the run is kept now, and forgotten.
    if (seed % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

for (const target of [engineTarget, relayTarget]) {
  describe(`${target.name}: for any clients and back ends, what each sends goes where it belongs, and nothing is left`, () => {
    it('from a fixed seed on', (t) => run(t, target, FIXED_SEED));
    it('from a seed of its own each time', (t) => run(t, target, systemRandom.below(2 ** 31)));
  });
}
