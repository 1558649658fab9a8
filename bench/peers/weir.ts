/** Weir as its users run it: `weir serve`, and a load balancer made through the AWS API. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  ConfigureHealthCheckCommand,
  CreateLoadBalancerCommand,
  DescribeInstanceHealthCommand,
  ElasticLoadBalancingClient,
  ModifyLoadBalancerAttributesCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { messageOf } from '../../src/kit/assert.ts';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { API_PORT, BACKEND_PORT, HTTP_PORT, TCP_PORT, type Addresses } from '../addresses.ts';
import { untilListening, type ManagedProcess } from '../processes.ts';
import type { Peer, PeerPlan } from './peer.ts';
import { addHttpsListeners } from './weir-tls.ts';

const IN_SERVICE_TIMEOUT_MS = 30_000;
const POLL_MS = 250;
/** Of its output, the part that a message shows. */
const SHOWN_OUTPUT = 2000;
const LOAD_BALANCER = 'bench';
const CREDENTIALS = {
  accessKeyId: 'AKIABENCHBENCHBENCH0',
  secretAccessKey: 'bench/bench/bench/bench/bench/bench/benc',
};

const HEALTH_CHECK = {
  Target: `TCP:${BACKEND_PORT}`,
  Interval: 5,
  Timeout: 2,
  HealthyThreshold: 2,
  UnhealthyThreshold: 10,
};

export interface WeirSource {
  readonly label: string;
  /** The checkout whose weir is measured. */
  readonly directory: string;
  /** What is run instead of `node bin/weir.js` there, such as `node --cpu-prof bin/weir.js`. */
  readonly command: readonly string[] | undefined;
}

/** Weir from this checkout (label `weir`) or another one (`weir:<name of its folder>`). */
export function weirPeer(source: WeirSource): Peer {
  return {
    label: source.label,
    version: () => weirVersion(source),
    start: (plan) => start(source, plan),
    accessLog: { switch: switchAccessLog, requests: requestsOf },
  };
}

/** The weir of the checkout in `directory`; fails when there is none. */
export function weirCheckout(directory: string): WeirSource {
  const absolute = resolve(directory);
  if (!existsSync(join(absolute, 'bin', 'weir.js'))) {
    throw new Error(`--peers: weir:${directory} is not a checkout of weir (no bin/weir.js in ${absolute})`);
  }
  return { label: `weir:${basename(absolute)}`, directory: absolute, command: undefined };
}

async function start(source: WeirSource, plan: PeerPlan): Promise<ManagedProcess> {
  const { addresses } = plan;
  const process = await startProgram(source, plan);
  await untilListening(process, addresses.api, API_PORT);
  const client = clientOf(addresses);
  try {
    await createLoadBalancer(client, addresses);
    if (plan.certificates !== undefined) {
      await addHttpsListeners(client, endpointOf(addresses), LOAD_BALANCER, plan.certificates);
    }
    await untilInService(client, addresses);
  } catch (error) {
    const said = process.output.slice(-SHOWN_OUTPUT);
    throw new Error(`${source.label}: ${messageOf(error)}; it said: ${said}`, { cause: error });
  } finally {
    client.destroy();
  }
  await untilListening(process, addresses.front, HTTP_PORT);
  await untilListening(process, addresses.front, TCP_PORT);
  return process;
}

function endpointOf(addresses: Addresses): string {
  return `http://${addresses.api}:${API_PORT}`;
}

function clientOf(addresses: Addresses): ElasticLoadBalancingClient {
  const endpoint = endpointOf(addresses);
  return new ElasticLoadBalancingClient({ endpoint, region: 'us-east-1', credentials: CREDENTIALS, maxAttempts: 1 });
}

async function switchAccessLog(addresses: Addresses, on: boolean): Promise<void> {
  const client = clientOf(addresses);
  const accessLog = on ? { Enabled: true, S3BucketName: 'bench', EmitInterval: 5 } : { Enabled: false };
  try {
    await client.send(
      new ModifyLoadBalancerAttributesCommand({
        LoadBalancerName: LOAD_BALANCER,
        LoadBalancerAttributes: { AccessLog: accessLog },
      }),
    );
  } finally {
    client.destroy();
  }
}

async function requestsOf(addresses: Addresses): Promise<number> {
  const metrics = await (await fetch(`${endpointOf(addresses)}/metrics`)).text();
  const requests = /^weir_requests_total\{load_balancer="bench"\} (\d+)$/m.exec(metrics)?.[1];
  if (requests === undefined) throw new Error('/metrics has no weir_requests_total of the load balancer "bench"');
  return Number(requests);
}

function startProgram(source: WeirSource, plan: PeerPlan): Promise<ManagedProcess> {
  const [file, ...args] = source.command ?? [nodeOf(source.directory), 'bin/weir.js'];
  if (file === undefined) throw new Error('--weir-command is empty: expected something like "node bin/weir.js"');
  args.push('serve', '--data-dir', join(plan.folder, 'data'), '--threads', String(plan.threads));
  args.push('--api', `${plan.addresses.api}:${API_PORT}`, '--listen', plan.addresses.front);
  return plan.processes.start({
    name: source.label,
    file,
    args,
    cpus: plan.cpus,
    cwd: source.directory,
    env: { WEIR_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, WEIR_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey },
  });
}

async function createLoadBalancer(client: ElasticLoadBalancingClient, addresses: Addresses): Promise<void> {
  const name = { LoadBalancerName: LOAD_BALANCER };
  const listener = (protocol: string, port: number) => ({
    Protocol: protocol,
    LoadBalancerPort: port,
    InstanceProtocol: protocol,
    InstancePort: BACKEND_PORT,
  });
  await client.send(
    new CreateLoadBalancerCommand({
      ...name,
      AvailabilityZones: ['us-east-1a'],
      Listeners: [listener('HTTP', HTTP_PORT), listener('TCP', TCP_PORT)],
    }),
  );
  await client.send(new ConfigureHealthCheckCommand({ ...name, HealthCheck: HEALTH_CHECK }));
  // As long as the others keep idle connections.
  await client.send(
    new ModifyLoadBalancerAttributesCommand({
      ...name,
      LoadBalancerAttributes: { ConnectionSettings: { IdleTimeout: 600 } },
    }),
  );
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ ...name, Instances: instancesOf(addresses) }));
}

function instancesOf(addresses: Addresses): { InstanceId: string }[] {
  return addresses.backends.map((backend) => ({ InstanceId: `${backend}:${BACKEND_PORT}` }));
}

async function untilInService(client: ElasticLoadBalancingClient, addresses: Addresses): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + IN_SERVICE_TIMEOUT_MS;
  for (;;) {
    const health = await client.send(new DescribeInstanceHealthCommand({ LoadBalancerName: LOAD_BALANCER }));
    const states = health.InstanceStates ?? [];
    const inService = states.filter((state) => state.State === 'InService').length;
    if (inService === addresses.backends.length) return;
    if (systemClock.monotonicMs() > deadlineMs) {
      const seen = states.map((state) => `${state.InstanceId} ${state.State} (${state.Description})`).join(', ');
      throw new Error(`instances are not in service after ${IN_SERVICE_TIMEOUT_MS / 1000} s: ${seen}`);
    }
    await sleep(systemClock, POLL_MS);
  }
}

/** The Node that the checkout brings, or the one we run on. */
function nodeOf(directory: string): string {
  const own = join(directory, 'node_modules', '.bin', 'node');
  return existsSync(own) ? own : process.execPath;
}

function weirVersion(source: WeirSource): string {
  const node = execFileSync(nodeOf(source.directory), ['--version'], { encoding: 'utf8' }).trim();
  return `weir ${revisionOf(source.directory)}, Node ${node.slice(1)}`;
}

/** The commit of a checkout, with `+` when files of the program differ from it. */
function revisionOf(directory: string): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const changed = git('status', '--porcelain', '--', 'src', 'bin', 'package-lock.json') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`;
  } catch {
    return '(not a git checkout)';
  }
}
