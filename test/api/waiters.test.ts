import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  CreateLoadBalancerCommand,
  DeregisterInstancesFromLoadBalancerCommand,
  RegisterInstancesWithLoadBalancerCommand,
  waitUntilAnyInstanceInService,
  waitUntilInstanceDeregistered,
  waitUntilInstanceInService,
} from '@aws-sdk/client-elastic-load-balancing';
import type { InstanceState } from '../../src/control/control.ts';
import { ApiHarness } from '../support/api.ts';

const NAME = { LoadBalancerName: 'web' };
const Instances = [{ InstanceId: '10.0.0.1' }, { InstanceId: '10.0.0.2' }];
const IN_SERVICE = { state: 'InService', reasonCode: 'N/A', description: 'N/A' } as const;
const GONE = {
  state: 'OutOfService',
  reasonCode: 'Instance',
  description: 'Instance is not currently registered with the LoadBalancer.',
} as const;

let harness: ApiHarness;
/** What becomes of the states once they have been asked for. */
let afterwards: Readonly<Record<string, Omit<InstanceState, 'instanceId'>>> = {};

function wait() {
  return { client: harness.elb, minDelay: 1, maxDelay: 1, maxWaitTime: 30 };
}

before(async () => {
  harness = await ApiHarness.start();
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 8080 }];
  await harness.elb.send(new CreateLoadBalancerCommand({ ...NAME, Listeners, AvailabilityZones: ['us-east-1a'] }));
  await harness.elb.send(new RegisterInstancesWithLoadBalancerCommand({ ...NAME, Instances }));
  const { control } = harness;
  const answer = control.instanceState.bind(control);
  let asked = 0;
  control.instanceState = (loadBalancer, instanceId) => {
    const state = answer(loadBalancer, instanceId);
    // One poll asks for both.
    if (++asked % Instances.length === 0)
      for (const [id, next] of Object.entries(afterwards)) control.states.set(id, next);
    return state;
  };
});
after(() => harness.stop());
beforeEach(() => harness.control.states.clear());

describe('the waiters of the SDK', () => {
  it('InstanceInService: until all are', async () => {
    harness.control.states.set('10.0.0.1', IN_SERVICE);
    afterwards = { '10.0.0.2': IN_SERVICE };
    const { state } = await waitUntilInstanceInService(wait(), { ...NAME, Instances });
    assert.equal(state, 'SUCCESS');
  });

  it('AnyInstanceInService: until one is', async () => {
    afterwards = { '10.0.0.2': IN_SERVICE };
    const { state } = await waitUntilAnyInstanceInService(wait(), { ...NAME, Instances });
    assert.equal(state, 'SUCCESS');
  });

  it('InstanceDeregistered: until all are out of service', async () => {
    const draining = {
      ...IN_SERVICE,
      reasonCode: 'ELB',
      description: 'Instance deregistration currently in progress.',
    } as const;
    for (const { InstanceId } of Instances) harness.control.states.set(InstanceId, draining);
    afterwards = { '10.0.0.1': GONE, '10.0.0.2': GONE };
    await harness.elb.send(new DeregisterInstancesFromLoadBalancerCommand({ ...NAME, Instances }));
    const { state } = await waitUntilInstanceDeregistered(wait(), { ...NAME, Instances });
    assert.equal(state, 'SUCCESS');
  });

  it('InstanceDeregistered: an instance that never could have been one is as good as deregistered', async () => {
    const unknown = { ...NAME, Instances: [{ InstanceId: 'i-0123456789abcdef0' }] };
    const { state } = await waitUntilInstanceDeregistered(wait(), unknown);
    assert.equal(state, 'SUCCESS');
  });
});
