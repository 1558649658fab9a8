/** What must hold when everything outside has behaved for a while: threads do exactly what the records say. */
import assert from 'node:assert/strict';
import { idOf, type LoadBalancer } from '../../src/model/load-balancer.ts';
import { PAGE_SLOTS, slotIndex, TARGET_STATE } from '../../src/traffic/target-table.ts';
import { tableOf } from './invariants.ts';
import { THREADS, type World } from './world.ts';

/** Ports become free, threads work, requests end, and the longest drain passes. */
export async function comeToRest({ harness }: World): Promise<void> {
  const { threads, taken } = harness;
  taken.clear();
  threads.automatic = true;
  for (const thread of threads.live) thread.work();
  await harness.pass(40_000, 1000);
  for (const thread of threads.live) for (const request of thread.requests) thread.finish(request);
  await harness.pass(30_000, 1000);
}

export function checkAtRest(world: World): void {
  const { control, threads } = world.harness;
  const status = control.status();
  assert.deepEqual(status.drains, [], 'every drain ends');
  assert.equal(threads.live.length, THREADS, 'every thread is replaced');
  assert.ok(
    threads.live.every(({ frozen }) => !frozen),
    'a thread that stands still is replaced',
  );
  const targets = status.loadBalancers.reduce((sum, loadBalancer) => sum + loadBalancer.targets.length, 0);
  assert.equal(status.heldSlots, targets, 'every slot that is not wanted any more is given back');
  assert.deepEqual(new Set(status.loadBalancers.map(({ name }) => name)), new Set(world.records.keys()));
  for (const record of world.records.values()) checkRecord(world, record);
  checkNothingElseIsHeld(world);
}

/** What threads do with a load balancer is what its record says. */
function checkRecord({ harness }: World, record: LoadBalancer): void {
  const { control, threads } = harness;
  const id = idOf(record);
  const refused = control.bindFailures().filter((failure) => failure.loadBalancer === id);
  for (const { port } of refused) {
    const others = [...threads.live[0]!.loadBalancers.values()].filter((other) => other.id !== id);
    const holders = others.filter(({ listeners }) => listeners.some((listener) => listener.port === port));
    assert.equal(holders.length, 1, `port ${port} is refused because another load balancer has it`);
  }
  const listening = record.listeners
    .map(({ loadBalancerPort }) => loadBalancerPort)
    .filter((port) => !refused.some((failure) => failure.port === port));
  checkInstances(harness, record, listening.length);
  for (const thread of threads.live) {
    const ports = thread.loadBalancers.get(id)?.listeners.map(({ port }) => port);
    assert.deepEqual(new Set(ports), new Set(listening));
  }
}

/** What is described of each instance is what its probes say, and what traffic does with it. */
function checkInstances({ control, threads, down }: World['harness'], record: LoadBalancer, listeners: number): void {
  const id = idOf(record);
  for (const { instanceId, zone, host } of record.instances) {
    const inService = record.zones.includes(zone) && !down.has(host);
    const { state } = control.instanceState(id, instanceId);
    assert.equal(state === 'InService', inService, `${id} ${instanceId} is ${state}`);
    const wanted = inService ? listeners : 0;
    for (const { choices } of threads.live) {
      const own = choices.filter((each) => each.loadBalancer === id && each.target.instanceId === instanceId);
      assert.equal(own.length, wanted, `${id} sends to ${instanceId} through ${wanted} listeners`);
    }
  }
}

/** No slot counts anything or is open besides those of targets. */
function checkNothingElseIsHeld({ harness }: World): void {
  const open = new Set(harness.threads.live[0]!.choices.map(({ target }) => target.slot));
  const table = tableOf(harness);
  for (let slot = 0; slot < table.pages.length * PAGE_SLOTS; slot++) {
    const page = table.page(slot);
    const index = slotIndex(slot);
    assert.equal(page.outstanding(index), 0);
    assert.equal(page.connections(index), 0);
    if (page.state(index) === TARGET_STATE.draining) assert.fail(`slot ${slot} still drains`);
    if (open.has(slot)) assert.equal(page.state(index), TARGET_STATE.inService);
  }
}
