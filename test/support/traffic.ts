/**
 * A traffic thread's runtime in the test's own process, with everything around it in the test's hands: targets, their
 * state, settings. What a wire test needs between a scripted client and a scripted back end.
 */
import { systemClock, type Clock } from '../../src/kit/clock.ts';
import { TimerWheel } from '../../src/kit/timer-wheel.ts';
import { loadBalancerId, type Protocol } from '../../src/model/load-balancer.ts';
import { ThreadContext } from '../../src/traffic/context.ts';
import { COUNTER, makeCounters, sumCounters } from '../../src/traffic/counters.ts';
import { Runtime } from '../../src/traffic/runtime.ts';
import type { CompiledListener, CompiledLoadBalancer } from '../../src/traffic/snapshot.ts';
import { slotIndex, TARGET_STATE, TargetTable } from '../../src/traffic/target-table.ts';
import { freePort } from './peers.ts';
import { chooseTransport } from '../../src/transport/choose.ts';

export interface TrafficOptions {
  readonly backends: readonly number[];
  readonly protocol?: Protocol;
  readonly transport?: 'handle' | 'net';
  readonly settings?: Partial<CompiledLoadBalancer>;
  readonly clock?: Clock;
}

/** One load balancer with one listener in front of back ends on 127.0.0.1. */
export class Traffic {
  readonly port: number;
  /** What owners threw: a defect; empty in a good test. */
  readonly failures: unknown[];
  readonly table: TargetTable;
  readonly #runtime: Runtime;
  readonly #wheel: TimerWheel;
  readonly #counters: SharedArrayBuffer;
  readonly #settings: CompiledLoadBalancer;

  private constructor(
    runtime: Runtime,
    wheel: TimerWheel,
    settings: CompiledLoadBalancer,
    table: TargetTable,
    failures: unknown[],
  ) {
    this.#runtime = runtime;
    this.#wheel = wheel;
    this.#counters = settings.counters;
    this.#settings = settings;
    this.table = table;
    this.failures = failures;
    this.port = settings.listeners[0]!.port;
  }

  static async start(options: TrafficOptions): Promise<Traffic> {
    const failures: unknown[] = [];
    const clock = options.clock ?? systemClock;
    const { transport } = await chooseTransport(options.transport ?? 'handle', {
      onFailure: (error) => failures.push(error),
      onAcceptError: (code) => failures.push(code),
    });
    const wheel = new TimerWheel(clock);
    const table = new TargetTable(1);
    table.add();
    const runtime = new Runtime(new ThreadContext(0, transport, wheel, clock), 1);
    const settings = compiled(options, await freePort());
    const traffic = new Traffic(runtime, wheel, settings, table, failures);
    options.backends.forEach((_port, slot) => traffic.setState(slot, TARGET_STATE.inService));
    await traffic.apply({});
    return traffic;
  }

  /** Sends the thread its load balancer again, with changes. */
  async apply(changes: Partial<CompiledLoadBalancer>): Promise<void> {
    const refused = await this.#runtime.apply({
      type: 'apply',
      revision: 1,
      targetPages: this.table.pages.map(({ buffer }, page) => ({ page, buffer })),
      upserts: [{ ...this.#settings, ...changes }],
      removals: [],
    });
    if (refused[0] !== undefined) throw new Error(refused[0].message);
  }

  async remove(): Promise<void> {
    await this.#runtime.apply({
      type: 'apply',
      revision: 2,
      targetPages: [],
      upserts: [],
      removals: [this.#settings.id],
    });
  }

  get listeners(): readonly CompiledListener[] {
    return this.#settings.listeners;
  }

  setState(slot: number, state: number): void {
    this.table.page(slot).setState(slotIndex(slot), state);
  }

  outstanding(slot: number): number {
    return this.table.page(slot).outstanding(slotIndex(slot));
  }

  cut(slot: number): void {
    this.#runtime.cut([slot]);
  }

  count(cell: keyof typeof COUNTER): number {
    return sumCounters(this.#counters)[COUNTER[cell]]!;
  }

  get cells(): Float64Array {
    return sumCounters(this.#counters);
  }

  async stop(): Promise<void> {
    await this.#runtime.stop(0);
    this.#wheel.stop();
  }
}

function compiled(options: TrafficOptions, port: number): CompiledLoadBalancer {
  const protocol = options.protocol ?? 'HTTP';
  return {
    id: loadBalancerId('000000000000', 'us-east-1', 'test'),
    name: 'test',
    zones: ['us-east-1a'],
    crossZone: true,
    idleTimeoutMs: 60_000,
    desyncMitigationMode: 'defensive',
    upgrade: false,
    maxConnectionsPerTarget: Infinity,
    preconnect: false,
    drainingTimeoutMs: 0,
    counters: makeCounters(1),
    listeners: [
      {
        protocol,
        address: '127.0.0.1',
        port,
        instanceProtocol: protocol,
        instancePort: 80,
        targets: options.backends.map((backendPort, slot) => ({
          slot,
          instanceId: `i-${slot}`,
          host: '127.0.0.1',
          port: backendPort,
          zone: 'us-east-1a',
        })),
      },
    ],
    ...options.settings,
  };
}
