/** Changes under load: what happens to one load balancer is not felt by the clients of another. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  CreateLoadBalancerCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { churn } from '../support/churn.ts';
import { namedBackend } from '../support/named-backend.ts';
import { failuresText, startEcho, SteadyLoad } from '../support/steady-load.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const LIVES = 5;
/** Of every client before the changes begin and after they have ended. */
const ROUNDS = 10;

/** A weir of two threads with the load balancer `steady`: HTTP and TCP, each in front of one instance. */
async function steadyWeir(test: TestContext) {
  const weir = new WeirProcess(test, { flags: ['--threads', '2'] });
  await weir.ready();
  const client = await weir.client();
  const { instanceId } = await namedBackend(test, 'one');
  const web = Number(instanceId.split(':')[1]);
  const echo = await startEcho();
  test.after(() => echo.close());
  const [httpPort, tcpPort] = [await freePort(), await freePort()];
  const listener = (Protocol: string, LoadBalancerPort: number, InstancePort: number) => ({
    Protocol,
    LoadBalancerPort,
    InstanceProtocol: Protocol,
    InstancePort,
  });
  const Listeners = [listener('HTTP', httpPort, web), listener('TCP', tcpPort, echo.port)];
  const LoadBalancerName = 'steady';
  await client.send(new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }));
  const Instances = [{ InstanceId: '127.0.0.1' }];
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName, Instances }));
  await weir.until('an instance in service', async () => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/`);
    return answer.status === 200 ? true : undefined;
  });
  return { client, httpPort, tcpPort, web };
}

describe('changes under load', () => {
  it('fault 40: a load balancer is created, changed and removed without one failed request on another', async (test) => {
    const { client, httpPort, tcpPort, web } = await steadyWeir(test);
    const ports = [await freePort(), await freePort(), await freePort()] as const;
    // The same address as the steady one has, so that nothing keeps the two apart but their names.
    const plan = { client, name: 'passing', ports, instancePort: web, instances: ['127.0.0.1', '127.0.0.2'] };
    const load = new SteadyLoad({ host: '127.0.0.1', httpPort, tcpPort, clients: 2 });
    await load.rounds(ROUNDS);
    for (let life = 0; life < LIVES; life++) await churn(plan);
    await load.rounds(ROUNDS);
    await load.stop();
    assert.equal(failuresText(load.failures), '');
    for (const [kind, answered] of load.answered) assert.ok(answered >= ROUNDS, `${kind}: ${answered}`);
    assert.equal(load.answered.size, 4);
  });
});
