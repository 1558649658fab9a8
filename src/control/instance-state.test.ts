import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { initialHealth } from '../health/threshold-counter.ts';
import type { DrainReason } from './drains.ts';
import { instanceState } from './instance-state.ts';

const RECORD = sampleLoadBalancer('shop', {
  instances: [
    { instanceId: 'i-1', host: '10.0.0.1', zone: 'us-east-1a', registeredTimeMs: 1 },
    { instanceId: 'i-b', host: '10.0.0.2', zone: 'us-east-1b', registeredTimeMs: 1 },
  ],
});

function describe(instanceId: string, ...draining: DrainReason[]): string {
  const health = { ...initialHealth(false), status: 'in-service' } as const;
  const instance = RECORD.instances.find((registered) => registered.instanceId === instanceId);
  const state = instanceState(RECORD, instance, health, (reason) => draining.includes(reason));
  return `${state.state}, ${state.reasonCode}, ${state.description}`;
}

test('a registered instance is as healthy as its checks say', () => {
  assert.equal(describe('i-1'), 'InService, N/A, N/A');
  assert.equal(describe('i-1', 'listener-deleted'), 'InService, N/A, N/A');
});

test('a deregistered instance is in progress while it drains, then not registered', () => {
  assert.equal(describe('i-2', 'deregistered'), 'InService, ELB, Instance deregistration currently in progress.');
  const gone = 'OutOfService, Instance, Instance is not currently registered with the LoadBalancer.';
  assert.equal(describe('i-2'), gone);
  assert.equal(describe('i-2', 'load-balancer-deleted'), gone);
});

test('an instance that lost its zone or listener first is being deregistered as long as anything of it drains', () => {
  for (const reason of ['zone-disabled', 'listener-deleted'] as const) {
    assert.equal(describe('i-2', reason), 'InService, ELB, Instance deregistration currently in progress.');
  }
});

test('an instance of a disabled zone is in progress while it drains, then out of service for its zone', () => {
  assert.equal(describe('i-b', 'zone-disabled'), 'InService, ELB, Disable Availability Zone is currently in progress.');
  assert.equal(
    describe('i-b'),
    'OutOfService, ELB, Instance is in the EC2 Availability Zone for which LoadBalancer is not configured to route traffic to.',
  );
});

test('nothing is registered with a load balancer that does not exist', () => {
  const { state, description } = instanceState(undefined, undefined, undefined, () => false);
  assert.deepEqual(
    [state, description],
    ['OutOfService', 'Instance is not currently registered with the LoadBalancer.'],
  );
});
