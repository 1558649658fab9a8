/** Instances of a fleet are killed, started, registered and deregistered at random. */
import {
  DeregisterInstancesFromLoadBalancerCommand,
  DescribeInstanceHealthCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { sleep, systemClock } from '../../../src/kit/clock.ts';
import type { Random } from '../../../src/kit/random.ts';
import { until } from '../lab.ts';
import type { WeirUnderTest } from '../weir.ts';
import type { FleetInstance } from './instance.ts';
import { Ledger } from './ledger.ts';
import { Standing } from './standing.ts';

/** So many are left alone at any time: without an instance that serves there is nothing to be right about. */
const FEWEST = 4;
const SETTLED_MS = 60_000;

export type Deed = 'killed' | 'started' | 'registered' | 'deregistered';

export interface ChaosPlan {
  readonly weir: WeirUnderTest;
  readonly loadBalancer: string;
  /** All registered, alive and in service. */
  readonly fleet: readonly FleetInstance[];
  readonly random: Random;
  /** Between two deeds. */
  readonly stepMs: number;
}

/** Does things to instances, one after the other, and keeps the book of them. */
export class Chaos {
  readonly ledger = new Ledger();
  readonly standing: Standing;
  readonly deeds = new Map<Deed, number>();
  /** Requests that were in flight at an instance when it was deregistered. */
  inFlightAtDeregistration = 0;
  readonly #plan: ChaosPlan;
  readonly #lb: { readonly LoadBalancerName: string };
  readonly #registered: Set<FleetInstance>;

  constructor(plan: ChaosPlan) {
    this.#plan = plan;
    this.#lb = { LoadBalancerName: plan.loadBalancer };
    this.#registered = new Set(plan.fleet);
    this.standing = new Standing(plan.fleet);
  }

  async rage(forMs: number): Promise<void> {
    const startedMs = systemClock.monotonicMs();
    for (let step = 1; step * this.#plan.stepMs <= forMs; step++) {
      await this.#look();
      await this.#doSomethingTo(this.#choose());
      await sleep(systemClock, Math.max(0, startedMs + step * this.#plan.stepMs - systemClock.monotonicMs()));
    }
  }

  /** Everybody is started and registered; resolves when all are in service. */
  async mend(): Promise<void> {
    for (const instance of this.#plan.fleet) {
      if (!instance.alive) await instance.start();
      if (!this.#registered.has(instance)) await this.#register(instance);
    }
    await until('all instances are in service', SETTLED_MS, async () =>
      (await this.#look()) === this.#plan.fleet.length ? true : undefined,
    );
  }

  get count(): number {
    return [...this.deeds.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Somebody, but for the last few that serve. */
  #choose(): FleetInstance {
    const { fleet, random } = this.#plan;
    for (;;) {
      const instance = fleet[random.below(fleet.length)]!;
      if (this.standing.count > FEWEST || this.standing.of(instance.name) === undefined) return instance;
    }
  }

  async #doSomethingTo(instance: FleetInstance): Promise<void> {
    if (this.#plan.random.below(2) === 0) {
      if (instance.alive) this.#kill(instance);
      else await this.#start(instance);
    } else if (this.#registered.has(instance)) await this.#deregister(instance);
    else await this.#register(instance);
  }

  #kill(instance: FleetInstance): void {
    this.standing.falls(instance.name);
    this.ledger.killed(instance.kill());
    this.#did('killed');
  }

  async #start(instance: FleetInstance): Promise<void> {
    await instance.start();
    this.#did('started');
  }

  async #register(instance: FleetInstance): Promise<void> {
    const Instances = [{ InstanceId: instance.name }];
    await this.#plan.weir.client.send(new RegisterInstancesWithLoadBalancerCommand({ ...this.#lb, Instances }));
    this.#registered.add(instance);
    this.#did('registered');
  }

  async #deregister(instance: FleetInstance): Promise<void> {
    this.standing.falls(instance.name);
    this.inFlightAtDeregistration += instance.unanswered;
    this.#registered.delete(instance);
    const Instances = [{ InstanceId: instance.name }];
    await this.#plan.weir.client.send(new DeregisterInstancesFromLoadBalancerCommand({ ...this.#lb, Instances }));
    this.#did('deregistered');
  }

  #did(deed: Deed): void {
    this.deeds.set(deed, (this.deeds.get(deed) ?? 0) + 1);
  }

  /** Asks who is in service. Returns how many there are that live and are. */
  async #look(): Promise<number> {
    const { InstanceStates = [] } = await this.#plan.weir.client.send(new DescribeInstanceHealthCommand(this.#lb));
    const inService = new Set(
      InstanceStates.filter(({ State, ReasonCode }) => State === 'InService' && ReasonCode === 'N/A').map(
        ({ InstanceId }) => InstanceId,
      ),
    );
    for (const instance of this.#plan.fleet) {
      const stands = instance.alive && this.#registered.has(instance) && inService.has(instance.name);
      if (stands) this.standing.stands(instance.name);
      else this.standing.falls(instance.name);
    }
    return this.standing.count;
  }
}
