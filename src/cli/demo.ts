/** `weir demo`, which `npm start` runs: a weir with two sample instances and a load balancer in front of them. */
import { InvalidArgumentError, type Command } from 'commander';
import { DEFAULT_ACCOUNT_ID } from '../api/credentials.ts';
import type { Structure } from '../api/codec/value.ts';
import { Fault } from '../api/fault.ts';
import { awsCommand } from '../console/page.ts';
import { present } from '../kit/assert.ts';
import { sleep, systemClock, type Clock } from '../kit/clock.ts';
import { hostOf } from '../kit/ip.ts';
import { systemRandom } from '../kit/random.ts';
import { loadBalancerId, type LoadBalancer, type LoadBalancerId } from '../model/load-balancer.ts';
import { zonesOf } from '../model/network.ts';
import { addConfigurationOptions } from './configuration-options.ts';
import { loadConfiguration, type ConfigurationFlags } from './configuration.ts';
import * as values from './configuration-values.ts';
import { StartError } from './failure.ts';
import { runUntilSignal } from './run.ts';
import { SAMPLE_INSTANCE_IDS, SAMPLE_INSTANCE_PORT, startSampleInstances } from './sample-instances.ts';
import { startWeir, type RunningWeir } from './serve.ts';
import { print } from './standard-streams.ts';

const NAME = 'demo';
const DEFAULT_PORT = 8080;
/** The demo is for the machine that it runs on: nobody else reaches it unless that is asked for. */
const DEMO_POOL = ['127.0.0.1'];
const IN_SERVICE_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

/** Adds the command to the program. */
export function registerDemo(program: Command): void {
  addConfigurationOptions(program.command('demo'))
    .summary('run weir with two sample instances behind a load balancer')
    .description(
      'Run weir as "serve" does, with two sample instances in the process and the load balancer "demo" in front of ' +
        'them, on 127.0.0.1 unless addresses are given. What is changed is kept, and the next demo begins there.',
    )
    .option('--port <PORT>', 'port of the load balancer', parsePort, DEFAULT_PORT)
    .action(async (path: string | undefined, options: ConfigurationFlags & { port: number }) => {
      const environment = process.env;
      const clock = systemClock;
      const samples = await startSampleInstances();
      const configure = () => samples.addTo(loadConfiguration(path, options, environment, DEMO_POOL));
      await runUntilSignal({
        clock,
        environment,
        start: (onAnnounced) => startWeir({ configure, environment, clock, random: systemRandom, onAnnounced }),
        async onReady(weir) {
          const record = await setUp(weir, options.port, clock);
          print(introduction(weir, record, options.port));
        },
      });
    });
}

function parsePort(text: string): number {
  const port = values.port(text);
  if (port instanceof values.Unexpected) throw new InvalidArgumentError(`It must be ${port.expected}.`);
  return port;
}

/** Sees to it that the load balancer is there, listens on `port` and has the samples. */
async function setUp(weir: RunningWeir, port: number, clock: Clock): Promise<LoadBalancer> {
  const { region } = weir.configuration;
  const id = loadBalancerId(DEFAULT_ACCOUNT_ID, region, NAME);
  const call = async (action: string, input: Structure): Promise<void> => {
    const caller = { accountId: DEFAULT_ACCOUNT_ID, region, readOnly: false };
    const result = await weir.elb.perform(action, { LoadBalancerName: NAME, ...input }, caller);
    if (result instanceof Fault)
      throw new StartError(`the load balancer "${NAME}" cannot be set up: ${result.message}`);
  };
  const listener = {
    Protocol: 'HTTP',
    LoadBalancerPort: port,
    InstanceProtocol: 'HTTP',
    InstancePort: SAMPLE_INSTANCE_PORT,
  };
  const before = weir.store.view().get('load-balancer', id);
  if (before === undefined) {
    const AvailabilityZones = zonesOf(weir.configuration, region).slice(0, 1);
    await call('CreateLoadBalancer', { Listeners: [listener], AvailabilityZones });
    await call('ConfigureHealthCheck', { HealthCheck: HEALTH_CHECK });
  } else if (!before.listeners.some(({ loadBalancerPort }) => loadBalancerPort === port)) {
    await call('CreateLoadBalancerListeners', { Listeners: [listener] });
  }
  await call('RegisterInstancesWithLoadBalancer', {
    Instances: SAMPLE_INSTANCE_IDS.map((InstanceId) => ({ InstanceId })),
  });
  const down = weir.control.bindFailures().find((failure) => failure.loadBalancer === id && failure.port === port);
  if (down !== undefined) throw new StartError(`${down.message}; or choose another port for the demo (--port PORT)`);
  await untilInService(weir, id, clock);
  return present(weir.store.view().get('load-balancer', id), 'the load balancer that was set up');
}

const HEALTH_CHECK = {
  Target: `HTTP:${SAMPLE_INSTANCE_PORT}/`,
  Interval: 5,
  Timeout: 2,
  UnhealthyThreshold: 2,
  HealthyThreshold: 2,
};

/** So that the first request of the reader is answered. What takes too long does not keep the rest from being shown. */
async function untilInService({ control }: RunningWeir, id: LoadBalancerId, clock: Clock): Promise<void> {
  const deadlineMs = clock.monotonicMs() + IN_SERVICE_TIMEOUT_MS;
  const served = () => SAMPLE_INSTANCE_IDS.every((each) => control.instanceState(id, each).state === 'InService');
  while (!served() && clock.monotonicMs() < deadlineMs) await sleep(clock, POLL_MS);
}

function introduction(weir: RunningWeir, { address }: LoadBalancer, port: number): string {
  const { configuration, endpoint, files } = weir;
  const { auth } = configuration.api;
  const credentialsFile = auth === 'none' ? undefined : files.credentials;
  const aws = (rest: string) => `  ${awsCommand({ endpoint, credentialsFile, region: configuration.region }, rest)}`;
  const url = `http://${reachable(address)}:${port}/`;
  return `
weir runs; Ctrl-C stops it. The load balancer "${NAME}" spreads ${url} over ${SAMPLE_INSTANCE_IDS.join(' and ')}.

  console      ${endpoint}/
  API          ${endpoint}
  credentials  ${credentialsFile ?? 'none needed (auth: none)'}

Try it:
  curl ${url}
${aws('describe-load-balancers')}
${aws(`describe-instance-health --load-balancer-name ${NAME}`)}
${aws(`deregister-instances-from-load-balancer --load-balancer-name ${NAME} --instances ${SAMPLE_INSTANCE_IDS[1]}`)}
${aws(`register-instances-with-load-balancer --load-balancer-name ${NAME} --instances ${SAMPLE_INSTANCE_IDS[1]}`)}
${aws(`describe-load-balancer-attributes --load-balancer-name ${NAME}`)}

README.md tells how to go on: your own servers behind your own load balancers.

`;
}

/** An address that `curl` can be given for the one that is listened on. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return hostOf(address === '::' ? '::1' : address);
}
