/**
 * A soak from start to end: warm up with everything that the run will have, rest, run, rest; what is there after the second
 * rest was there after the first.
 */
import { systemClock } from '../../src/kit/clock.ts';
import { SeededRandom } from '../../src/kit/random.ts';
import { megabytes, seconds } from '../acceptance/figures.ts';
import { lastFor, type AcceptanceRun, type Lab } from '../acceptance/lab.ts';
import { Disturbances, LONGEST_REHEARSAL_MS } from './disturbances.ts';
import { EXCHANGES } from './exchanges.ts';
import { LONGEST_REST_MS, restAgain, restAtFirst } from './rest.ts';
import { FLAPPING, setUp, STEADY, type SoakLab } from './setup.ts';
import { failuresText, Traffic, type Failure } from './traffic.ts';
import { perHour, takeVitals, type Vitals } from './vitals.ts';

const MINUTE_MS = 60_000;
const MAX_WARM_UP_MS = 2 * MINUTE_MS;
const SAMPLES = 60;
const SHORTEST_SAMPLE_MS = 2000;
const CLIENTS = { steady: 10, flapping: 3 } as const;
const PAUSE_MS = 160;
/** One by one. */
const SHOWN_FAILURES = 20;
/** What instances that come and go may make of a request. */
const FLAPPING_ANSWERS =
  /^status 50[234]$|^cut after |ECONNRESET|closed|socket hang up|the session moved|^no cookie$|disconnected before secure|^answered "HTTP\/1\.1 50[234]/;
/** Beyond what was held at the start. */
const ALLOWED = { heapBytes: 3 * 1024 ** 2, residentBytes: 20 * 1024 ** 2 } as const;
const MINUTE = (minutes: number) => minutes * MINUTE_MS;

export function soak(minutes: number, seed: number): AcceptanceRun {
  return {
    name: 'soak',
    about: `${minutes} minutes of mixed traffic, changes, flaps and deaths: nothing unexpected fails, everything is given back (seed ${seed})`,
    needs: [],
    limitSeconds: (MINUTE(minutes) + MAX_WARM_UP_MS + LONGEST_REHEARSAL_MS + 2 * LONGEST_REST_MS) / 1000 + 120,
    run: (lab) => run(lab, minutes, seed),
  };
}

async function run(lab: Lab, minutes: number, seed: number): Promise<void> {
  const here = await setUp(lab);
  lab.say('warming up');
  const warmUp = trafficOf(lab, seed + 1000);
  const disturbances = new Disturbances(here, new SeededRandom(seed));
  disturbances.start({ deaths: false });
  await lastFor(Math.min(MAX_WARM_UP_MS, MINUTE(minutes) / 5));
  lab.say('threads die before the start');
  await disturbances.rehearse();
  await Promise.all([...warmUp.map((traffic) => traffic.stop()), disturbances.stop()]);
  const before = await restAtFirst(here);
  lab.say(`the run: ${minutes} minutes, seed ${seed}`);
  const [steady, flapping] = trafficOf(lab, seed);
  disturbances.start({ deaths: true });
  const errors = new Set<string>();
  const samples = await sampleWhile(here, MINUTE(minutes), errors);
  await Promise.all([steady.stop(), flapping.stop(), disturbances.stop()]);
  const after = await restAgain(here, before);
  noteTraffic(lab, steady, flapping);
  demandNoFailure(lab, disturbances, steady, flapping);
  demandGivenBack(lab, before, after, samples);
  const grownBytes = (after.residentBytes - before.residentBytes) / Math.max(1, disturbances.kills.length);
  lab.figures.note('RSS more for each thread that was replaced', megabytes(grownBytes));
  await demandDisturbed(here, disturbances);
  here.inspector.close();
  for (const line of errors) lab.say(line);
  // A dead thread is one line, one that is ended for standing still is two.
  await here.weir.demandSoundEnd(lab, 2 * (disturbances.rehearsed + disturbances.kills.length));
}

function trafficOf(lab: Lab, seed: number): [Traffic, Traffic] {
  const plan = { host: lab.addresses.front, pauseMs: PAUSE_MS };
  return [
    new Traffic({ ...plan, ports: STEADY, clients: CLIENTS.steady, seed }),
    new Traffic({ ...plan, ports: FLAPPING, clients: CLIENTS.flapping, seed: seed + 500 }),
  ];
}

/** A sample every now and then for `ms`. Keeps what the log tells of errors, which it forgets. */
async function sampleWhile(here: SoakLab, ms: number, errors: Set<string>): Promise<Vitals[]> {
  const samples: Vitals[] = [];
  const endMs = systemClock.monotonicMs() + ms;
  const everyMs = Math.max(SHORTEST_SAMPLE_MS, ms / SAMPLES);
  while (systemClock.monotonicMs() < endMs) {
    await lastFor(Math.min(everyMs, endMs - systemClock.monotonicMs()));
    samples.push(await takeVitals(here));
    for (const line of here.weir.errors) errors.add(line);
  }
  return samples;
}

function noteTraffic({ figures }: Lab, steady: Traffic, flapping: Traffic): void {
  for (const { name } of EXCHANGES) {
    const done = steady.done.get(name) ?? 0;
    figures.demand(`steady: ${name}`, done, '> 0', done > 0);
  }
  figures.note('steady, flapping: exchanges', `${steady.total}, ${flapping.total}`);
}

function demandNoFailure(lab: Lab, disturbances: Disturbances, steady: Traffic, flapping: Traffic): void {
  const { figures } = lab;
  const excused = ({ wrong, beganMs, atMs }: Failure) => !wrong && disturbances.excuses(beganMs, atMs);
  const unexpected = steady.failures.filter((failure) => !excused(failure));
  const lost = steady.failures.length - unexpected.length;
  figures.note('steady: lost with a thread that was killed', lost);
  figures.demand('steady: unexpected failures', unexpected.length, '0', unexpected.length === 0);
  const odd = flapping.failures.filter(
    (failure) => failure.wrong || !(FLAPPING_ANSWERS.test(failure.what) || excused(failure)),
  );
  figures.note('flapping: failed for want of an instance', flapping.failures.length - odd.length);
  figures.demand('flapping: unexpected failures', odd.length, '0', odd.length === 0);
  if (unexpected.length > 0) lab.say(`unexpected, steady:\n${failuresText(unexpected)}`);
  for (const { exchange, beganMs, atMs } of unexpected.slice(0, SHOWN_FAILURES)) {
    lab.say(`${exchange}: began ${disturbances.precedingKill(beganMs)}, failed ${disturbances.precedingKill(atMs)}`);
  }
  if (odd.length > 0) lab.say(`unexpected, flapping:\n${failuresText(odd)}`);
  if (lost > 0) lab.say(`lost with a thread:\n${failuresText(steady.failures.filter(excused))}`);
}

function demandGivenBack({ figures }: Lab, before: Vitals, after: Vitals, samples: readonly Vitals[]): void {
  const memory = (what: string, of: (vitals: Vitals) => number, allowed: number): void => {
    const [start, end] = [of(before), of(after)];
    const slope = `${megabytes(perHour(samples, of))}/h`;
    const text = `${megabytes(start)}, ${megabytes(end)}, ${slope}`;
    figures.demand(`${what}: before, after, slope`, text, `<= ${megabytes(allowed)} more`, end - start <= allowed);
  };
  memory('heap of control', ({ controlHeapBytes }) => controlHeapBytes, ALLOWED.heapBytes);
  memory('heap of a traffic thread', ({ trafficHeapBytes }) => trafficHeapBytes, ALLOWED.heapBytes);
  memory('RSS', ({ residentBytes }) => residentBytes, ALLOWED.residentBytes);
  const count = (what: string, of: (vitals: Vitals) => number): void => {
    const slope = `${perHour(samples, of).toFixed(0)}/h`;
    const text = `${of(before)}, ${of(after)}, ${slope}`;
    figures.demand(`${what}: before, after, slope`, text, `<= ${of(before)}`, of(after) <= of(before));
  };
  count('descriptors', ({ descriptors }) => descriptors);
  count('open connections', ({ connections }) => connections);
}

async function demandDisturbed({ lab, weir }: SoakLab, disturbances: Disturbances): Promise<void> {
  const { figures } = lab;
  const { kills, rehearsed, flaps, calls, replacedMs, problems } = disturbances;
  for (const problem of problems) lab.say(`problem: ${problem}`);
  figures.demand('calls of the API, failed', `${calls}, ${problems.length}`, '0 failed', problems.length === 0);
  figures.note('flaps of an instance', flaps);
  const restarts = (await weir.metric('weir_thread_restarts_total')) - rehearsed;
  figures.demand('threads killed, replaced', `${kills.length}, ${restarts}`, 'as many', kills.length === restarts);
  figures.note('a thread was replaced after, at most', seconds(Math.max(0, ...replacedMs)));
}
