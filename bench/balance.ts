/**
 * `npm run bench -- balance`: what it costs to choose an instance, count a request in and out again, with 2 to 1,000
 * instances. CPU time of this process alone, without sockets: set it against the CPU of a whole request (scenario `http`).
 */
import { systemClock } from '../src/kit/clock.ts';
import { SeededRandom } from '../src/kit/random.ts';
import { loadBalancerId } from '../src/model/load-balancer.ts';
import { Balancer } from '../src/traffic/balancer.ts';
import { CountLog } from '../src/traffic/count-log.ts';
import { makeCounters, sharedCells } from '../src/traffic/counters.ts';
import { Target } from '../src/traffic/target.ts';
import { PAGE_SLOTS, slotIndex, TARGET_STATE, TargetTable } from '../src/traffic/target-table.ts';

const SIZES = [2, 10, 100, 1000];
const ROUNDS = 7;
const CHOICES = 500_000;
/** Requests in flight at each instance, on average. */
const DEPTH = 2;
const ID = loadBalancerId('000000000000', 'us-east-1', 'bench');

/** Nanoseconds of CPU for each request, by number of instances: the median of interleaved rounds. */
export function measureBalance(): Map<number, number> {
  const runs = SIZES.map((size) => ({ run: prepare(size), samples: [] as number[], size }));
  for (const { run } of runs) run(CHOICES);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { run, samples } of runs) samples.push(run(CHOICES));
  }
  return new Map(runs.map(({ size, samples }) => [size, samples.toSorted((a, b) => a - b)[ROUNDS >> 1]!]));
}

export function balanceTable(costs: ReadonlyMap<number, number>): string {
  const least = costs.get(SIZES[0]!)!;
  const rows = Array.from(costs, ([size, cost]) => {
    const more = cost - least;
    return `| ${String(size).padStart(9)} | ${cost.toFixed(0).padStart(14)} | ${more.toFixed(0).padStart(16)} |`;
  });
  return [
    '| instances | CPU ns/request | more than with 2 |',
    '|----------:|---------------:|-----------------:|',
    ...rows,
  ].join('\n');
}

/** A balancer under load: requests end at random, and each is followed by another. */
function prepare(size: number): (choices: number) => number {
  const { balancer } = loaded(size);
  const random = new SeededRandom(size);
  const inFlight = Array.from({ length: size * DEPTH }, () => balancer.take(0, undefined, Infinity)!);
  // Drawn beforehand: chance is not what is measured.
  const ends = Int32Array.from({ length: 65_536 }, () => random.below(inFlight.length));
  return (choices) => {
    const before = process.cpuUsage();
    for (let i = 0; i < choices; i++) {
      const end = ends[i & 65_535]!;
      inFlight[end]!.finish();
      inFlight[end] = balancer.take(0, undefined, Infinity)!;
    }
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / choices;
  };
}

function loaded(size: number): { readonly balancer: Balancer } {
  const table = new TargetTable(1);
  while (table.pages.length * PAGE_SLOTS < size) table.add();
  const shared = sharedCells(makeCounters(1));
  const log = new CountLog(shared, 1);
  const targets = Array.from({ length: size }, (_, slot) => {
    const page = table.page(slot);
    page.setState(slotIndex(slot), TARGET_STATE.inService);
    const compiled = { slot, instanceId: `i-${slot}`, host: '127.0.0.1', port: 80, zone: 'a' };
    return new Target(ID, compiled, 'HTTP', undefined, page, log, 0);
  });
  const options = { zones: ['a'], crossZone: true, slowStartMs: 0, clock: systemClock, shared, log, ordinal: 0 };
  return { balancer: new Balancer({ targets, ...options }) };
}
