/** What happens during a soak: changes through the API without a pause, instances that flap, threads that die. */
import {
  AddTagsCommand,
  ConfigureHealthCheckCommand,
  CreateLoadBalancerListenersCommand,
  DeleteLoadBalancerListenersCommand,
  DeregisterInstancesFromLoadBalancerCommand,
  ModifyLoadBalancerAttributesCommand,
  RegisterInstancesWithLoadBalancerCommand,
  RemoveTagsCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { messageOf } from '../../src/kit/assert.ts';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import type { Random } from '../../src/kit/random.ts';
import { seconds } from '../acceptance/figures.ts';
import { until } from '../acceptance/lab.ts';
import { CHURN_CALLS, churn } from '../support/churn.ts';
import { IDLE_TIMEOUT_S, PASSING, PASSING_LISTENER, type SoakLab } from './setup.ts';

const BETWEEN_CHANGES_MS = 1000;
const BETWEEN_FLAPS_MS = 15_000;
const BETWEEN_KILLS_MS = 45_000;
/** A stop is noticed within that. */
const POLL_MS = 250;
const REPLACED_MS = 30_000;
/** After a thread was replaced, what was open on the dead one may still be found dead. */
const AFTERMATH_MS = 3000;
const VICTIM = 1;

type Death = readonly [name: string, expression: string];

/**
 * Not for want of memory: to collect a full heap leaves malloc with up to 50 MB that are free and spread, more after one
 * death than after the next (docs/testing.md), beside which nobody would see a leak. `acceptance -- kill-threads` has that one.
 */
const DEATHS: readonly Death[] = [
  ['an exception', 'setImmediate(() => { throw new Error("killed by the soak"); })'],
  ['an exit', 'setImmediate(() => process.exit(3))'],
  ['an endless loop', 'setImmediate(() => { for (;;); })'],
];

/** No rehearsal takes longer. */
export const LONGEST_REHEARSAL_MS = DEATHS.length * REPLACED_MS;

export interface Kill {
  readonly name: string;
  readonly fromMs: number;
  /** From then on nothing that it did is felt any more. */
  readonly untilMs: number;
}

export class Disturbances {
  readonly kills: Kill[] = [];
  readonly replacedMs: number[] = [];
  /** Threads that died before the run. */
  rehearsed = 0;
  flaps = 0;
  calls = 0;
  readonly problems: string[] = [];
  readonly #soak: SoakLab;
  readonly #random: Random;
  #running = false;
  #ended: Promise<unknown> = Promise.resolve();
  #listenerOpen = false;

  constructor(soak: SoakLab, random: Random) {
    this.#soak = soak;
    this.#random = random;
  }

  /** Changes and flaps, and threads that die unless there are to be no `deaths`. */
  start({ deaths }: { readonly deaths: boolean }): void {
    this.#running = true;
    this.#ended = Promise.all([
      this.#again(BETWEEN_CHANGES_MS, () => this.#change()),
      this.#again(BETWEEN_FLAPS_MS, () => this.#flap()),
      deaths && this.#again(BETWEEN_KILLS_MS, () => this.#kill()),
    ]);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }

  /** May a failure in that time be the loss of a connection that a killed thread had? */
  excuses(beganMs: number, atMs: number): boolean {
    return this.kills.some(({ fromMs, untilMs }) => atMs >= fromMs && beganMs <= untilMs);
  }

  /** `12.3 s after a thread died of an exit`, for a failure that nothing excuses. */
  precedingKill(atMs: number): string {
    const last = this.kills.findLast(({ fromMs }) => fromMs <= atMs);
    return last === undefined
      ? 'before any thread was killed'
      : `${seconds(atMs - last.fromMs)} after a thread died of ${last.name}`;
  }

  async #again(pauseMs: number, act: () => Promise<void>): Promise<void> {
    for (;;) {
      const resumeMs = systemClock.monotonicMs() + pauseMs / 2 + this.#random.below(pauseMs);
      while (this.#running && systemClock.monotonicMs() < resumeMs) await sleep(systemClock, POLL_MS);
      if (!this.#running) return;
      try {
        await act();
      } catch (error) {
        this.problems.push(messageOf(error));
      }
    }
  }

  /** A whole life of one load balancer, then a change of the steady one, then one of the flapping one. */
  async #change(): Promise<void> {
    const { weir, lab } = this.#soak;
    const instances = lab.addresses.backends;
    await churn({ client: weir.client, name: 'passing', ports: PASSING, instancePort: 9101, instances });
    await this.#changeSteady();
    const Instances = [{ InstanceId: instances[this.#random.below(instances.length)]! }];
    const flapping = { LoadBalancerName: 'flapping', Instances };
    await weir.client.send(new DeregisterInstancesFromLoadBalancerCommand(flapping));
    await weir.client.send(new RegisterInstancesWithLoadBalancerCommand(flapping));
    this.calls += CHURN_CALLS + 3;
  }

  async #changeSteady(): Promise<void> {
    const { client } = this.#soak.weir;
    const steady = { LoadBalancerName: 'steady' };
    const odd = this.#random.below(2);
    switch (this.#random.below(4)) {
      case 0: {
        const LoadBalancerAttributes = { ConnectionSettings: { IdleTimeout: IDLE_TIMEOUT_S + odd } };
        await client.send(new ModifyLoadBalancerAttributesCommand({ ...steady, LoadBalancerAttributes }));
        return;
      }
      case 1: {
        const rest = { Interval: 5, Timeout: 4, HealthyThreshold: 2, UnhealthyThreshold: 10 };
        const HealthCheck = { Target: odd === 0 ? 'TCP:9101' : 'HTTP:9101/', ...rest };
        await client.send(new ConfigureHealthCheckCommand({ ...steady, HealthCheck }));
        return;
      }
      case 2: {
        const LoadBalancerNames = ['steady'];
        await (odd === 0
          ? client.send(new AddTagsCommand({ LoadBalancerNames, Tags: [{ Key: 'soak', Value: 'x'.repeat(200) }] }))
          : client.send(new RemoveTagsCommand({ LoadBalancerNames, Tags: [{ Key: 'soak' }] })));
        return;
      }
      default:
        await this.#toggleListener();
    }
  }

  async #toggleListener(): Promise<void> {
    const { client } = this.#soak.weir;
    const steady = { LoadBalancerName: 'steady' };
    const one = { Protocol: 'HTTP', LoadBalancerPort: PASSING_LISTENER, InstancePort: 9101 };
    await (this.#listenerOpen
      ? client.send(new DeleteLoadBalancerListenersCommand({ ...steady, LoadBalancerPorts: [PASSING_LISTENER] }))
      : client.send(new CreateLoadBalancerListenersCommand({ ...steady, Listeners: [one] })));
    this.#listenerOpen = !this.#listenerOpen;
  }

  async #flap(): Promise<void> {
    const { flapping } = this.#soak;
    flapping.stop();
    this.flaps++;
    await sleep(systemClock, 1000 + this.#random.below(BETWEEN_FLAPS_MS));
    await flapping.start();
  }

  /** Before the run, threads die by each kind of death, so that what is held at the start is what a weir holds that has lost threads. */
  async rehearse(): Promise<void> {
    for (const death of DEATHS) {
      await this.#die(death);
      this.rehearsed++;
    }
  }

  /** Ends one thread, in turn by each kind of death, and waits until another stands in its place. */
  async #kill(): Promise<void> {
    const death = DEATHS[this.kills.length % DEATHS.length]!;
    const kill = { name: death[0], fromMs: systemClock.monotonicMs(), untilMs: Infinity };
    this.kills.push(kill);
    this.replacedMs.push(await this.#die(death));
    this.kills[this.kills.length - 1] = { ...kill, untilMs: systemClock.monotonicMs() + AFTERMATH_MS };
  }

  /** Resolves with the milliseconds that it took until another stood in its place. */
  async #die([name, expression]: Death): Promise<number> {
    const { inspector, weir } = this.#soak;
    const before = await weir.metric('weir_thread_restarts_total');
    await inspector.evaluateIn(`weir-${VICTIM}`, expression);
    const replaced = () => weir.hasReplaced(VICTIM, before + 1);
    const { afterMs } = await until(`the thread that died of ${name} is replaced`, REPLACED_MS, replaced);
    return afterMs;
  }
}
