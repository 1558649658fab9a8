/** weir with an EC2 endpoint, whole and in this process: from the API to the instance that a client reaches. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import {
  CreateLoadBalancerCommand,
  DeregisterInstancesFromLoadBalancerCommand,
  ElasticLoadBalancingClient,
  RegisterInstancesWithLoadBalancerCommand,
  waitUntilInstanceInService,
} from '@aws-sdk/client-elastic-load-balancing';
import { startWeir, type RunningWeir } from '../../src/cli/serve.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { systemRandom } from '../../src/kit/random.ts';
import type { Configuration } from '../../src/model/configuration.ts';
import { KEY, testConfiguration } from '../support/api.ts';
import { Ec2Server } from '../support/ec2-server.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: KEY.accessKeyId,
  AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey,
  WEIR_ACCESS_KEY_ID: KEY.accessKeyId,
  WEIR_SECRET_ACCESS_KEY: KEY.secretAccessKey,
};

/** The same port on two addresses, each answering with its own. */
async function twoBackends(test: TestContext): Promise<number> {
  const listen = async (host: string, port: number): Promise<number> => {
    const server = createServer((_, response) => void response.end(host)).listen(port, host);
    await once(server, 'listening');
    test.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return (server.address() as AddressInfo).port;
  };
  return listen('127.0.0.3', await listen('127.0.0.2', 0));
}

interface Lab {
  readonly ec2: Ec2Server;
  readonly instancePort: number;
  readonly start: (instances?: Partial<Configuration['instances']>) => Promise<RunningWeir>;
}

async function lab(test: TestContext): Promise<Lab> {
  const ec2 = await Ec2Server.start(test);
  const dataDir = temporaryDirectory(test);
  const instancePort = await twoBackends(test);
  const start = async (): Promise<RunningWeir> => {
    const instances = { inventory: {}, allowReserved: false, ec2: { url: ec2.url, region: 'us-east-1' } };
    const addresses = { 'internet-facing': ['127.43.0.0/24'], internal: ['127.43.1.0/24'] };
    const configure = () => testConfiguration({ dataDir, instances, addresses });
    const weir = await startWeir({ configure, environment: ENVIRONMENT, clock: systemClock, random: systemRandom });
    test.after(() => weir.stop(0));
    await weir.served();
    return weir;
  };
  return { ec2, instancePort, start };
}

function clientOf(test: TestContext, { endpoint }: RunningWeir): ElasticLoadBalancingClient {
  const client = new ElasticLoadBalancingClient({ endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 });
  test.after(() => client.destroy());
  return client;
}

/** Load balancer `web` with the instance `i-1`, which is in service; where it listens. */
async function webWith(test: TestContext, weir: RunningWeir, { instancePort }: Lab): Promise<string> {
  const elb = clientOf(test, weir);
  const listener = { Protocol: 'HTTP', LoadBalancerPort: 8080, InstanceProtocol: 'HTTP', InstancePort: instancePort };
  await elb.send(
    new CreateLoadBalancerCommand({ LoadBalancerName: 'web', Listeners: [listener], Subnets: ['subnet-1'] }),
  );
  const instances = { LoadBalancerName: 'web', Instances: [{ InstanceId: 'i-1' }] };
  await elb.send(new RegisterInstancesWithLoadBalancerCommand(instances));
  await waitUntilInstanceInService({ client: elb, maxWaitTime: 20, minDelay: 1, maxDelay: 1 }, instances);
  return `http://${weir.store.view().list('load-balancer')[0]!.address}:8080/`;
}

async function body(url: string): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false }, resolve).on('error', reject);
  });
  return Buffer.concat(await response.toArray()).toString();
}

/** What the load balancer answers, as soon as it is `wanted`. */
async function until(url: string, wanted: string): Promise<void> {
  for (const deadlineMs = systemClock.monotonicMs() + 10_000; ;) {
    const found = await body(url);
    if (found === wanted) return;
    if (systemClock.monotonicMs() > deadlineMs) assert.equal(found, wanted);
    await new Promise<void>((resolve) => systemClock.after(20, resolve));
  }
}

function codeOf(call: Promise<unknown>): Promise<{ readonly name: string; readonly message: string }> {
  return call.then(
    () => assert.fail('the call was not refused'),
    (error: unknown) => (error instanceof Error ? error : assert.fail(String(error))),
  );
}

describe('weir with an EC2 endpoint', () => {
  it('sends traffic to where EC2 has the instance, follows it, and goes on when EC2 is away, also after a restart', async (test) => {
    const made = await lab(test);
    made.ec2.subnets.set('subnet-1', 'us-east-1a');
    made.ec2.instances.set('i-1', { address: '127.0.0.2', zone: 'us-east-1a' });
    const weir = await made.start();
    const url = await webWith(test, weir, made);
    assert.equal(await body(url), '127.0.0.2');

    made.ec2.instances.set('i-1', { address: '127.0.0.3', zone: 'us-east-1a' });
    await weir.reload();
    await until(url, '127.0.0.3');

    made.ec2.stop();
    await weir.reload();
    assert.equal(await body(url), '127.0.0.3');
    await weir.stop(0);

    const again = await made.start();
    await until(url, '127.0.0.3');
    const elb = clientOf(test, again);
    const refused = await codeOf(
      elb.send(
        new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: 'web', Instances: [{ InstanceId: 'i-2' }] }),
      ),
    );
    assert.equal(refused.name, 'ServiceUnavailable');
    assert.match(refused.message, /instances\.ec2Endpoint.*ECONNREFUSED.*Nothing was changed/);
    await elb.send(
      new DeregisterInstancesFromLoadBalancerCommand({ LoadBalancerName: 'web', Instances: [{ InstanceId: 'i-1' }] }),
    );
  });

  it('refuses what EC2 does not know in the words of AWS', async (test) => {
    const made = await lab(test);
    made.ec2.subnets.set('subnet-1', 'us-east-1a');
    made.ec2.groups.set('sg-web', '');
    const elb = clientOf(test, await made.start());
    const Listeners = [{ Protocol: 'TCP', LoadBalancerPort: 8081, InstancePort: 80 }];
    const create = (more: object) =>
      elb.send(new CreateLoadBalancerCommand({ LoadBalancerName: 'web', Listeners, ...more }));
    assert.equal((await codeOf(create({ Subnets: ['subnet-2'] }))).name, 'SubnetNotFoundException');
    assert.equal(
      (await codeOf(create({ Subnets: ['subnet-1'], SecurityGroups: ['sg-db'] }))).name,
      'InvalidSecurityGroupException',
    );
    assert.equal((await codeOf(create({ AvailabilityZones: ['us-east-1c'] }))).name, 'ValidationError');
    await create({ Subnets: ['subnet-1'], SecurityGroups: ['sg-web'] });
    const unknown = await codeOf(
      elb.send(
        new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: 'web', Instances: [{ InstanceId: 'i-9' }] }),
      ),
    );
    assert.equal(unknown.name, 'InvalidEndPointException');
    assert.match(unknown.message, /EC2 endpoint/);
  });
});
