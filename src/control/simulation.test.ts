/** Control against its model (test/simulation/): the short version. `npm run simulate -- --seeds 20000` is the long one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulate, type SimulationFailure } from '../../test/simulation/control.ts';
import { Drains } from './drains.ts';
import { Supervisor } from './supervisor.ts';

const SEEDS = 100;
/** A planted defect is to be found within so many. */
const SEARCHED = 200;

function shown({ seed, steps, message }: SimulationFailure): string {
  return `seed ${seed}, after step ${steps.length} (${steps.at(-1)}): ${message}; again: npm run simulate -- --seed ${seed} --seeds 1`;
}

async function firstFailure(seeds: number): Promise<SimulationFailure | undefined> {
  for (let seed = 0; seed < seeds; seed++) {
    const failure = await simulate(seed);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

describe('control, simulated', () => {
  it('whatever happens in whatever order, traffic goes only where it may, and threads come to do what the records say', async () => {
    const failure = await firstFailure(SEEDS);
    assert.equal(failure && shown(failure), undefined);
  });

  it('a seed that fails replays exactly: a target that is taken away stays open', async (test) => {
    test.mock.method(Drains.prototype, 'begin', () => undefined);
    const first = await firstFailure(SEARCHED);
    assert.ok(first !== undefined, 'the defect is found');
    assert.match(first.message, /not registered there|zone is disabled|which is described as|given back/);
    assert.deepEqual(await simulate(first.seed), first);
  });

  it('a seed that fails replays exactly: a drain is never over', async (test) => {
    test.mock.method(Drains.prototype, 'advance', () => undefined);
    const first = await firstFailure(SEARCHED);
    assert.ok(first !== undefined, 'the defect is found');
    assert.match(first.message, /drains since|every drain ends/);
    assert.deepEqual(await simulate(first.seed), first);
  });

  it('a seed that fails replays exactly: a slot is given away while a thread still knows its old target', async (test) => {
    test.mock.method(Supervisor.prototype, 'released', () => true);
    const first = await firstFailure(SEARCHED);
    assert.ok(first !== undefined, 'the defect is found');
    assert.match(first.message, /belongs to one target/);
    assert.deepEqual(await simulate(first.seed), first);
  });
});
