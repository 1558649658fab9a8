/**
 * `npm run bench -- control`: the API and the control thread of a whole `weir serve` with 1,000 load balancers of 10 instances
 * each: pages of DescribeLoadBalancers, how long a change takes to every traffic thread, and a start. Times as a client sees them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep, systemClock } from '../src/kit/clock.ts';
import { ALGORITHM, canonicalRequest, sha256Hex, sign, stringToSign, TERMINATOR } from '../src/wire/sigv4-canonical.ts';
import { ProcessTable, untilListening, type ManagedProcess } from './processes.ts';

const LOAD_BALANCERS = 1000;
const INSTANCES = 10;
const THREADS = 2;
const PAGE_SIZES = [400, 100];
const PAGE_ROUNDS = 10;
const CHANGES = 60;
const STARTS = 3;
const READY_POLL_MS = 10;
const READY_TIMEOUT_MS = 60_000;
const API = { host: '127.0.0.1', port: 17_600 };
const KEY = { accessKeyId: 'AKIABENCHBENCHBENCH0', secretAccessKey: 'bench/bench/bench/bench/bench/bench/benc' };

export interface ControlFigures {
  /** Milliseconds of each page, by the number of load balancers on it. */
  readonly pages: ReadonlyMap<number, readonly number[]>;
  /** Milliseconds of ModifyLoadBalancerAttributes, which is answered when every thread has it. */
  readonly changes: readonly number[];
  /** Milliseconds of RegisterInstancesWithLoadBalancer, likewise. */
  readonly registrations: readonly number[];
  /** Milliseconds from the start of the process until every listener is up. */
  readonly starts: readonly number[];
}

/** Makes the load balancers through the API, and measures. */
export async function measureControl(): Promise<ControlFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-control-'));
  const processes = new ProcessTable();
  const configuration = join(folder, 'weir.yaml');
  writeFileSync(
    configuration,
    `dataDir: ${folder}/data\napi: ${API.host}:${API.port}\naddresses: 127.46.0.0/20\nthreads: ${THREADS}\n` +
      `limits: {loadBalancers: ${LOAD_BALANCERS}}\nlog: {level: warn, format: json}\n`,
  );
  try {
    const weir = await start(processes, configuration);
    for (let number = 0; number < LOAD_BALANCERS; number++) await make(number);
    const pages = new Map<number, readonly number[]>();
    for (const size of PAGE_SIZES) pages.set(size, await timesOfPages(size));
    const changes = await timesOf(CHANGES, (number) =>
      call('ModifyLoadBalancerAttributes', {
        LoadBalancerName: nameOf(number * 7),
        'LoadBalancerAttributes.ConnectionSettings.IdleTimeout': String(61 + number),
      }),
    );
    const registrations = await timesOf(CHANGES, (number) =>
      call('RegisterInstancesWithLoadBalancer', {
        LoadBalancerName: nameOf(number * 11),
        'Instances.member.1.InstanceId': `127.47.3.${number + 1}`,
      }),
    );
    await weir.stop();
    const starts = await timesOf(STARTS, async () => {
      const again = await start(processes, configuration);
      return () => again.stop();
    });
    return { pages, changes, registrations, starts };
  } finally {
    await processes.stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

export function controlTable({ pages, changes, registrations, starts }: ControlFigures): string {
  const row = (what: string, times: readonly number[]): string => {
    const sorted = times.toSorted((a, b) => a - b);
    const [median, worst] = [sorted[sorted.length >> 1]!, sorted.at(-1)!];
    return `| ${what.padEnd(58)} | ${median.toFixed(1).padStart(9)} | ${worst.toFixed(1).padStart(8)} |`;
  };
  return [
    `| ${'1,000 load balancers, 10 instances each'.padEnd(58)} | median ms | worst ms |`,
    `|${'-'.repeat(60)}|----------:|---------:|`,
    ...Array.from(pages, ([size, times]) => row(`DescribeLoadBalancers, a page of ${size}`, times)),
    row(`ModifyLoadBalancerAttributes, until ${THREADS} threads serve it`, changes),
    row(`RegisterInstancesWithLoadBalancer, until ${THREADS} threads serve it`, registrations),
    row('start, until every listener is up', starts),
  ].join('\n');
}

function nameOf(number: number): string {
  return `bench-${String(number % LOAD_BALANCERS).padStart(4, '0')}`;
}

async function start(processes: ProcessTable, configuration: string): Promise<ManagedProcess> {
  const weir = await processes.start({
    name: 'weir',
    file: process.execPath,
    args: ['bin/weir.js', 'serve', configuration],
    env: { WEIR_ACCESS_KEY_ID: KEY.accessKeyId, WEIR_SECRET_ACCESS_KEY: KEY.secretAccessKey },
  });
  await untilListening(weir, API.host, API.port);
  const deadlineMs = systemClock.monotonicMs() + READY_TIMEOUT_MS;
  for (;;) {
    const { status } = await fetch(`http://${API.host}:${API.port}/-/ready`);
    if (status === 200) return weir;
    if (systemClock.monotonicMs() > deadlineMs) throw new Error(`weir is not ready: ${weir.output}`);
    await sleep(systemClock, READY_POLL_MS);
  }
}

/** A load balancer with its instances, which answer nobody: refused connections cost probes like any others. */
async function make(number: number): Promise<void> {
  await call('CreateLoadBalancer', {
    LoadBalancerName: nameOf(number),
    'AvailabilityZones.member.1': 'us-east-1a',
    'Listeners.member.1.Protocol': 'HTTP',
    'Listeners.member.1.LoadBalancerPort': '8080',
    'Listeners.member.1.InstancePort': '9001',
  });
  const instances = Array.from({ length: INSTANCES }, (_, index) => {
    const id = `127.47.${number >> 8}.${number & 255}:${9001 + index}`;
    return [`Instances.member.${index + 1}.InstanceId`, id] as const;
  });
  const parameters = { LoadBalancerName: nameOf(number), ...Object.fromEntries(instances) };
  await call('RegisterInstancesWithLoadBalancer', parameters);
}

/** All pages, again and again; the last of a round may be shorter. */
async function timesOfPages(size: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let round = 0; round < PAGE_ROUNDS; round++) {
    let marker: string | undefined;
    do {
      const startMs = systemClock.monotonicMs();
      const more: Record<string, string> = marker === undefined ? {} : { Marker: marker };
      const page = await call('DescribeLoadBalancers', { PageSize: String(size), ...more });
      marker = /<NextMarker>([^<]+)</.exec(page)?.[1];
      if (marker !== undefined) times.push(systemClock.monotonicMs() - startMs);
    } while (marker !== undefined);
  }
  return times;
}

/** The times of `action`; what it returns as a function is done afterwards, and not timed. */
async function timesOf(count: number, action: (number: number) => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let number = 0; number < count; number++) {
    const startMs = systemClock.monotonicMs();
    const done = await action(number);
    times.push(systemClock.monotonicMs() - startMs);
    if (typeof done === 'function') await (done as () => Promise<void>)();
  }
  return times;
}

/** A signed call; its whole answer. */
async function call(action: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const body = new URLSearchParams({ Action: action, Version: '2012-06-01', ...parameters }).toString();
  const timestamp = `${new Date(systemClock.epochMs()).toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-amz-date': timestamp };
  const signed = Object.entries({ ...headers, host: `${API.host}:${API.port}` }).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const canonical = canonicalRequest({
    method: 'POST',
    path: '/',
    query: '',
    headers: signed,
    payloadHash: sha256Hex(body),
  });
  const scope = `${timestamp.slice(0, 8)}/us-east-1/elasticloadbalancing/${TERMINATOR}`;
  const signature = sign(KEY.secretAccessKey, scope, stringToSign(timestamp, scope, canonical)).toString('hex');
  const names = signed.map(([name]) => name).join(';');
  const authorization = `${ALGORITHM} Credential=${KEY.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  const url = `http://${API.host}:${API.port}/`;
  const response = await fetch(url, { method: 'POST', headers: { ...headers, authorization }, body });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${action}: ${text}`);
  return text;
}
