/**
 * What an access log costs: one process under one load, its log switched on and off all the time. Two processes of the same
 * program, and one process a few seconds later, differ by more than that.
 */
import { messageOf } from '../src/kit/assert.ts';
import { sleep, systemClock } from '../src/kit/clock.ts';
import { cpuNanosecondsOf, othersCpuSeconds, usageOf } from './cpu.ts';
import { runWrk } from './load/wrk.ts';
import { failedSample, urlOf, type LoadPlan, type Target } from './measure.ts';
import type { AccessLog, Peer } from './peers/peer.ts';
import type { Sample } from './sample.ts';

/** How long it stays as it is, and how much of the beginning is not counted. */
const SLICE_MS = 400;
const SETTLE_MS = 50;

interface Sums {
  requests: number;
  cpuSeconds: number;
  seconds: number;
}

export interface Switched {
  readonly without: Sample;
  readonly with: Sample;
}

/** Measures both for `seconds` each, after `warmUp` seconds of the same load. What goes wrong is in the samples' errors; it never throws. */
export async function measureSwitched(
  plan: LoadPlan,
  target: Target,
  peer: Peer,
  warmUp: number,
  seconds: number,
): Promise<Switched> {
  try {
    return await measure(plan, target, peer.accessLog!, warmUp, seconds);
  } catch (error) {
    const failed = failedSample(messageOf(error));
    return { without: failed, with: failed };
  }
}

async function measure(
  { processes, scenario, connections, cpus }: LoadPlan,
  target: Target,
  log: AccessLog,
  warmUp: number,
  seconds: number,
): Promise<Switched> {
  const { headers, bodyBytes: expectedBodyBytes } = scenario;
  const total = warmUp + 2 * seconds;
  const [startMs, othersBefore] = [systemClock.monotonicMs(), othersCpuSeconds()];
  const client = runWrk(processes, {
    url: urlOf(scenario, target),
    connections,
    seconds: total,
    headers,
    expectedBodyBytes,
    cpus,
  });
  // Waited for below; where a slice fails first, its failure is what is told.
  client.catch(() => {});
  await sleep(systemClock, warmUp * 1000);
  const sums = [noSums(), noSums()];
  const lastMs = startMs + total * 1000 - 2 * (SETTLE_MS + SLICE_MS);
  for (let pair = 0; systemClock.monotonicMs() < lastMs; pair++) {
    for (const on of pair % 2 === 0 ? [0, 1] : [1, 0]) await addSlice(sums[on]!, target, log, on === 1);
  }
  const figures = await client;
  const passedSeconds = (systemClock.monotonicMs() - startMs) / 1000;
  const othersCpus = Math.max(0, (othersCpuSeconds() - othersBefore) / passedSeconds);
  const { residentBytes } = usageOf(target.process.pid);
  const [without, with_] = sums.map((sum): Sample => ({ ...figures, ...sum, residentBytes, othersCpus }));
  return { without: without!, with: with_! };
}

async function addSlice(sums: Sums, { process, addresses }: Target, log: AccessLog, on: boolean): Promise<void> {
  await log.switch(addresses, on);
  await sleep(systemClock, SETTLE_MS);
  const [requests, cpu, startMs] = [
    await log.requests(addresses),
    cpuNanosecondsOf(process.pid),
    systemClock.monotonicMs(),
  ];
  await sleep(systemClock, SLICE_MS);
  sums.requests += (await log.requests(addresses)) - requests;
  sums.cpuSeconds += (cpuNanosecondsOf(process.pid) - cpu) / 1e9;
  sums.seconds += (systemClock.monotonicMs() - startMs) / 1000;
}

function noSums(): Sums {
  return { requests: 0, cpuSeconds: 0, seconds: 0 };
}
