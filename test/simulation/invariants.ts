/** What must hold after every step of a simulation, whatever was done in whatever order. */
import assert from 'node:assert/strict';
import { idOf, type LoadBalancer, type LoadBalancerId } from '../../src/model/load-balancer.ts';
import { PAGE_SLOTS, slotIndex, TargetTable } from '../../src/traffic/target-table.ts';
import type { FakeRequest } from '../support/fake-threads.ts';
import { DRAINING, HEALTH_CHECK, THREADS, type World } from './world.ts';

/** An instance that has answered no probe for so long is out of service: its probes, one on its way, and a step of time. */
const NOTICED_MS = (HEALTH_CHECK.interval * (HEALTH_CHECK.unhealthyThreshold + 1) + HEALTH_CHECK.timeout) * 1000;
/** A drain has ended so long after it began: the longest, a look at it, and a step of time. */
const DRAINED_MS = Math.max(...DRAINING.map((seconds) => seconds ?? 0)) * 1000 + 100 + 1000;

export function checkInvariants(world: World): void {
  slotsAreNotShared(world);
  countsAreRight(world);
  routesAreRight(world);
  drainsEnd(world);
}

/** A slot of the target table belongs to one target, for threads that lag behind too. */
function slotsAreNotShared({ harness }: World): void {
  const holders = new Map<number, string>();
  const claim = (slot: number, holder: string): void => {
    assert.equal(holders.get(slot) ?? holder, holder, `slot ${slot} belongs to one target`);
    holders.set(slot, holder);
  };
  for (const thread of harness.threads.live) {
    for (const { target, loadBalancer, instancePort } of [...thread.targets, ...thread.requests])
      claim(target.slot, `${loadBalancer} ${target.instanceId} ${instancePort}`);
  }
  for (const { id, targets } of harness.control.status().loadBalancers) {
    for (const { slot, instanceId, instancePort } of targets) claim(slot, `${id} ${instanceId} ${instancePort}`);
  }
}

/** Every count of every slot is what threads that live have in flight there: none lost, none negative. */
function countsAreRight({ harness }: World): void {
  const inFlight = new Map<number, number>();
  for (const { requests } of harness.threads.live) {
    for (const { target } of requests) inFlight.set(target.slot, (inFlight.get(target.slot) ?? 0) + 1);
  }
  const table = tableOf(harness);
  for (let slot = 0; slot < table.pages.length * PAGE_SLOTS; slot++) {
    const page = table.page(slot);
    const [outstanding, connections] = [page.outstanding(slotIndex(slot)), page.connections(slotIndex(slot))];
    const expected = inFlight.get(slot) ?? 0;
    assert.equal(outstanding, expected, `slot ${slot}: requests in flight are counted right`);
    assert.equal(connections, expected, `slot ${slot}: connections are counted right`);
  }
}

/** The whole target table, from what threads were sent of it. */
export function tableOf({ threads }: World['harness']): TargetTable {
  const table = new TargetTable(THREADS);
  const pages = new Map(threads.started.flatMap((thread) => thread.pages.map(({ page, buffer }) => [page, buffer])));
  for (const [page, buffer] of [...pages].toSorted(([one], [other]) => one - other)) table.add(page, buffer);
  return table;
}

/**
 * A new request goes only to an instance that is registered with this very load balancer, in a zone of its, and that is
 * described as in service; and never for long to one that answers no probe.
 */
function routesAreRight(world: World): void {
  const records = new Map(
    [...world.records.values()].map((record): [LoadBalancerId, LoadBalancer] => [idOf(record), record]),
  );
  for (const { choices } of world.harness.threads.live) {
    for (const choice of choices) routeIsRight(world, records.get(choice.loadBalancer), choice);
  }
}

function routeIsRight(world: World, record: LoadBalancer | undefined, { loadBalancer, target }: FakeRequest): void {
  const { instanceId, host } = target;
  const what = `a request of ${loadBalancer} to ${instanceId}`;
  const instance = record?.instances.find((registered) => registered.instanceId === instanceId);
  assert.ok(instance !== undefined, `${what}, which is not registered there`);
  assert.equal(host, instance.host, `${what} at the address of another`);
  assert.ok(record!.zones.includes(instance.zone), `${what}, whose zone is disabled`);
  const { state } = world.harness.control.instanceState(loadBalancer, instanceId);
  assert.equal(state, 'InService', `${what}, which is described as ${state}`);
  const downMs = world.nowMs - (world.downSinceMs.get(host) ?? Infinity);
  assert.ok(downMs <= NOTICED_MS, `${what}, which has answered no probe for ${downMs} ms`);
}

function drainsEnd(world: World): void {
  const { drainingSinceMs, nowMs } = world;
  const seen = new Set<string>();
  for (const { loadBalancer, instanceId, instancePort, remainingMs } of world.harness.control.status().drains) {
    const key = `${loadBalancer} ${instanceId} ${instancePort}`;
    seen.add(key);
    if (!drainingSinceMs.has(key)) drainingSinceMs.set(key, nowMs);
    const sinceMs = nowMs - drainingSinceMs.get(key)!;
    assert.ok(remainingMs >= 0 && sinceMs <= DRAINED_MS, `${key} drains since ${sinceMs} ms`);
  }
  for (const key of drainingSinceMs.keys()) if (!seen.has(key)) drainingSinceMs.delete(key);
}
