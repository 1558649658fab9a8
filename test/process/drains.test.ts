/** Connection draining on every path, with the whole program: what clients, the API and `weir drain-status` see. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import {
  ConfigureHealthCheckCommand,
  CreateLoadBalancerCommand,
  CreateLoadBalancerListenersCommand,
  DeleteLoadBalancerCommand,
  DeleteLoadBalancerListenersCommand,
  DeregisterInstancesFromLoadBalancerCommand,
  DescribeInstanceHealthCommand,
  DisableAvailabilityZonesForLoadBalancerCommand,
  ModifyLoadBalancerAttributesCommand,
  RegisterInstancesWithLoadBalancerCommand,
  type ElasticLoadBalancingClient,
} from '@aws-sdk/client-elastic-load-balancing';
import type { DrainRow } from '../../src/cli/drain-page.ts';
import { namedBackend, type NamedBackend } from '../support/named-backend.ts';
import { freePort, runWeir, WeirProcess } from '../support/weir-process.ts';

const LB = { LoadBalancerName: 'web' };
const ZONE = 'us-east-1a';
const OTHER_ZONE = 'us-east-1b';
const IN_SERVICE = 'InService N/A';
const DEREGISTERING = 'InService Instance deregistration currently in progress.';
const NOT_REGISTERED = 'OutOfService Instance is not currently registered with the LoadBalancer.';
const FAILED =
  'OutOfService Instance has failed at least the UnhealthyThreshold number of health checks consecutively.';
const DISABLING_ZONE = 'InService Disable Availability Zone is currently in progress.';
const ZONE_DISABLED =
  'OutOfService Instance is in the EC2 Availability Zone for which LoadBalancer is not configured to route traffic to.';

/** An instance whose answers to /slow come when they are released. */
interface Slow extends NamedBackend {
  readonly waiting: ServerResponse[];
}

interface Scene {
  readonly weir: WeirProcess;
  readonly client: ElasticLoadBalancingClient;
  readonly port: number;
  readonly slow: Slow;
  /** What DescribeInstanceHealth says of the slow instance. */
  readonly health: () => Promise<string>;
  /** Two requests in flight at it, in the order in which they are to be released. */
  readonly inFlight: () => Promise<readonly Promise<number>[]>;
  readonly drainStatus: () => Promise<string[][]>;
}

async function slowBackend(test: TestContext): Promise<Slow> {
  const waiting: ServerResponse[] = [];
  const backend = await namedBackend(test, 'slow', (request, response) => {
    if (request.url === '/slow') waiting.push(response);
    else response.writeHead(request.url === '/ill' ? 500 : 200).end('quick');
  });
  return { ...backend, waiting };
}

/** Load balancer `web` in two zones over two threads, in front of one slow instance. */
async function scene(test: TestContext, drainingSeconds: number | undefined): Promise<Scene> {
  const slow = await slowBackend(test);
  const weir = new WeirProcess(test, { flags: ['--threads', '2'] });
  await weir.ready();
  const client = await weir.client();
  const port = await freePort();
  const listener = { Protocol: 'HTTP', LoadBalancerPort: port, InstancePort: 80 };
  const AvailabilityZones = [ZONE, OTHER_ZONE];
  await client.send(new CreateLoadBalancerCommand({ ...LB, AvailabilityZones, Listeners: [listener] }));
  const Timeout = drainingSeconds ?? 300;
  const ConnectionDraining = { Enabled: drainingSeconds !== undefined, Timeout };
  const LoadBalancerAttributes = { ConnectionDraining };
  await client.send(new ModifyLoadBalancerAttributesCommand({ ...LB, LoadBalancerAttributes }));
  const Instances = [{ InstanceId: slow.instanceId }];
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ ...LB, Instances }));
  const health = async () => {
    const { InstanceStates } = await client.send(new DescribeInstanceHealthCommand({ ...LB, Instances }));
    return `${InstanceStates![0]!.State} ${InstanceStates![0]!.Description}`;
  };
  await weir.until('the instance in service', async () => ((await health()) === IN_SERVICE ? true : undefined));
  const inFlight = async () => {
    const before = slow.waiting.length;
    const requests = [1, 2].map(() =>
      fetch(`http://127.0.0.1:${port}/slow`).then(async (response) => (await response.text(), response.status)),
    );
    for (const each of requests) each.catch(() => undefined);
    await weir.until('two requests at the instance', () => slow.waiting.length === before + 2);
    return requests;
  };
  const drainStatus = async () => {
    const { code, stdout, stderr } = await runWeir(['drain-status', '--data-dir', weir.dataDir]);
    assert.deepEqual([code, stderr], [0, '']);
    const lines = stdout.trimEnd().split('\n');
    return (lines.length === 1 ? lines : lines.slice(1)).map((line) => line.split(/ {2,}/));
  };
  return { weir, client, port, slow, health, inFlight, drainStatus };
}

/** Lets one go after the other, told of by weir, and then nothing is left. */
async function finishesInOrder(around: Scene, cause: string, requests: readonly Promise<number>[]): Promise<void> {
  const { slow, weir } = around;
  for (let left = requests.length; left > 0; left--) {
    const rows = await page(weir);
    assert.equal(rows.length, 1);
    const { loadBalancer, instance, instancePort } = rows[0]!;
    assert.deepEqual([loadBalancer, instance, instancePort], ['web', slow.instanceId, 80]);
    assert.deepEqual([rows[0]!.cause, rows[0]!.inFlight], [cause, left]);
    slow.waiting.shift()!.end('late');
    await weir.until('one less', async () => ((await page(weir))[0]?.inFlight ?? 0) === left - 1);
  }
  assert.deepEqual(await Promise.all(requests), [200, 200]);
  assert.deepEqual(await page(weir), []);
}

async function page(weir: WeirProcess): Promise<readonly DrainRow[]> {
  const response = await fetch(`${await weir.endpoint()}/-/drains`);
  return ((await response.json()) as { draining: readonly DrainRow[] }).draining;
}

describe('with connection draining, what is in flight finishes and is told of', () => {
  it('of a deregistered instance', async (test) => {
    const around = await scene(test, 300);
    const { client, slow, health } = around;
    const requests = await around.inFlight();
    const Instances = [{ InstanceId: slow.instanceId }];
    await client.send(new DeregisterInstancesFromLoadBalancerCommand({ ...LB, Instances }));
    assert.equal(await health(), DEREGISTERING);
    const secondsLeft = (await page(around.weir))[0]?.secondsLeft ?? 0;
    assert.ok(secondsLeft > 280 && secondsLeft <= 300, `${secondsLeft} s left`);
    assert.equal((await fetch(`http://127.0.0.1:${around.port}/`)).status, 503, 'no new request goes there');
    const [row] = await around.drainStatus();
    assert.deepEqual(row!.slice(0, 5), ['web', slow.instanceId, '80', 'deregistered', '2']);
    await finishesInOrder(around, 'deregistered', requests);
    assert.deepEqual(await around.drainStatus(), [['nothing drains']]);
    assert.equal(await health(), NOT_REGISTERED);
  });

  it('of an instance that is registered again meanwhile, and that serves again with its first good check', async (test) => {
    const around = await scene(test, 300);
    const { client, slow, health, weir } = around;
    const requests = await around.inFlight();
    const Instances = [{ InstanceId: slow.instanceId }];
    await client.send(new DeregisterInstancesFromLoadBalancerCommand({ ...LB, Instances }));
    await client.send(new RegisterInstancesWithLoadBalancerCommand({ ...LB, Instances }));
    await weir.until('the instance in service', async () => ((await health()) === IN_SERVICE ? true : undefined));
    assert.deepEqual(await page(weir), []);
    assert.equal((await fetch(`http://127.0.0.1:${around.port}/`)).status, 200);
    for (const response of slow.waiting) response.end('late');
    assert.deepEqual(await Promise.all(requests), [200, 200]);
  });

  it('of a disabled zone', async (test) => {
    const around = await scene(test, 300);
    const { client, health } = around;
    const requests = await around.inFlight();
    // An instance that is an address is of the first zone.
    const AvailabilityZones = [ZONE];
    await client.send(new DisableAvailabilityZonesForLoadBalancerCommand({ ...LB, AvailabilityZones }));
    assert.equal(await health(), DISABLING_ZONE);
    await finishesInOrder(around, 'zone-disabled', requests);
    assert.equal(await health(), ZONE_DISABLED);
  });

  it('of a deleted listener, which accepts nothing more', async (test) => {
    const around = await scene(test, 300);
    const { client, port, health } = around;
    const LoadBalancerPort = await freePort();
    const listener = { Protocol: 'HTTP', LoadBalancerPort, InstancePort: 81 };
    await client.send(new CreateLoadBalancerListenersCommand({ ...LB, Listeners: [listener] }));
    const requests = await around.inFlight();
    await client.send(new DeleteLoadBalancerListenersCommand({ ...LB, LoadBalancerPorts: [port] }));
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`), 'it accepts nothing');
    assert.equal(await health(), IN_SERVICE);
    await finishesInOrder(around, 'listener-deleted', requests);
  });

  it('of a deleted load balancer', async (test) => {
    const around = await scene(test, 300);
    const requests = await around.inFlight();
    await around.client.send(new DeleteLoadBalancerCommand(LB));
    await assert.rejects(fetch(`http://127.0.0.1:${around.port}/`), 'it accepts nothing');
    await finishesInOrder(around, 'load-balancer-deleted', requests);
  });

  it('of a process that is told to stop', async (test) => {
    const around = await scene(test, 300);
    const { weir, slow, health } = around;
    const requests = await around.inFlight();
    weir.child.kill('SIGTERM');
    await weir.until('the stop', async () => ((await page(weir))[0]?.cause === 'stopping' ? true : undefined));
    assert.deepEqual(await around.drainStatus(), [['web', slow.instanceId, '80', 'stopping', '2', '-']]);
    assert.equal(await health(), IN_SERVICE);
    const ready = await fetch(`${await weir.endpoint()}/-/ready`);
    assert.deepEqual([ready.status, await ready.json()], [503, { status: 'draining' }]);
    for (const response of slow.waiting) response.end('late');
    assert.deepEqual(await Promise.all(requests), [200, 200]);
    assert.deepEqual(await weir.exited, { code: 0, signal: null });
  });

  it('until the timeout, which cuts the rest', async (test) => {
    const around = await scene(test, 1);
    const { client, slow, health, weir } = around;
    const requests = await around.inFlight();
    const Instances = [{ InstanceId: slow.instanceId }];
    await client.send(new DeregisterInstancesFromLoadBalancerCommand({ ...LB, Instances }));
    assert.equal(await health(), DEREGISTERING);
    // Requests that were sent and got no byte of an answer.
    assert.deepEqual(await Promise.all(requests), [504, 504]);
    await weir.until('the end', async () => ((await health()) === NOT_REGISTERED ? true : undefined));
  });
});

describe('without connection draining, what is in flight is cut at once', () => {
  it('of a deregistered instance', async (test) => {
    const around = await scene(test, undefined);
    const requests = await around.inFlight();
    const Instances = [{ InstanceId: around.slow.instanceId }];
    await around.client.send(new DeregisterInstancesFromLoadBalancerCommand({ ...LB, Instances }));
    assert.deepEqual(await Promise.all(requests), [504, 504]);
    assert.equal(await around.health(), NOT_REGISTERED);
  });
});

describe('an instance that turns unhealthy', { concurrency: true }, () => {
  async function turnUnhealthy({ client, weir, health }: Scene): Promise<void> {
    const HealthCheck = { Target: 'HTTP:80/ill', Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2 };
    await client.send(new ConfigureHealthCheckCommand({ ...LB, HealthCheck }));
    await weir.until('out of service', async () => ((await health()) === FAILED ? true : undefined));
  }

  it('finishes what is in flight with connection draining, without a limit', async (test) => {
    const around = await scene(test, 1);
    const requests = await around.inFlight();
    await turnUnhealthy(around);
    const [row] = await page(around.weir);
    assert.deepEqual([row?.cause, row?.secondsLeft], ['out-of-service', null]);
    const { code, stdout } = await runWeir(['instances', '--data-dir', around.weir.dataDir]);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^web +\S+ +us-east-1a +OutOfService +\++-{2,} +status 500, /m,
      'the last checks, with their cause',
    );
    await finishesInOrder(around, 'out-of-service', requests);
  });

  it('is cut without connection draining', async (test) => {
    const around = await scene(test, undefined);
    const requests = await around.inFlight();
    await turnUnhealthy(around);
    assert.deepEqual(await Promise.all(requests), [504, 504]);
  });
});
