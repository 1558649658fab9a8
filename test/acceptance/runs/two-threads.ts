/**
 * What a second traffic thread is worth, in requests per CPU second of weir's whole process: the client and the instance
 * need CPU too, so requests per second would tell more of them. With few CPUs, more busy threads cost each request more
 * whatever they are (caches, switches); so two threads are compared with two weirs of one thread each, which share
 * nothing, under the same two clients. What the threads lose to each other shows as a higher cost. The direct
 * comparison with one thread stands beside it.
 */
import { addressesFor, HTTP_PORT } from '../../../bench/addresses.ts';
import { CURL_HEADERS } from '../../../bench/load/headers.ts';
import { runWrk } from '../../../bench/load/wrk.ts';
import { errorCount, errorsText } from '../figures.ts';
import type { AcceptanceRun, Lab } from '../lab.ts';
import { NGINX_PORT, PATHS, startNginx } from '../servers.ts';
import { WeirUnderTest } from '../weir.ts';

/** Many and short, in alternating order: what others do on the machine meets all. */
const ROUNDS = 12;
const SECONDS = 2;
const WARM_UP_SECONDS = 4;
/** Of each client; there is one for every thread, so that each thread has the same work. */
const CONNECTIONS = 32;
const WANTED = 1.8;
/** The busiest thread may have this much more work than the other: the kernel deals connections out by a hash. */
const MAX_IMBALANCE = 2;

interface Contender {
  readonly name: string;
  readonly weirs: readonly WeirUnderTest[];
  /** Where each client sends. */
  readonly fronts: readonly string[];
  /** CPU microseconds per request, round by round. */
  readonly costs: number[];
  readonly perSecond: number[];
}

export const twoThreads: AcceptanceRun = {
  name: 'two-threads',
  about: `two traffic threads serve at least ${WANTED} times the requests of one for their share of CPU`,
  needs: ['nginx', 'wrk'],
  limitSeconds: 240,
  async run(lab) {
    await startNginx(lab, 'both', lab.addresses.backends);
    const one = await start(lab, '1 thread', [1], 101);
    const two = await start(lab, '2 threads', [2], 102);
    const pair = await start(lab, '2 weirs of 1 thread', [1, 1], 103);
    const contenders = [one, two, pair];
    for (const contender of contenders) await load(lab, contender, WARM_UP_SECONDS);
    const before = two.weirs[0]!.threadCpuSeconds;
    for (let round = 1; round <= ROUNDS; round++) {
      const order = round % 2 === 1 ? contenders : contenders.toReversed();
      for (const contender of order) await measure(lab, contender);
    }
    for (const contender of contenders) report(lab, contender);
    const direct = worthOf(two, one);
    lab.figures.note('2 threads against 1 thread', `${direct.toFixed(2)} ×`);
    const worth = worthOf(two, pair);
    lab.figures.demand('2 threads, against 2 weirs', `${worth.toFixed(2)} × 1`, `>= ${WANTED}`, worth >= WANTED);
    demandBothWork(lab, before, two.weirs[0]!.threadCpuSeconds);
    for (const { weirs } of contenders) for (const weir of weirs) await weir.demandSoundEnd(lab);
  },
};

/** Starts a weir for each of `threads`, the first on the addresses number `first`. */
async function start(lab: Lab, name: string, threads: readonly number[], first: number): Promise<Contender> {
  const weirs: WeirUnderTest[] = [];
  const fronts: string[] = [];
  for (const [index, count] of threads.entries()) {
    const number = first + index;
    const addresses = { ...addressesFor(process.pid, number), backends: lab.addresses.backends };
    const weir = await WeirUnderTest.start(lab, { name: `${number}`, threads: count, addresses });
    await create(weir, addresses.backends);
    weirs.push(weir);
    for (let client = 0; client < count; client++) fronts.push(addresses.front);
  }
  return { name, weirs, fronts, costs: [], perSecond: [] };
}

function create(weir: WeirUnderTest, instances: readonly string[]): Promise<void> {
  return weir.create({
    name: 'web',
    listeners: [{ protocol: 'HTTP', port: HTTP_PORT, instancePort: NGINX_PORT }],
    instances,
    healthCheck: { Target: `TCP:${NGINX_PORT}`, Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 10 },
  });
}

function load(lab: Lab, { fronts }: Contender, seconds: number) {
  const clients = fronts.map((front) =>
    runWrk(lab.processes, {
      url: `http://${front}:${HTTP_PORT}${PATHS.small}`,
      connections: CONNECTIONS,
      seconds,
      headers: CURL_HEADERS,
      expectedBodyBytes: 1024,
      cpus: undefined,
    }),
  );
  return Promise.all(clients);
}

async function measure(lab: Lab, contender: Contender): Promise<void> {
  const before = cpuOf(contender);
  const seen = await load(lab, contender, SECONDS);
  const used = cpuOf(contender) - before;
  for (const { errors } of seen) if (errorCount(errors) > 0) throw new Error(`wrk met errors: ${errorsText(errors)}`);
  const requests = seen.reduce((sum, client) => sum + client.requests, 0);
  contender.costs.push((used * 1e6) / requests);
  contender.perSecond.push(requests / SECONDS);
}

function cpuOf({ weirs }: Contender): number {
  return weirs.reduce((sum, weir) => sum + weir.cpuSeconds, 0);
}

function report(lab: Lab, { name, costs, perSecond }: Contender): void {
  lab.figures.note(`${name}: CPU µs per request, median of ${ROUNDS}`, median(costs).toFixed(1));
  lab.figures.note(`${name}: requests per CPU second`, (1e6 / median(costs)).toFixed(0));
  lab.figures.note(`${name}: requests per second, client on the same CPUs`, median(perSecond).toFixed(0));
}

/** How many times one thread two threads are worth, when one costs as much per request as `base` did in the same round. */
function worthOf(two: Contender, base: Contender): number {
  return median(two.costs.map((cost, round) => (2 * base.costs[round]!) / cost));
}

function demandBothWork(lab: Lab, before: readonly number[], after: readonly number[]): void {
  const used = after.map((seconds, thread) => seconds - before[thread]!);
  const holds = used.length === 2 && Math.max(...used) <= MAX_IMBALANCE * Math.min(...used);
  const text = used.map((seconds) => `${seconds.toFixed(1)} s`).join(', ');
  lab.figures.demand('CPU of each of the 2 threads', text, `no more than ${MAX_IMBALANCE} to 1`, holds);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)]!;
}
