/**
 * `npm run bench -- health`: what 1,000 instances cost that are checked every 5 s. CPU time of the thread that does it, the
 * one of control, of a whole `weir serve`; its instances are 1,000 ports of one nginx.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConfigureHealthCheckCommand,
  CreateLoadBalancerCommand,
  DescribeInstanceHealthCommand,
  ElasticLoadBalancingClient,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { sleep, systemClock } from '../src/kit/clock.ts';
import { addressesFor, API_PORT, HTTP_PORT } from './addresses.ts';
import { parseStat } from './cpu.ts';
import { nginxIdentity, nginxPaths, nginxTemporaryPaths } from './nginx-config.ts';
import { ProcessTable, untilListening, type ManagedProcess } from './processes.ts';

const INSTANCES = 1000;
const INTERVAL_SECONDS = 5;
const FIRST_PORT = 20_000;
/** Of each measurement: every instance is checked so many times. */
const ROUNDS = 6;
const SECONDS = ROUNDS * INTERVAL_SECONDS;
const IN_SERVICE_MS = 60_000;
const POLL_MS = 500;
/** Of /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const LB = { LoadBalancerName: 'health' };
const KEY = { accessKeyId: 'AKIABENCHBENCHBENCH0', secretAccessKey: 'bench/bench/bench/bench/bench/bench/benc' };
const TARGETS = ['TCP:80', 'HTTP:80/'] as const;

export interface HealthCost {
  /** Of the check, or what was measured without any. */
  readonly name: string;
  /** Of one core. */
  readonly cpuPercent: number;
  /** CPU of one check; undefined without any. */
  readonly microsPerCheck: number | undefined;
}

/** Starts everything, measures each kind of check, and leaves nothing behind. */
export async function measureHealth(): Promise<HealthCost[]> {
  const processes = new ProcessTable();
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-health-'));
  const cleanUp = (): void => {
    processes.killAllNow();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', cleanUp);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  try {
    const { front, api, backends } = addressesFor(process.pid, 0);
    await startInstances(processes, folder, backends[0]!);
    const weir = await startWeir(processes, folder, { front, api });
    const client = new ElasticLoadBalancingClient({
      endpoint: `http://${api}:${API_PORT}`,
      region: 'us-east-1',
      credentials: KEY,
      maxAttempts: 1,
    });
    await createLoadBalancer(client);
    const idle = await controlCpu(weir);
    const costs: HealthCost[] = [{ name: 'no instance', cpuPercent: idle * 100, microsPerCheck: undefined }];
    await configure(client, TARGETS[0]);
    await register(client, backends[0]!);
    for (const target of TARGETS) {
      await configure(client, target);
      await untilInService(client);
      const share = await controlCpu(weir);
      const perSecond = INSTANCES / INTERVAL_SECONDS;
      costs.push({ name: target, cpuPercent: share * 100, microsPerCheck: ((share - idle) * 1e6) / perSecond });
    }
    return costs;
  } finally {
    await processes.stopAll();
    cleanUp();
  }
}

export function healthTable(costs: readonly HealthCost[]): string {
  const rows = costs.map(({ name, cpuPercent, microsPerCheck }) => {
    const micros = microsPerCheck === undefined ? '-' : microsPerCheck.toFixed(0);
    return `| ${name.padEnd(11)} | ${cpuPercent.toFixed(2).padStart(15)} | ${micros.padStart(12)} |`;
  });
  return [
    '| check       |   % of one core | CPU µs/check |',
    '|-------------|----------------:|-------------:|',
    ...rows,
  ].join('\n');
}

async function startInstances(processes: ProcessTable, folder: string, address: string): Promise<void> {
  const listens = Array.from({ length: INSTANCES }, (_, i) => `    listen ${address}:${FIRST_PORT + i};`).join('\n');
  const configuration = join(folder, 'nginx.conf');
  const text = `${nginxIdentity()}
worker_processes 1;
worker_rlimit_nofile 16384;
${nginxPaths(folder)}
events { worker_connections 12000; }
http {
  access_log off;
${nginxTemporaryPaths(folder)}
  server {
${listens}
    location / { return 200 "well"; }
  }
}
`;
  writeFileSync(configuration, text);
  const nginx = await processes.start({
    name: 'the instances (nginx)',
    file: 'nginx',
    args: ['-c', configuration, '-p', folder],
  });
  await untilListening(nginx, address, FIRST_PORT);
}

async function startWeir(
  processes: ProcessTable,
  folder: string,
  { front, api }: { readonly front: string; readonly api: string },
): Promise<ManagedProcess> {
  const options = { '--data-dir': join(folder, 'data'), '--api': `${api}:${API_PORT}`, '--listen': front };
  const weir = await processes.start({
    name: 'weir',
    file: process.execPath,
    args: ['bin/weir.js', 'serve', ...Object.entries(options).flat(), '--threads', '1'],
    env: { WEIR_ACCESS_KEY_ID: KEY.accessKeyId, WEIR_SECRET_ACCESS_KEY: KEY.secretAccessKey },
  });
  await untilListening(weir, api, API_PORT);
  return weir;
}

async function createLoadBalancer(client: ElasticLoadBalancingClient): Promise<void> {
  const listener = { Protocol: 'HTTP', LoadBalancerPort: HTTP_PORT, InstancePort: 80 };
  const zones = { AvailabilityZones: ['us-east-1a'] };
  await client.send(new CreateLoadBalancerCommand({ ...LB, ...zones, Listeners: [listener] }));
}

async function configure(client: ElasticLoadBalancingClient, Target: string): Promise<void> {
  const thresholds = { HealthyThreshold: 2, UnhealthyThreshold: 10 };
  const HealthCheck = { Target, Interval: INTERVAL_SECONDS, Timeout: 2, ...thresholds };
  await client.send(new ConfigureHealthCheckCommand({ ...LB, HealthCheck }));
}

async function register(client: ElasticLoadBalancingClient, address: string): Promise<void> {
  const Instances = Array.from({ length: INSTANCES }, (_, i) => ({ InstanceId: `${address}:${FIRST_PORT + i}` }));
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ ...LB, Instances }));
}

async function untilInService(client: ElasticLoadBalancingClient): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + IN_SERVICE_MS;
  for (;;) {
    const { InstanceStates = [] } = await client.send(new DescribeInstanceHealthCommand(LB));
    const inService = InstanceStates.filter(({ State }) => State === 'InService').length;
    if (inService === INSTANCES) return;
    if (systemClock.monotonicMs() > deadlineMs) throw new Error(`only ${inService} of ${INSTANCES} are in service`);
    await sleep(systemClock, POLL_MS);
  }
}

/** The share of a core that the thread of control uses, when what a change costs is over. */
async function controlCpu({ pid }: ManagedProcess): Promise<number> {
  // A changed check is tried at once on all instances, the spread second ones follow within the interval.
  await lastFor(INTERVAL_SECONDS * 2000);
  const [ticks, startedMs] = [mainThreadTicks(pid), systemClock.monotonicMs()];
  await lastFor(SECONDS * 1000);
  const seconds = (systemClock.monotonicMs() - startedMs) / 1000;
  return (mainThreadTicks(pid) - ticks) / TICKS_PER_SECOND / seconds;
}

function mainThreadTicks(pid: number): number {
  return parseStat(readFileSync(`/proc/${pid}/task/${pid}/stat`, 'latin1')).ticks;
}

function lastFor(ms: number): Promise<void> {
  return sleep(systemClock, ms);
}
