/** An instance whose keep-alive timeout is too short is named in the log of the whole program, by what its threads saw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateLoadBalancerCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { namedBackend } from '../support/named-backend.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const KEEP_ALIVE_MS = 600;
/** Closings within a second are one to weir. */
const APART_MS = 1100;

test('an instance that closes idle connections early is named in the log, with its seconds', async (t) => {
  const weir = new WeirProcess(t, { flags: ['--log-format', 'json'] });
  await weir.ready();
  const client = await weir.client();
  const { instanceId, server } = await namedBackend(t, 'one');
  server.on('request', (_request, response) => {
    const { socket } = response;
    response.once('finish', () => systemClock.after(KEEP_ALIVE_MS, () => socket?.end()));
  });
  const port = await freePort();
  const LoadBalancerName = 'web';
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: port, InstanceProtocol: 'HTTP', InstancePort: 80 }];
  await client.send(new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }));
  const Instances = [{ InstanceId: instanceId }];
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName, Instances }));
  const line = await weir.until('the hint', async () => {
    await fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
    await sleep(systemClock, APART_MS);
    return weir.stderr.split('\n').find((each) => each.includes('closes idle connections'));
  });
  const { keepAliveSeconds, ...told } = JSON.parse(line) as Record<string, unknown>;
  assert.ok(Number(keepAliveSeconds) >= 0.5 && Number(keepAliveSeconds) < 2, String(keepAliveSeconds));
  const { level, loadBalancer, instance, instancePort, idleTimeoutSeconds } = told;
  assert.deepEqual(
    { level, loadBalancer, instance, instancePort, idleTimeoutSeconds },
    {
      level: 'warn',
      loadBalancer: 'web',
      instance: instanceId,
      instancePort: 80,
      idleTimeoutSeconds: 60,
    },
  );
});
