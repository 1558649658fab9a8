/**
 * Control against a simple model: seeded runs of API calls, requests, health flips, drains, deaths of threads, threads
 * that are slow or stand still, and jumps of the clock. What must always hold is checked after every step. A run depends
 * on nothing but its seed.
 */
import assert from 'node:assert/strict';
import { messageOf } from '../../src/kit/assert.ts';
import { SeededRandom } from '../../src/kit/random.ts';
import type { Instance, Listener, LoadBalancer } from '../../src/model/load-balancer.ts';
import { draining, instance } from '../support/control.ts';
import type { FakeThread } from '../support/fake-threads.ts';
import { sampleLoadBalancer } from '../support/records.ts';
import { settled } from '../support/settled.ts';
import { checkAtRest, comeToRest } from './at-rest.ts';
import { checkInvariants } from './invariants.ts';
import { DRAINING, HEALTH_CHECK, HOSTS, NAMES, World, ZONES } from './world.ts';

const STEPS = 60;
const HOUR_MS = 3_600_000;
const JUMPS_MS = [-HOUR_MS, -1, 1, HOUR_MS, 300 * 24 * HOUR_MS] as const;

export interface SimulationFailure {
  readonly seed: number;
  /** What was done, the last step being the one after which something did not hold. */
  readonly steps: readonly string[];
  readonly message: string;
}

/** Runs one seed. Undefined when everything held. */
export async function simulate(seed: number): Promise<SimulationFailure | undefined> {
  const simulation = new Simulation(seed);
  try {
    await simulation.run();
    return undefined;
  } catch (error) {
    return { seed, steps: simulation.steps, message: messageOf(error) };
  }
}

class Simulation {
  readonly steps: string[] = [];
  readonly #random: SeededRandom;
  readonly #world: World;
  #registrations = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#world = new World(seed);
  }

  async run(): Promise<void> {
    const { control } = this.#world.harness;
    await control.start();
    await settled();
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      checkInvariants(this.#world);
    }
    this.steps.push('rest');
    await comeToRest(this.#world);
    checkInvariants(this.#world);
    checkAtRest(this.#world);
  }

  async #step(): Promise<void> {
    const { live } = this.#world.harness.threads;
    const thread = live.length > 0 ? this.#pick(live) : undefined;
    const kind = this.#random.below(32);
    if (kind < 9) return this.#change();
    if (kind < 16) return this.#beginRequest(thread);
    if (kind < 18) return this.#finishRequest(thread);
    if (kind < 22) return this.#work(thread);
    if (kind < 24) return this.#flipHealth();
    if (kind < 26) return this.#flipPort();
    if (kind === 26) return this.#endThread(thread);
    if (kind === 27) return this.#jump();
    return this.#pass(this.#pick([1, 250, 1000, 5000, 30_000]));
  }

  /** What the API would commit. */
  async #change(): Promise<void> {
    const { records, harness } = this.#world;
    const name = this.#pick(NAMES);
    const before = records.get(name);
    if (before !== undefined && this.#random.below(6) === 0) {
      this.steps.push(`delete ${name}`);
      records.delete(name);
      await harness.remove(before);
      return;
    }
    const record = before === undefined ? this.#newRecord(name) : this.#changed(before);
    this.steps.push(`put ${name}: ${summary(record)}`);
    records.set(name, record);
    await harness.put(record);
  }

  #newRecord(name: string): LoadBalancer {
    const policies = [{ policyName: 'sticky', policyTypeName: 'LBCookieStickinessPolicyType', attributes: [] }];
    return sampleLoadBalancer(name, {
      healthCheck: HEALTH_CHECK,
      zones: ZONES,
      policies,
      listeners: [this.#listener()],
    });
  }

  #changed(record: LoadBalancer): LoadBalancer {
    switch (this.#random.below(5)) {
      case 0:
        return { ...record, ...draining(this.#pick(DRAINING)) };
      case 1:
        return { ...record, zones: this.#pick([ZONES, ZONES.slice(0, 1), ZONES.slice(1)]) };
      case 2:
        return { ...record, listeners: [this.#listener(), { ...this.#listener(), loadBalancerPort: 90 }] };
      default: {
        const host = this.#pick(HOSTS);
        const others = record.instances.filter((registered) => registered.host !== host);
        const isRegistered = others.length < record.instances.length;
        return { ...record, instances: isRegistered ? others : [...others, this.#instance(host)] };
      }
    }
  }

  #instance(host: (typeof HOSTS)[number]): Instance {
    const registeredTimeMs = ++this.#registrations;
    return instance(`i-${host}`, host, { zone: ZONES[HOSTS.indexOf(host) % 2]!, registeredTimeMs });
  }

  #listener(): Listener {
    const ports = { loadBalancerPort: 80 + this.#random.below(3), instancePort: 8080 + this.#random.below(2) };
    const policyNames = this.#random.below(3) === 0 ? ['sticky'] : [];
    return { protocol: 'HTTP', instanceProtocol: 'HTTP', policyNames, ...ports };
  }

  #beginRequest(thread: FakeThread | undefined): void {
    const choices = thread?.choices ?? [];
    if (choices.length === 0) return;
    const { loadBalancer, target } = thread!.begin(this.#pick(choices));
    this.steps.push(`begin ${loadBalancer} → ${target.instanceId} on thread ${thread!.settings.thread}`);
  }

  #finishRequest(thread: FakeThread | undefined): void {
    if (thread === undefined || thread.requests.size === 0) return;
    const request = this.#pick([...thread.requests]);
    this.steps.push(`finish ${request.loadBalancer} → ${request.target.instanceId}`);
    thread.finish(request);
  }

  #work(thread: FakeThread | undefined): void {
    this.steps.push(`thread ${thread?.settings.thread} handles ${thread?.inbox[0]?.type}`);
    thread?.workOnce();
  }

  #flipHealth(): void {
    const host = this.#pick(HOSTS);
    this.#world.flip(host);
    this.steps.push(`${host} is ${this.#world.downSinceMs.has(host) ? 'down' : 'up'}`);
  }

  /** Another program takes a port, or gives it back. */
  #flipPort(): void {
    const { taken } = this.#world.harness;
    const port = 80 + this.#random.below(3);
    this.steps.push(`port ${port} is ${taken.has(port) ? 'free' : 'taken'}`);
    if (!taken.delete(port)) taken.add(port);
  }

  async #endThread(thread: FakeThread | undefined): Promise<void> {
    const frozen = this.#random.below(2) === 0;
    this.steps.push(`thread ${thread?.settings.thread} ${frozen ? 'stands still' : 'dies'}`);
    if (frozen) thread?.freeze();
    else thread?.die();
    await settled();
  }

  /** Wall time jumps: nothing at all follows from it. Keys that are too old by it are made anew, which ends nothing. */
  async #jump(): Promise<void> {
    const { clock, control } = this.#world.harness;
    const byMs = this.#pick(JUMPS_MS);
    this.steps.push(`the clock jumps by ${byMs} ms`);
    // What the step before has set going may still have a key to keep.
    await settled();
    const before = control.status();
    clock.jumpEpoch(byMs);
    await settled();
    assert.deepEqual(control.status(), before, 'a jump of the clock changes nothing');
  }

  #pass(ms: number): Promise<void> {
    this.steps.push(`${ms} ms pass`);
    return this.#world.harness.pass(ms, 1000);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)]!;
  }
}

function summary({ zones, listeners, instances, attributes }: LoadBalancer): string {
  const { enabled, timeout } = attributes.connectionDraining;
  const ports = listeners.map(({ loadBalancerPort, instancePort }) => `${loadBalancerPort}→${instancePort}`);
  const ids = instances.map(({ instanceId }) => instanceId);
  return `${ports.join()} in ${zones.join()} of ${ids.join() || 'nobody'}, draining ${enabled ? timeout : 'off'}`;
}
