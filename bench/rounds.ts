/** A scenario, round by round: every peer in turn, so that what the machine does meanwhile meets all of them. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { addressesFor } from './addresses.ts';
import { startBackend } from './backend.ts';
import { planCpus, type CpuPlan } from './machine.ts';
import { measure, type LoadPlan, type Target } from './measure.ts';
import { findRates } from './rates.ts';
import type { Options } from './options.ts';
import type { Peer } from './peers/peer.ts';
import type { ProcessTable } from './processes.ts';
import { checkSameWork } from './same-work.ts';
import { isValid, type Sample } from './sample.ts';
import type { Scenario } from './scenarios.ts';
import { measureSwitched } from './switched.ts';
import { makeCertificates, type BenchCertificates } from './tls.ts';

/** The first warm-up of a peer is longer: a just-in-time compiler needs it. */
const FIRST_WARM_UP_SECONDS = 4;
/** What `threads` compares one thread with, unless `--threads` says more. */
const DEFAULT_MANY_THREADS = 2;

/** A peer in one of the sizes that the scenario compares. */
export interface Contender {
  readonly label: string;
  readonly peer: Peer;
  readonly threads: number;
  /** With its access log or without it (bench/switched.ts). */
  readonly accessLog?: boolean;
}

export interface ContenderResult {
  readonly contender: Contender;
  /** One for every round, in order. */
  readonly samples: readonly Sample[];
}

export interface Environment {
  readonly processes: ProcessTable;
  readonly folder: string;
  readonly availableCpus: readonly number[];
  /** Told to the user while it runs. */
  readonly say: (line: string) => void;
  /** For peers with HTTPS, set where the scenario needs it. */
  readonly certificates?: BenchCertificates;
}

export interface Running {
  readonly contender: Contender;
  readonly target: Target;
  readonly samples: Sample[];
  /** Open loops: requests per second. */
  ratePerSecond: number | undefined;
}

/** All that the rounds of a scenario need. */
interface Rounds {
  readonly environment: Environment;
  readonly load: LoadPlan;
  readonly options: Options;
  readonly contenders: readonly Contender[];
  readonly cpuPlan: CpuPlan;
}

/** Who takes part: every peer once, or with one and with more threads, or without and with its access log. */
function contendersFor(scenario: Scenario, options: Options): Contender[] {
  if (scenario.against === 'haproxy') {
    return options.peers.map((peer) => ({ label: peer.label, peer, threads: options.threads }));
  }
  if (scenario.against === 'log-off') {
    const { threads } = options;
    return options.peers.flatMap((peer) =>
      peer.accessLog === undefined
        ? []
        : [
            { label: peer.label, peer, threads, accessLog: false },
            { label: `${peer.label}, access log on`, peer, threads, accessLog: true },
          ],
    );
  }
  const many = Math.max(options.threads, DEFAULT_MANY_THREADS);
  return options.peers.flatMap((peer) => [
    { label: `${peer.label}, 1 thread`, peer, threads: 1 },
    { label: `${peer.label}, ${many} threads`, peer, threads: many },
  ]);
}

/** Who runs on which CPU; threads are compared on all CPUs, whatever their number, or the sizes would not be alike. */
export function cpuPlanFor(scenario: Scenario, options: Options, availableCpus: readonly number[]): CpuPlan {
  return planCpus(availableCpus, options.threads, options.pin && scenario.against !== 'one-thread');
}

/** Runs all rounds of `scenario` with a back end of its own. What it starts has ended before it returns or fails. */
export async function runScenario(
  outer: Environment,
  scenario: Scenario,
  options: Options,
): Promise<ContenderResult[]> {
  const environment = scenario.tls === undefined ? outer : { ...outer, certificates: makeCertificates() };
  const cpuPlan = cpuPlanFor(scenario, options, environment.availableCpus);
  const contenders = contendersFor(scenario, options);
  const load: LoadPlan = {
    processes: environment.processes,
    scenario,
    connections: options.connections ?? scenario.connections,
    cpus: cpuPlan.rest,
    folder: environment.folder,
  };
  const backend = await startBackend(
    environment.processes,
    environment.folder,
    contenders.flatMap((_, index) => addressesFor(process.pid, index).backends),
    cpuPlan.rest,
  );
  try {
    const rounds = { environment, load, options, contenders, cpuPlan };
    if (scenario.against === 'log-off') return await runSwitched(rounds);
    return await (scenario.freshPeers ? runWithFreshPeers(rounds) : runWithStandingPeers(rounds));
  } finally {
    await backend.stop();
  }
}

async function runWithStandingPeers({
  environment,
  load,
  options,
  contenders,
  cpuPlan,
}: Rounds): Promise<ContenderResult[]> {
  const all: Running[] = [];
  try {
    for (const [index, contender] of contenders.entries()) {
      const target = await startContender(environment, contender, index, cpuPlan);
      all.push({ contender, target, samples: [], ratePerSecond: undefined });
    }
    await findRates(environment, load, all);
    for (let round = 1; round <= options.rounds; round++) {
      // What one leaves to the next, each leaves to each.
      for (const running of round % 2 === 1 ? all : all.toReversed()) {
        const warmUp = warmUpOf(round, options);
        await measure(load, running.target, warmUp, running.ratePerSecond);
        const sample = await measure(load, running.target, options.seconds, running.ratePerSecond);
        running.samples.push(sample);
        environment.say(progressLine(load.scenario, round, options.rounds, running.contender.label, sample));
      }
    }
  } finally {
    for (const running of all) await running.target.process.stop();
  }
  return all.map(({ contender, samples }) => ({ contender, samples }));
}

async function runWithFreshPeers({
  environment,
  load,
  options,
  contenders,
  cpuPlan,
}: Rounds): Promise<ContenderResult[]> {
  const results = contenders.map((contender) => ({ contender, samples: [] as Sample[] }));
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, { contender, samples }] of results.entries()) {
      const target = await startContender(environment, contender, index, cpuPlan);
      const sample = await measure(load, target, options.seconds, undefined);
      await target.process.stop();
      samples.push(sample);
      environment.say(progressLine(load.scenario, round, options.rounds, contender.label, sample));
    }
  }
  return results;
}

/** Contenders are pairs, the same peer without and with its access log. */
async function runSwitched({ environment, load, options, contenders, cpuPlan }: Rounds): Promise<ContenderResult[]> {
  const results = contenders.map((contender) => ({ contender, samples: [] as Sample[] }));
  const pairs = results.flatMap((without, i) =>
    without.contender.accessLog === false ? [{ without, with: results[i + 1]!, index: i }] : [],
  );
  const targets: Target[] = [];
  try {
    for (const { without, index } of pairs) {
      targets.push(await startContender(environment, without.contender, index, cpuPlan));
    }
    for (let round = 1; round <= options.rounds; round++) {
      for (const [i, pair] of pairs.entries()) {
        const warmUp = warmUpOf(round, options);
        const { peer } = pair.without.contender;
        const samples = await measureSwitched(load, targets[i]!, peer, warmUp, options.seconds);
        for (const [{ contender, samples: all }, sample] of [
          [pair.without, samples.without],
          [pair.with, samples.with],
        ] as const) {
          all.push(sample);
          environment.say(progressLine(load.scenario, round, options.rounds, contender.label, sample));
        }
      }
    }
  } finally {
    for (const { process } of targets) await process.stop();
  }
  return results;
}

function warmUpOf(round: number, { warmUp }: Options): number {
  return round === 1 ? Math.max(FIRST_WARM_UP_SECONDS, warmUp) : warmUp;
}

async function startContender(
  environment: Environment,
  contender: Contender,
  index: number,
  cpuPlan: CpuPlan,
): Promise<Target> {
  const addresses = addressesFor(process.pid, index);
  const started = await contender.peer.start({
    processes: environment.processes,
    addresses,
    folder: mkdtempSync(join(environment.folder, 'peer-')),
    threads: contender.threads,
    cpus: cpuPlan.peer,
    certificates: environment.certificates,
  });
  await checkSameWork(contender.label, addresses, environment.certificates !== undefined);
  return { process: started, addresses };
}

function progressLine(scenario: Scenario, round: number, rounds: number, label: string, sample: Sample): string {
  const { primary } = scenario;
  const figure = isValid(sample)
    ? `${primary.of(sample).toFixed(primary.digits)} ${primary.title}`
    : `INVALID: ${JSON.stringify(sample.errors)}`;
  return `${scenario.name}: round ${round}/${rounds}, ${label}: ${figure}`;
}
