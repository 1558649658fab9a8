/** For open loops: which rate puts a peer under the load that the scenario asks for. */
import { measure, type LoadPlan } from './measure.ts';
import type { Environment, Running } from './rounds.ts';
import { isValid } from './sample.ts';
import { medianOf } from './summary.ts';

const STEP_SECONDS = 2;
const STEPS = 5;
/** Steps that only come near: the cost of a request depends on the rate. */
const COARSE_STEPS = 2;
const FIRST_RATE_PER_SECOND = 5000;
/** One step changes the rate by no more than this factor, so that a disturbed step does not end the search. */
const LARGEST_FACTOR = 3;

/** Finds and sets `ratePerSecond` of every peer, where the scenario is an open loop; peers take turns, as in the rounds. */
export async function findRates(environment: Environment, plan: LoadPlan, all: readonly Running[]): Promise<void> {
  const { load, name } = plan.scenario;
  if (load.kind !== 'constant-rate') return;
  const estimates = all.map((): number[] => []);
  for (let step = 0; step < STEPS; step++) {
    for (const [i, running] of all.entries()) {
      const rate = running.ratePerSecond ?? FIRST_RATE_PER_SECOND;
      const sample = await measure(plan, running.target, STEP_SECONDS, rate);
      if (!isValid(sample)) {
        throw new Error(
          `${name}: ${running.contender.label} at ${rate.toFixed(0)}/s: ${JSON.stringify(sample.errors)}`,
        );
      }
      const busy = sample.cpuSeconds / sample.seconds / running.contender.threads;
      running.ratePerSecond = nextRate(sample.requests / sample.seconds, busy, load.cpuShare);
      if (step >= COARSE_STEPS) estimates[i]?.push(running.ratePerSecond);
    }
  }
  for (const [i, running] of all.entries()) {
    running.ratePerSecond = medianOf(estimates[i] ?? []);
    environment.say(`${name}: ${running.contender.label} gets ${running.ratePerSecond.toFixed(0)} requests/s`);
  }
}

/** The rate at which a peer would be busy for `wanted` of the time, if at `rate` it is busy for `busy` of it. */
export function nextRate(rate: number, busy: number, wanted: number): number {
  const factor = busy > 0 ? wanted / busy : LARGEST_FACTOR;
  return rate * Math.min(LARGEST_FACTOR, Math.max(1 / LARGEST_FACTOR, factor));
}
