/** The weir that is looked at: `weir serve` as its users run it, and load balancers made through the AWS API. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACMClient, ImportCertificateCommand } from '@aws-sdk/client-acm';
import {
  ConfigureHealthCheckCommand,
  CreateLoadBalancerCommand,
  DescribeInstanceHealthCommand,
  ElasticLoadBalancingClient,
  ModifyLoadBalancerAttributesCommand,
  RegisterInstancesWithLoadBalancerCommand,
  type HealthCheck,
} from '@aws-sdk/client-elastic-load-balancing';
import { API_PORT, type Addresses } from '../../bench/addresses.ts';
import { parseStat, usageOf } from '../../bench/cpu.ts';
import { untilListening, type ManagedProcess } from '../../bench/processes.ts';
import { parseCredentials } from '../../src/api/credentials.ts';
import { messageOf, present } from '../../src/kit/assert.ts';
import { systemClock } from '../../src/kit/clock.ts';
import type { Issued } from '../support/issued.ts';
import { WEIR } from '../support/weir-process.ts';
import { seconds } from './figures.ts';
import { until, type Lab } from './lab.ts';
import { listeningSockets } from './sockets.ts';

/** Of /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const START_TIMEOUT_MS = 20_000;
const IN_SERVICE_TIMEOUT_MS = 30_000;
/** Of its output, the part that a message shows. */
const SHOWN_OUTPUT = 2000;
const SHOWN_ERRORS = 10;
/** With nothing in flight. */
const STOP_MS = 2000;

export interface WeirPlan {
  /** Of its data directory, where a run starts more than one. */
  readonly name?: string;
  readonly threads?: number;
  /** Instead of the lab's own. */
  readonly addresses?: Addresses;
  /** For the Node that runs it. */
  readonly nodeFlags?: readonly string[];
  /** It may have no more descriptors than that open (`ulimit -n`). */
  readonly maxDescriptors?: number;
  /** The CPUs that it has for itself. */
  readonly cpus?: readonly number[] | undefined;
}

export interface LoadBalancerPlan {
  readonly name: string;
  readonly listeners: readonly {
    readonly protocol: 'HTTP' | 'TCP' | 'HTTPS';
    readonly port: number;
    readonly instancePort: number;
    /** ARN, on HTTPS. */
    readonly certificate?: string;
  }[];
  readonly instances: readonly string[];
  readonly healthCheck: HealthCheck;
  readonly idleTimeoutSeconds?: number;
}

export class WeirUnderTest {
  readonly process: ManagedProcess;
  readonly endpoint: string;
  readonly client: ElasticLoadBalancingClient;

  private constructor(process: ManagedProcess, endpoint: string, client: ElasticLoadBalancingClient) {
    this.process = process;
    this.endpoint = endpoint;
    this.client = client;
  }

  /** Starts `weir serve` on the lab's addresses, with a data directory of its own; resolves when it is ready. */
  static async start(lab: Lab, plan: WeirPlan = {}): Promise<WeirUnderTest> {
    const { front, api } = plan.addresses ?? lab.addresses;
    const dataDir = join(lab.folder, `weir-data-${plan.name ?? 'default'}`);
    const options = { '--data-dir': dataDir, '--api': `${api}:${API_PORT}`, '--listen': front };
    const words = [...Object.entries(options).flat(), '--threads', String(plan.threads ?? 2)];
    const command = [process.execPath, ...(plan.nodeFlags ?? []), WEIR, 'serve', ...words];
    const limit = plan.maxDescriptors === undefined ? '' : `ulimit -n ${plan.maxDescriptors}; `;
    const program = await lab.processes.start({
      name: 'weir',
      file: '/bin/sh',
      args: ['-c', `${limit}exec "$@"`, 'sh', ...command],
      cwd: lab.folder,
      cpus: plan.cpus,
      // As bin/weir.js has it where it starts the Node that weir brings.
      env: { MALLOC_ARENA_MAX: '2' },
    });
    await untilListening(program, api, API_PORT);
    const endpoint = `http://${api}:${API_PORT}`;
    await untilOf(program, '/-/ready answers 200', START_TIMEOUT_MS, async () => {
      const { status } = await fetch(`${endpoint}/-/ready`);
      return status === 200;
    });
    const path = join(dataDir, 'credentials');
    const credentials = present(parseCredentials(readFileSync(path, 'utf8'), path)[0], `a key in ${path}`);
    const client = new ElasticLoadBalancingClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
    return new WeirUnderTest(program, endpoint, client);
  }

  /** Its ARN, for listeners. */
  async importCertificate({ certificate, privateKey }: Issued): Promise<string> {
    const { endpoint, client } = this;
    const acm = new ACMClient({ endpoint, region: 'us-east-1', credentials: client.config.credentials });
    const input = { Certificate: Buffer.from(certificate), PrivateKey: Buffer.from(privateKey) };
    const { CertificateArn } = await acm.send(new ImportCertificateCommand(input));
    acm.destroy();
    return present(CertificateArn, 'the ARN of an imported certificate');
  }

  /** Creates it with everything that the plan says; resolves when all its instances are in service. */
  async create(plan: LoadBalancerPlan): Promise<void> {
    const { client } = this;
    const LoadBalancerName = plan.name;
    const Listeners = plan.listeners.map(({ protocol, port, instancePort, certificate }) => ({
      Protocol: protocol,
      LoadBalancerPort: port,
      InstanceProtocol: protocol === 'HTTPS' ? 'HTTP' : protocol,
      InstancePort: instancePort,
      ...(certificate === undefined ? {} : { SSLCertificateId: certificate }),
    }));
    await client.send(
      new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }),
    );
    await client.send(new ConfigureHealthCheckCommand({ LoadBalancerName, HealthCheck: plan.healthCheck }));
    const ConnectionSettings = { IdleTimeout: plan.idleTimeoutSeconds ?? 60 };
    await client.send(
      new ModifyLoadBalancerAttributesCommand({ LoadBalancerName, LoadBalancerAttributes: { ConnectionSettings } }),
    );
    const Instances = plan.instances.map((InstanceId) => ({ InstanceId }));
    await client.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName, Instances }));
    for (const instance of plan.instances) await this.untilState(plan.name, instance, 'InService');
  }

  /** Resolves with the milliseconds that it took until DescribeInstanceHealth said `state`. */
  untilState(loadBalancer: string, instance: string, state: string): Promise<number> {
    const what = `${instance} of ${loadBalancer} is ${state}`;
    const look = async () => (await this.state(loadBalancer, instance)) === state;
    return untilOf(this.process, what, IN_SERVICE_TIMEOUT_MS, look);
  }

  async state(LoadBalancerName: string, InstanceId: string): Promise<string | undefined> {
    const Instances = [{ InstanceId }];
    const health = await this.client.send(new DescribeInstanceHealthCommand({ LoadBalancerName, Instances }));
    return health.InstanceStates?.[0]?.State;
  }

  get residentBytes(): number {
    return usageOf(this.process.pid).residentBytes;
  }

  get cpuSeconds(): number {
    return usageOf(this.process.pid).cpuSeconds;
  }

  /** CPU seconds of each traffic thread, by its number. */
  get threadCpuSeconds(): number[] {
    const folder = `/proc/${this.process.pid}/task`;
    const seconds: number[] = [];
    for (const task of readdirSync(folder)) {
      const name = readFileSync(`${folder}/${task}/comm`, 'latin1').trim();
      const thread = /^weir-(\d+)$/.exec(name)?.[1];
      if (thread === undefined) continue;
      seconds[Number(thread)] = parseStat(readFileSync(`${folder}/${task}/stat`, 'latin1')).ticks / TICKS_PER_SECOND;
    }
    return seconds;
  }

  /** Open descriptors, sockets among them. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.process.pid}/fd`).length;
  }

  /** Those that come and go with files and connections: of sockets that listen a crowd leaves more (src/transport/listen.ts). */
  get passingDescriptors(): number {
    return this.descriptors - listeningSockets(this.process.pid);
  }

  /** What `/metrics` says of `series`, such as `weir_client_connections{load_balancer="web"}`; 0 when it is not there. */
  async metric(series: string): Promise<number> {
    const text = await (await fetch(`${this.endpoint}/metrics`)).text();
    const line = text.split('\n').find((line) => line.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1) ?? 0);
  }

  /** Has another thread taken the place of `thread`, the `restarts`th to do so of all, and does it serve? */
  async hasReplaced(thread: number, restarts: number): Promise<boolean> {
    if ((await this.metric('weir_thread_restarts_total')) < restarts) return false;
    return (await this.metric(`weir_thread_revision{thread="${thread}"}`)) > 0;
  }

  /** Lines of its log that tell of an error. */
  get errors(): string[] {
    return this.process.output
      .split('\n')
      .filter((line) => /^\S+ (?:error|fatal) |"level":"(?:error|fatal)"/.test(line));
  }

  /** Demands that it still runs, has logged no error, and ends as it should when it is told to. */
  async demandSoundEnd(lab: Lab, expectedErrors = 0): Promise<void> {
    const { errors } = this;
    for (const line of errors.slice(0, SHOWN_ERRORS)) lab.say(line);
    const holds = errors.length <= expectedErrors;
    lab.figures.demand('errors in its log', errors.length, `<= ${expectedErrors}`, holds);
    lab.figures.demand('still runs', this.process.running ? 'yes' : 'no', 'yes', this.process.running);
    const startedMs = systemClock.monotonicMs();
    await this.process.stop();
    const exit = await this.process.exited;
    const tookMs = systemClock.monotonicMs() - startedMs;
    const ends = exit === 0 && tookMs <= STOP_MS;
    lab.figures.demand('SIGTERM: exit code, after', `${exit}, ${seconds(tookMs)}`, `0, <= ${seconds(STOP_MS)}`, ends);
  }
}

/** Resolves with the milliseconds that it took; a failure comes with what weir has said. */
async function untilOf(
  program: ManagedProcess,
  what: string,
  timeoutMs: number,
  look: () => Promise<boolean>,
): Promise<number> {
  try {
    const { afterMs } = await until(what, timeoutMs, look);
    return afterMs;
  } catch (error) {
    throw new Error(`${messageOf(error)}; weir said: ${program.output.slice(-SHOWN_OUTPUT)}`, { cause: error });
  }
}
