/** One measurement: the client's load on one peer, and what the peer's process used meanwhile. */
import { messageOf, unreachable } from '../src/kit/assert.ts';
import { sleep, systemClock } from '../src/kit/clock.ts';
import { HTTP_PORT, type Addresses } from './addresses.ts';
import { othersCpuSeconds, usageOf } from './cpu.ts';
import { runH2load } from './load/h2load.ts';
import { runHandshakes } from './load/handshakes.ts';
import { openIdle } from './load/idle.ts';
import { runNewcomers } from './load/newcomers.ts';
import { runWrk } from './load/wrk.ts';
import { httpUrl, tcpUrl } from './peers/peer.ts';
import type { ManagedProcess, ProcessTable } from './processes.ts';
import { onlyOccurred, sampleOf, type ClientFigures, type Sample } from './sample.ts';
import type { Scenario } from './scenarios.ts';
import { HTTPS_PORTS, httpsUrl, TLS_CIPHERS, TLS_CURVE, TLS_VERSION } from './tls.ts';

/** Connections that warm a peer up before the memory of idle ones is measured. */
const IDLE_WARM_UP_CONNECTIONS = 200;
const IDLE_SETTLE_MS = 2000;
/** Until those who are to keep a peer busy are all there; they stay as much longer. */
const GATHERING_SECONDS = 1;

export interface Target {
  readonly process: ManagedProcess;
  readonly addresses: Addresses;
}

export interface LoadPlan {
  readonly processes: ProcessTable;
  readonly scenario: Scenario;
  /** Client connections. */
  readonly connections: number;
  /** The CPUs of the client. */
  readonly cpus: readonly number[] | undefined;
  /** For files of the client. */
  readonly folder: string;
}

/** Loads `target` for `seconds` (at `ratePerSecond`, in an open loop) and measures it. What goes wrong is in the sample's errors; it never throws. */
export async function measure(
  plan: LoadPlan,
  target: Target,
  seconds: number,
  ratePerSecond: number | undefined,
): Promise<Sample> {
  const startMs = systemClock.monotonicMs();
  const othersBefore = othersCpuSeconds();
  const sample = await measureLoaded(plan, target, seconds, ratePerSecond);
  const passedSeconds = (systemClock.monotonicMs() - startMs) / 1000;
  return { ...sample, othersCpus: Math.max(0, (othersCpuSeconds() - othersBefore) / passedSeconds) };
}

async function measureLoaded(
  plan: LoadPlan,
  target: Target,
  seconds: number,
  ratePerSecond: number | undefined,
): Promise<Sample> {
  try {
    if (plan.scenario.load.kind === 'idle') return await measureIdle(plan, target);
    const before = usageOf(target.process.pid);
    const figures = await runLoad(plan, target, seconds, ratePerSecond);
    const sample = sampleOf(figures, before, usageOf(target.process.pid));
    return ratePerSecond === undefined ? sample : { ...sample, offeredPerSecond: ratePerSecond };
  } catch (error) {
    return failedSample(messageOf(error));
  }
}

function runLoad(
  plan: LoadPlan,
  target: Target,
  seconds: number,
  ratePerSecond: number | undefined,
): Promise<ClientFigures> {
  const { processes, scenario, connections, cpus, folder } = plan;
  const { load, headers } = scenario;
  const common = { url: urlOf(scenario, target), connections, seconds, headers, cpus };
  switch (load.kind) {
    case 'wrk':
      return runWrk(processes, { ...common, uploadBytes: load.uploadBytes, expectedBodyBytes: scenario.bodyBytes });
    case 'constant-rate':
      return runWrk(processes, {
        ...common,
        ratePerSecond,
        expectedBodyBytes: scenario.bodyBytes,
      });
    case 'pipelining':
      return runH2load(processes, {
        ...common,
        depth: load.depth,
        expectedBodyBytes: scenario.bodyBytes ?? 0,
        folder,
      });
    case 'handshakes':
      return runHandshakes(processes, handshakePlan(plan, target, seconds, load.resume), cpus);
    case 'newcomers':
      return runBesideOthers(plan, target, seconds, load.ratePerSecond);
    case 'idle':
      throw new Error('idle connections are not a load');
    default:
      return unreachable(load);
  }
}

/** Newcomers, while all connections of the scenario are there and keep the peer busy. */
async function runBesideOthers(
  { processes, scenario, connections, cpus }: LoadPlan,
  target: Target,
  seconds: number,
  ratePerSecond: number,
): Promise<ClientFigures> {
  const { headers, path, bodyBytes } = scenario;
  const busy = { url: urlOf(scenario, target), connections, headers, expectedBodyBytes: bodyBytes, cpus };
  const { front: host, sources } = target.addresses;
  const plan = { host, port: HTTP_PORT, path, ratePerSecond, seconds, sources };
  const [others, newcomers] = await Promise.all([
    runWrk(processes, { ...busy, seconds: seconds + 2 * GATHERING_SECONDS }),
    sleep(systemClock, GATHERING_SECONDS * 1000).then(() => runNewcomers(processes, plan, cpus)),
  ]);
  const errors = { ...newcomers.errors, ...others.errors };
  return { ...newcomers, seconds: others.seconds, errors, connectedPerSecond: others.requests / others.seconds };
}

function handshakePlan({ scenario, connections }: LoadPlan, { addresses }: Target, seconds: number, resume: boolean) {
  const kind = scenario.tls ?? 'ecdsa';
  const agreed = { version: TLS_VERSION, ciphers: TLS_CIPHERS[kind], curve: TLS_CURVE } as const;
  const from = { host: addresses.front, port: HTTPS_PORTS[kind], sources: addresses.sources };
  return { ...from, ...agreed, connections, seconds, resume };
}

async function measureIdle(plan: LoadPlan, target: Target): Promise<Sample> {
  const { path } = plan.scenario;
  const warmUp = await openIdle(target.addresses, path, IDLE_WARM_UP_CONNECTIONS);
  await warmUp.close();
  await sleep(systemClock, IDLE_SETTLE_MS);
  const before = usageOf(target.process.pid);
  const startMs = systemClock.monotonicMs();
  const connections = await openIdle(target.addresses, path, plan.connections);
  await sleep(systemClock, IDLE_SETTLE_MS);
  const after = usageOf(target.process.pid);
  const figures: ClientFigures = {
    requests: connections.open,
    bytes: 0,
    seconds: (systemClock.monotonicMs() - startMs) / 1000,
    p50Us: 0,
    p99Us: 0,
    late: 0,
    errors: onlyOccurred({ 'connection lost': connections.lost() }),
  };
  await connections.close();
  return {
    ...sampleOf(figures, before, after),
    bytesPerConnection: (after.residentBytes - before.residentBytes) / Math.max(1, connections.open),
  };
}

export function urlOf(scenario: Scenario, target: Target): string {
  if (scenario.tls !== undefined) return httpsUrl(target.addresses, scenario.tls, scenario.path);
  return (scenario.layer === 'http' ? httpUrl : tcpUrl)(target.addresses, scenario.path);
}

/** In place of a measurement that came to nothing. */
export function failedSample(message: string): Sample {
  return {
    requests: 0,
    bytes: 0,
    seconds: 0,
    p50Us: 0,
    p99Us: 0,
    late: 0,
    errors: { [message]: 1 },
    cpuSeconds: 0,
    residentBytes: 0,
  };
}
