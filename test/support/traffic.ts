/**
 * A traffic thread's runtime in the test's own process, with everything around it in the test's hands: targets, their
 * state, settings. What a wire test needs between a scripted client and a scripted back end.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { FakeClock, systemClock, type Clock } from '../../src/kit/clock.ts';
import { TICK_MS, TimerWheel } from '../../src/kit/timer-wheel.ts';
import { loadBalancerId, type Protocol } from '../../src/model/load-balancer.ts';
import { ThreadContext } from '../../src/traffic/context.ts';
import { COUNTER, makeCounters, sumCounters, sumZones } from '../../src/traffic/counters.ts';
import { LogRingReader, makeLogRing } from '../../src/traffic/log-ring.ts';
import { LogWriter } from '../../src/traffic/log-writer.ts';
import { Runtime } from '../../src/traffic/runtime.ts';
import type { CompiledListener, CompiledLoadBalancer, TargetReport } from '../../src/traffic/snapshot.ts';
import { PAGE_SLOTS, slotIndex, TARGET_STATE, TargetTable } from '../../src/traffic/target-table.ts';
import { ZONE_CELLS } from '../../src/traffic/zone-counters.ts';
import { chooseTransport } from '../../src/transport/choose.ts';
import { dial, ScriptedServer, reservePort, type Peer } from './peers.ts';

export const TRANSPORTS = ['handle', 'net'] as const;

const ZONE = 'us-east-1a';

export interface TrafficOptions {
  /** Ports on 127.0.0.1. */
  readonly backends: readonly number[];
  /** By back end; the first zone where nothing is said. */
  readonly zones?: readonly string[];
  readonly address?: string;
  readonly protocol?: Protocol;
  readonly transport?: 'handle' | 'net';
  readonly settings?: Partial<CompiledLoadBalancer>;
  /** What the listener has besides. */
  readonly listener?: Partial<CompiledListener>;
  readonly clock?: Clock;
}

/** One load balancer with one listener in front of back ends on 127.0.0.1. */
export class Traffic {
  readonly port: number;
  /** What owners threw: a defect; empty in a good test. */
  readonly failures: unknown[];
  /** What the thread has found out about targets, in order. */
  readonly reports: TargetReport[] = [];
  readonly table: TargetTable;
  readonly clock: Clock;
  readonly #log: LogWriter;
  readonly #logReader: LogRingReader;
  readonly #runtime: Runtime;
  readonly #wheel: TimerWheel;
  readonly #counters: SharedArrayBuffer;
  readonly #settings: CompiledLoadBalancer;
  readonly #clients: Peer[] = [];

  private constructor(
    runtime: Runtime,
    wheel: TimerWheel,
    settings: CompiledLoadBalancer,
    table: TargetTable,
    failures: unknown[],
    clock: Clock,
    logRing: SharedArrayBuffer,
    log: LogWriter,
  ) {
    this.#log = log;
    this.#logReader = new LogRingReader(logRing);
    this.clock = clock;
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
    const { transport } = await chooseTransport(
      options.transport ?? 'handle',
      {
        onFailure: (error) => failures.push(error),
        onAcceptError: (code) => failures.push(code),
      },
      clock,
    );
    const wheel = new TimerWheel(clock, undefined, (error) => failures.push(error));
    const table = new TargetTable(1);
    table.add();
    const report = (each: TargetReport): void => void traffic.reports.push(each);
    const logRing = makeLogRing();
    const log = new LogWriter(clock, logRing);
    const runtime = new Runtime(new ThreadContext(0, transport, wheel, clock, report, log), 1);
    const reserved = await reservePort(options.address);
    const settings = compiled(options, reserved.port);
    const traffic: Traffic = new Traffic(runtime, wheel, settings, table, failures, clock, logRing, log);
    options.backends.forEach((_port, slot) => traffic.setState(slot, TARGET_STATE.inService));
    await traffic.apply({});
    await reserved.release();
    return traffic;
  }

  /** A client of the (first) listener. It is ended with the test. */
  async dial(port = this.port, host = this.listeners[0]!.address): Promise<Peer> {
    const client = await dial(port, host);
    this.#clients.push(client);
    return client;
  }

  /** Lets time pass, on a fake clock; timeouts that lie within it have fired, and coarse timers cannot be the excuse. */
  pass(ms: number): void {
    assert.ok(this.clock instanceof FakeClock, 'time passes by itself on a real clock');
    this.clock.advance(ms + 2 * TICK_MS);
  }

  /** Sends the thread its load balancer again, with changes. */
  async apply(changes: Partial<CompiledLoadBalancer>): Promise<void> {
    const message = {
      type: 'apply',
      revision: 1,
      targetPages: this.table.pages.map(({ buffer }, page) => ({ page, buffer })),
      upserts: [{ ...this.#settings, ...changes }],
      removals: [],
    } as const;
    // As it comes from another thread: nothing in it is an object that was there before.
    const refused = await this.#runtime.apply(structuredClone(message));
    if (refused[0] !== undefined) throw new Error(refused[0].message);
  }

  /** Sends the thread its (first) listener again, with changes. */
  change(listener: Partial<CompiledListener>): Promise<void> {
    return this.apply({ listeners: this.listeners.map((each) => ({ ...each, ...listener })) });
  }

  /** Takes the load balancer away. */
  async remove(): Promise<void> {
    await this.#runtime.apply({
      type: 'apply',
      revision: 2,
      targetPages: [],
      upserts: [],
      removals: [this.#settings.id],
    });
  }

  /** Slots of targets whose public key was refused, in order. */
  get refusedKeys(): number[] {
    return this.reports.filter(({ type }) => type === 'publicKeyRefused').map(({ slot }) => slot);
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

  /** By zone, in the order of the zones. */
  countByZone(cell: keyof typeof COUNTER): number[] {
    const zones = sumZones(this.#counters);
    return this.#settings.countedZones.map((_zone, at) => zones[at * ZONE_CELLS + COUNTER[cell]]!);
  }

  /** Resolves when `cell` has come to `value`. */
  async counted(cell: keyof typeof COUNTER, value: number): Promise<void> {
    while (this.count(cell) !== value) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The lines of the access log that were written since the last call (settings: `accessLog`). */
  takeLog(): string[] {
    const lines: string[] = [];
    this.#log.tick();
    this.#logReader.read((_ordinal, _second, bytes) =>
      lines.push(...bytes.toString('latin1').split('\n').slice(0, -1)),
    );
    this.#logReader.release();
    return lines;
  }

  /** Lines of the access log that found no room. */
  get droppedLines(): number {
    return this.#logReader.dropped;
  }

  get cells(): Float64Array {
    return sumCounters(this.#counters);
  }

  /** Stops at once, unless something may still finish for `timeoutMs`. */
  async stop(timeoutMs = 0): Promise<void> {
    await this.#runtime.stop(timeoutMs);
    this.#wheel.stop();
  }

  /** Ends the clients that were dialled here. */
  hangUp(): void {
    for (const { socket } of this.#clients) socket.destroy();
  }

  /** Nothing is counted as open or in flight, and nothing threw. */
  assertNothingLeft(): void {
    assert.deepEqual(this.failures, []);
    const page = this.table.page(0);
    for (let index = 0; index < PAGE_SLOTS; index++) {
      assert.equal(page.outstanding(index), 0, `outstanding of slot ${index}`);
      assert.equal(page.connections(index), 0, `connections of slot ${index}`);
    }
    for (const gauge of ['clientConnectionsActive', 'backendConnectionsActive', 'surgeQueueLength'] as const) {
      assert.equal(this.count(gauge), 0, gauge);
    }
  }
}

export interface SetUpOptions extends Omit<TrafficOptions, 'backends'> {
  /** How many scripted back ends; 1 unless said. */
  readonly backendCount?: number;
  /** How a scripted back end is started, where plain TCP will not do. */
  readonly startBackend?: () => Promise<ScriptedServer>;
  /** Ports of back ends that come before the scripted ones. */
  readonly otherBackends?: readonly number[];
}

export interface SetUp {
  readonly traffic: Traffic;
  readonly backends: readonly ScriptedServer[];
  /** The first back end. */
  readonly backend: ScriptedServer;
}

/** A load balancer in front of scripted back ends, for one test, on a clock that stands still; afterwards nothing may be left. */
export async function setUp(t: TestContext, options: SetUpOptions = {}): Promise<SetUp> {
  const backends: ScriptedServer[] = [];
  for (let i = 0; i < (options.backendCount ?? 1); i++) {
    backends.push(await (options.startBackend === undefined ? ScriptedServer.start() : options.startBackend()));
  }
  const ports = [...(options.otherBackends ?? []), ...backends.map(({ port }) => port)];
  const traffic = await Traffic.start({ clock: new FakeClock(), ...options, backends: ports });
  t.after(async () => {
    await traffic.stop();
    traffic.hangUp();
    for (const each of backends) await each.stop();
    traffic.assertNothingLeft();
  });
  return { traffic, backends, backend: backends[0]! };
}

function compiled(options: TrafficOptions, port: number): CompiledLoadBalancer {
  const protocol = options.protocol ?? 'HTTP';
  return {
    id: loadBalancerId('000000000000', 'us-east-1', 'test'),
    name: 'test',
    zones: [...new Set(options.zones ?? [ZONE])],
    countedZones: [...new Set(options.zones ?? [ZONE])],
    crossZone: true,
    idleTimeoutMs: 60_000,
    desyncMitigationMode: 'defensive',
    upgrade: false,
    maxConnectionsPerTarget: Infinity,
    preconnect: false,
    slowStartMs: 0,
    drainingTimeoutMs: 0,
    counters: makeCounters(1),
    listeners: [
      {
        protocol,
        address: options.address ?? '127.0.0.1',
        port,
        instanceProtocol: protocol,
        instancePort: 80,
        proxyProtocol: false,
        targets: options.backends.map((backendPort, slot) => ({
          slot,
          instanceId: `i-${slot}`,
          host: '127.0.0.1',
          port: backendPort,
          zone: options.zones?.[slot] ?? ZONE,
        })),
        ...options.listener,
      },
    ],
    ...options.settings,
  };
}
