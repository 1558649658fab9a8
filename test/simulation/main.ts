/**
 * `npm run simulate -- [--seeds N] [--seed S]`: control against its model, one run for each seed from S on. A failing run
 * tells its seed and its steps, and replays exactly with `--seed S --seeds 1`. Exit code 1 at the first that fails.
 */
import { systemClock } from '../../src/kit/clock.ts';
import { readOptions, wholeNumber } from '../support/script-options.ts';
import { simulate } from './control.ts';

const PROGRESS_MS = 10_000;
const SHOWN_STEPS = 30;

function perMinute(count: number, startMs: number): number {
  return Math.round((count / (systemClock.monotonicMs() - startMs)) * 60_000);
}

async function run(first: number, count: number): Promise<number> {
  const startMs = systemClock.monotonicMs();
  let toldMs = startMs;
  for (let done = 0; done < count; done++) {
    const failure = await simulate(first + done);
    if (failure !== undefined) {
      const { seed, steps, message } = failure;
      console.error(`seed ${seed}, after step ${steps.length}: ${message}`);
      for (const [index, step] of [...steps.entries()].slice(-SHOWN_STEPS)) console.error(`  ${index + 1}. ${step}`);
      console.error(`again: npm run simulate -- --seed ${seed} --seeds 1`);
      return 1;
    }
    if (systemClock.monotonicMs() - toldMs < PROGRESS_MS) continue;
    toldMs = systemClock.monotonicMs();
    console.log(`  ${done + 1} seeds, ${perMinute(done + 1, startMs)} a minute`);
  }
  console.log(`${count} seeds from ${first} on: everything held (${perMinute(count, startMs)} seeds a minute)`);
  return 0;
}

const { seed, seeds } = readOptions('simulate', {
  seeds: { type: 'string', default: '5000' },
  seed: { type: 'string', default: '0' },
});
process.exitCode = await run(wholeNumber('simulate', 'seed', seed), wholeNumber('simulate', 'seeds', seeds));
