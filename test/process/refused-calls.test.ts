/** A refused call changes nothing, the traffic included: not even the part of it that would have been right. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import { Flow } from '../api/guide-script/flow.ts';
import { namedBackend, type NamedBackend } from '../support/named-backend.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const NAME = { LoadBalancerName: 'web' };
const ROUNDS = 6;

interface SetUp {
  readonly client: elb.ElasticLoadBalancingClient;
  readonly port: number;
  readonly flow: Flow;
  readonly registered: NamedBackend;
  /** Not registered. */
  readonly other: NamedBackend;
}

/** A load balancer with one instance in service, and traffic through it. */
async function setUp(test: TestContext): Promise<SetUp> {
  const [registered, other] = [await namedBackend(test, 'registered'), await namedBackend(test, 'other')];
  const weir = new WeirProcess(test);
  await weir.ready();
  const client = await weir.client();
  const port = await freePort();
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: port, InstancePort: 80 }];
  await client.send(new elb.CreateLoadBalancerCommand({ ...NAME, Listeners, AvailabilityZones: ['us-east-1a'] }));
  await client.send(new elb.ModifyLoadBalancerAttributesCommand({ ...NAME, LoadBalancerAttributes: DRAINING }));
  const Instances = [{ InstanceId: registered.instanceId }];
  await client.send(new elb.RegisterInstancesWithLoadBalancerCommand({ ...NAME, Instances }));
  await weir.until('an answer', async () => ((await ask(port)) === 'registered' ? true : undefined));
  const flow = new Flow();
  flow.start(port);
  test.after(async () => {
    await flow.stop();
    client.destroy();
  });
  return { client, port, flow, registered, other };
}

const DRAINING = { ConnectionDraining: { Enabled: true, Timeout: 5 } };

async function ask(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  return response.status === 200 ? response.text() : String(response.status);
}

/** A port that somebody else listens on. */
async function takenPort(test: TestContext): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('a refused call', () => {
  it('changes nothing of what is described and nothing of the traffic', async (test) => {
    const { client, port, flow, registered, other } = await setUp(test);
    const [free, taken] = [await freePort(), await takenPort(test)];
    const listener = (LoadBalancerPort: number) => ({ Protocol: 'HTTP', LoadBalancerPort, InstancePort: 80 });
    const wrong = { InstanceId: 'i-absent' };
    const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
      [
        'InvalidConfigurationRequest',
        () =>
          client.send(
            new elb.CreateLoadBalancerListenersCommand({ ...NAME, Listeners: [listener(free), listener(taken)] }),
          ),
      ],
      [
        'InvalidConfigurationRequest',
        () =>
          client.send(
            new elb.CreateLoadBalancerCommand({
              LoadBalancerName: 'second',
              Listeners: [listener(free), listener(taken)],
              AvailabilityZones: ['us-east-1a'],
            }),
          ),
      ],
      [
        'InvalidInstance',
        () => {
          const Instances = [{ InstanceId: other.instanceId }, wrong];
          return client.send(new elb.RegisterInstancesWithLoadBalancerCommand({ ...NAME, Instances }));
        },
      ],
      [
        'InvalidInstance',
        () => {
          const Instances = [{ InstanceId: registered.instanceId }, wrong];
          return client.send(new elb.DeregisterInstancesFromLoadBalancerCommand({ ...NAME, Instances }));
        },
      ],
      [
        'LoadBalancerAttributeNotFound',
        () => {
          const LoadBalancerAttributes = {
            ConnectionDraining: { Enabled: false },
            AdditionalAttributes: [
              { Key: 'elb.http.desyncmitigationmode', Value: 'strictest' },
              { Key: 'no.such.key', Value: 'x' },
            ],
          };
          return client.send(new elb.ModifyLoadBalancerAttributesCommand({ ...NAME, LoadBalancerAttributes }));
        },
      ],
      [
        'PolicyNotFound',
        () => {
          const input = { ...NAME, LoadBalancerPort: port, PolicyNames: ['absent'] };
          return client.send(new elb.SetLoadBalancerPoliciesOfListenerCommand(input));
        },
      ],
    ];
    const described = async (): Promise<unknown> => [
      (await client.send(new elb.DescribeLoadBalancersCommand({}))).LoadBalancerDescriptions,
      (await client.send(new elb.DescribeLoadBalancerAttributesCommand(NAME))).LoadBalancerAttributes,
    ];
    const before = await described();
    for (const [code, call] of calls) {
      const { count } = flow;
      await assert.rejects(call, { Code: code });
      assert.deepEqual(await described(), before, code);
      await assert.rejects(fetch(`http://127.0.0.1:${free}/`), 'the port that was free is not listened on');
      for (let i = 0; i < ROUNDS; i++) assert.equal(await ask(port), 'registered');
      assert.ok(flow.count > count);
    }
    assert.deepEqual(flow.failures, []);
  });
});
