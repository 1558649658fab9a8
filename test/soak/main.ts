/**
 * `npm run soak -- --minutes N [--seed S]`: mixed traffic for N minutes while everything changes around it. Exit code 1
 * when anything failed that should not have, or when anything is not given back.
 */
import { describeMachine } from '../../bench/machine.ts';
import { systemRandom } from '../../src/kit/random.ts';
import { runInLab } from '../acceptance/execute.ts';
import { readOptions, refuse } from '../support/script-options.ts';
import { soak } from './soak.ts';

function positive(text: string, option: string): number {
  const value = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && value > 0) return value;
  return refuse('soak', `--${option} must be a number above 0, not ${JSON.stringify(text)}`);
}

const values = readOptions('soak', { minutes: { type: 'string', default: '5' }, seed: { type: 'string' } });
const minutes = positive(values.minutes, 'minutes');
const seed = values.seed === undefined ? systemRandom.below(1_000_000) : positive(values.seed, 'seed');
console.log(describeMachine());
process.exitCode = (await runInLab(soak(minutes, seed), 0)) ? 0 : 1;
