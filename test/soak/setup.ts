/** The weir of a soak: three load balancers through the API, instances behind them, and a way into its threads. */
import {
  ConfigureHealthCheckCommand,
  CreateLBCookieStickinessPolicyCommand,
  CreateLoadBalancerCommand,
  ModifyLoadBalancerAttributesCommand,
  RegisterInstancesWithLoadBalancerCommand,
  SetLoadBalancerPoliciesOfListenerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { Inspector } from '../acceptance/inspector.ts';
import type { Lab } from '../acceptance/lab.ts';
import { WeirUnderTest } from '../acceptance/weir.ts';
import { issue } from '../support/issued.ts';
import type { Ports } from './client.ts';
import { Instance, startEchoes } from './instances.ts';

export const THREADS = 2;
/** A thread that leaks is to run out of memory; the machine is not. */
const HEAP_LIMIT_MB = 256;
/** The inspector listens on a port of its own choice. */
const NODE_FLAGS = ['--inspect=127.0.0.1:0', '--expose-gc', `--max-old-space-size=${HEAP_LIMIT_MB}`];
export const IDLE_TIMEOUT_S = 10;
const WEB_PORT = 9101;
const ECHO_PORT = 9201;
const FLAPPING_WEB_PORT = 9102;

/** Of the load balancer that nothing happens to: whatever is done elsewhere, its clients must not notice. */
export const STEADY: Ports = { HTTP: 8080, HTTPS: 8443, TCP: 8090, SSL: 8493 };
/** Of the one whose instances come and go. */
export const FLAPPING: Ports = { HTTP: 8180, HTTPS: 8543, TCP: 8190, SSL: 8593 };
/** Of the one that is created and deleted again and again. */
export const PASSING = [8280, 8290, 8281] as const;
/** A listener of the steady one that comes and goes. */
export const PASSING_LISTENER = 8085;

export interface SoakLab {
  readonly lab: Lab;
  readonly weir: WeirUnderTest;
  readonly inspector: Inspector;
  /** An instance of `flapping` that may go down. */
  readonly flapping: Instance;
}

export async function setUp(lab: Lab): Promise<SoakLab> {
  const { backends } = lab.addresses;
  const steady = backends.map((address) => new Instance(address, WEB_PORT));
  const others = backends.map((address) => new Instance(address, FLAPPING_WEB_PORT));
  const closeEchoes = await startEchoes(backends, ECHO_PORT);
  lab.own(() => {
    for (const instance of [...steady, ...others]) instance.stop();
    closeEchoes();
  });
  for (const instance of [...steady, ...others]) await instance.start();
  const weir = await WeirUnderTest.start(lab, { threads: THREADS, nodeFlags: NODE_FLAGS });
  const inspector = await Inspector.connect(() => weir.process.output);
  lab.own(() => inspector.close());
  const certificate = await weir.importCertificate(issue());
  await create(weir, 'steady', STEADY, WEB_PORT, certificate, backends);
  await create(weir, 'flapping', FLAPPING, FLAPPING_WEB_PORT, certificate, backends);
  return { lab, weir, inspector, flapping: others[1]! };
}

function listenersOn(ports: Ports, webPort: number, SSLCertificateId: string) {
  const web = { InstanceProtocol: 'HTTP', InstancePort: webPort };
  const stream = { InstanceProtocol: 'TCP', InstancePort: ECHO_PORT };
  return [
    { Protocol: 'HTTP', LoadBalancerPort: ports.HTTP, ...web },
    { Protocol: 'HTTPS', LoadBalancerPort: ports.HTTPS, ...web, SSLCertificateId },
    { Protocol: 'TCP', LoadBalancerPort: ports.TCP, ...stream },
    { Protocol: 'SSL', LoadBalancerPort: ports.SSL, ...stream, SSLCertificateId },
  ];
}

/** All four kinds of listener; requests of HTTP that bring a cookie are sticky. */
async function create(
  weir: WeirUnderTest,
  LoadBalancerName: string,
  ports: Ports,
  webPort: number,
  SSLCertificateId: string,
  instances: readonly string[],
): Promise<void> {
  const { client } = weir;
  const Listeners = listenersOn(ports, webPort, SSLCertificateId);
  const name = { LoadBalancerName };
  await client.send(new CreateLoadBalancerCommand({ ...name, Listeners, AvailabilityZones: ['us-east-1a'] }));
  // A busy machine is no reason to take the steady one's instances out of service.
  const thresholds = { HealthyThreshold: 2, UnhealthyThreshold: LoadBalancerName === 'steady' ? 10 : 2 };
  const HealthCheck = { Target: `HTTP:${webPort}/`, Interval: 5, Timeout: 4, ...thresholds };
  await client.send(new ConfigureHealthCheckCommand({ ...name, HealthCheck }));
  const LoadBalancerAttributes = {
    ConnectionSettings: { IdleTimeout: IDLE_TIMEOUT_S },
    ConnectionDraining: { Enabled: true, Timeout: 3 },
  };
  await client.send(new ModifyLoadBalancerAttributesCommand({ ...name, LoadBalancerAttributes }));
  await client.send(new CreateLBCookieStickinessPolicyCommand({ ...name, PolicyName: 'sticky' }));
  const listener = { LoadBalancerPort: ports.HTTP, PolicyNames: ['sticky'] };
  await client.send(new SetLoadBalancerPoliciesOfListenerCommand({ ...name, ...listener }));
  const Instances = instances.map((InstanceId) => ({ InstanceId }));
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ ...name, Instances }));
  for (const instance of instances) await weir.untilState(LoadBalancerName, instance, 'InService');
}
