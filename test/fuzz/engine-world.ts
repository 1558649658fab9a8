/**
 * A world around the engine: one load balancer on one or two traffic threads, clients and back ends that do one thing at a
 * time in an order out of a random source, on a network and a clock that do nothing by themselves.
 */
import { FakeClock } from '../../src/kit/clock.ts';
import type { Random } from '../../src/kit/random.ts';
import { TimerWheel } from '../../src/kit/timer-wheel.ts';
import { loadBalancerId, type DesyncMitigationMode } from '../../src/model/load-balancer.ts';
import { ThreadContext } from '../../src/traffic/context.ts';
import { COUNTER, makeCounters, sharedCells, SHARED, sumCounters } from '../../src/traffic/counters.ts';
import { Runtime } from '../../src/traffic/runtime.ts';
import type { CompiledLoadBalancer } from '../../src/traffic/snapshot.ts';
import { TARGET_STATE, TargetPage } from '../../src/traffic/target-table.ts';
import type { FakeConnection } from '../support/fake-connection.ts';
import { FakeTransport, type FakeKernel, type Moments } from '../support/fake-transport.ts';
import { pick, seldom } from './choices.ts';
import { Fate, ScriptedClient, Wire, type Actor } from './engine-actors.ts';
import { ScriptedBackend } from './engine-backend.ts';
import { anyFaults, type Faults } from './engine-faults.ts';
import { WorldLog } from './engine-log.ts';
import { Sessions } from './engine-sessions.ts';

export interface Thread {
  readonly transport: FakeTransport;
  readonly runtime: Runtime;
  readonly wheel: TimerWheel;
  /** How many of the transport's connections have a wire. */
  wired: number;
}

const MODES: readonly DesyncMitigationMode[] = ['defensive', 'monitor', 'strictest'];
const ID = loadBalancerId('000000000000', 'us-east-1', 'fuzz');
const INSTANCE_PORT = 80;
const FIRST_BACKEND_PORT = 8001;
const MAX_STEPS = 200_000;

export class World {
  readonly port = 80;
  readonly threads: Thread[] = [];
  readonly clients: ScriptedClient[] = [];
  readonly backends: ScriptedBackend[] = [];
  readonly faults: Faults;
  readonly mode: DesyncMitigationMode;
  readonly upgrade: boolean;
  /** Connections are opened in advance. */
  readonly preconnect: boolean;
  readonly capacity: number;
  readonly sessions: Sessions | undefined;
  readonly log = new WorldLog();
  readonly idleTimeoutMs: number;
  /** From then on what was not done in time is nobody's fault. */
  silentSince = Infinity;
  /** The listener is gone. */
  closed = false;
  /** What owners threw. */
  readonly failures: unknown[] = [];
  readonly #random: Random;
  readonly #script: string[] | undefined;
  readonly #clock = new FakeClock();
  readonly #moments: Moments = { now: 0 };
  readonly #page: TargetPage;
  readonly #counters: SharedArrayBuffer;
  readonly #settings: CompiledLoadBalancer;
  readonly #actors: Actor[] = [];
  /** By back end: how connecting to it ends. */
  readonly #outcomes: readonly string[];
  #marks = 0;
  #passedMs = 0;

  /** `script`: where to tell what happens. */
  constructor(random: Random, script?: string[]) {
    this.#random = random;
    this.#script = script;
    this.capacity = seldom(random, 5) ? 1 + random.below(2) : Infinity;
    this.faults = anyFaults(random, this.capacity);
    this.mode = pick(random, MODES);
    this.upgrade = seldom(random, 4);
    this.preconnect = seldom(random, 4);
    const sticky = seldom(random, 4) ? pick(random, ['duration', 'application'] as const) : undefined;
    this.idleTimeoutMs = this.faults.silence ? 1000 : 8000;
    const threads = seldom(random, 4) ? 2 : 1;
    const outcomes = this.faults.connects ? ['up', 'refused', 'silent', 'moody'] : ['up'];
    this.#outcomes = Array.from({ length: 1 + random.below(3) }, () => pick(random, outcomes));
    this.sessions = sticky && new Sessions(sticky, ID, INSTANCE_PORT, this.#outcomes.length);
    this.#page = new TargetPage(threads);
    this.#counters = makeCounters(threads);
    this.#settings = this.#compile();
    this.#outcomes.forEach((_outcome, slot) => this.#page.setState(slot, TARGET_STATE.inService));
    for (let thread = 0; thread < threads; thread++) this.#startThread(thread, threads);
    const clients = 1 + random.below(4);
    for (let number = 1; number <= clients; number++) this.clients.push(new ScriptedClient(this, random, number));
    this.#actors.push(...this.clients, new Fate(this));
  }

  #compile(): CompiledLoadBalancer {
    const zone = 'us-east-1a';
    return {
      id: ID,
      name: 'fuzz',
      zones: [zone],
      countedZones: [zone],
      crossZone: true,
      idleTimeoutMs: this.idleTimeoutMs,
      desyncMitigationMode: this.mode,
      upgrade: this.upgrade,
      accessLog: 1,
      maxConnectionsPerTarget: this.capacity,
      preconnect: this.preconnect,
      slowStartMs: 0,
      drainingTimeoutMs: seldom(this.#random, 2) ? 500 : 0,
      counters: this.#counters,
      listeners: [
        {
          protocol: 'HTTP',
          address: '198.51.100.1',
          port: this.port,
          instanceProtocol: 'HTTP',
          instancePort: INSTANCE_PORT,
          proxyProtocol: false,
          ...(this.sessions === undefined ? {} : { stickiness: this.sessions.compiled }),
          targets: this.#outcomes.map((_outcome, slot) => ({
            slot,
            instanceId: `i-${slot}`,
            host: '203.0.113.1',
            port: FIRST_BACKEND_PORT + slot,
            zone,
          })),
        },
      ],
    };
  }

  #startThread(thread: number, threads: number): void {
    const onFailure = (error: unknown): void => void this.failures.push(error);
    const random = this.#random;
    const kernel: FakeKernel = {
      takes: (_connection, length) => (seldom(random, 5) ? random.below(length + 1) : length),
      bulkSize: () => pick(random, [65_536, 20_000, 1000]),
    };
    const transport = new FakeTransport({ onFailure, onAcceptError: onFailure }, kernel, this.#moments);
    const wheel = new TimerWheel(this.#clock, undefined, onFailure);
    const runtime = new Runtime(
      new ThreadContext(thread, transport, wheel, this.#clock, undefined, this.log.add(this.#clock)),
      threads,
    );
    const targetPages = [{ page: 0, buffer: this.#page.buffer }];
    // The fake transport binds within the call.
    void runtime.apply({ type: 'apply', revision: 1, targetPages, upserts: [this.#settings], removals: [] });
    this.threads.push({ transport, runtime, wheel, wired: 0 });
  }

  note(tell: () => string): void {
    this.#script?.push(tell());
  }

  nextMark(): string {
    return `e${++this.#marks}`;
  }

  /** Of the instance at the other end. */
  slotOf = ({ remotePort }: FakeConnection): number => remotePort - FIRST_BACKEND_PORT;

  /** Is the instance there for everybody who has a session with it, all the time, and in time? */
  isSteady(slot: number): boolean {
    return !this.faults.control && !this.faults.silence && this.#outcomes[slot] === 'up';
  }

  outcomeOfConnecting(connection: FakeConnection): 'up' | 'refused' | 'silent' {
    const outcome = this.#outcomes[this.slotOf(connection)]!;
    if (outcome === 'moody') return pick(this.#random, ['up', 'refused']);
    return outcome as 'up' | 'refused' | 'silent';
  }

  /** Lets everybody do what they want, until nobody wants anything. Returns how much was done. */
  settle(): number {
    let steps = 0;
    while (this.#step()) {
      if (++steps === MAX_STEPS) throw new Error('it does not come to rest');
    }
    return steps;
  }

  #step(): boolean {
    for (const thread of this.threads) this.#wire(thread);
    const actors = this.#actors;
    const first = this.#random.below(actors.length);
    for (let i = 0; i < actors.length; i++) {
      if (actors[(first + i) % actors.length]!.act(this.#random)) return true;
    }
    return false;
  }

  /** Who is at the other end of connections that are new. */
  #wire(thread: Thread): void {
    const { connections } = thread.transport;
    for (; thread.wired < connections.length; thread.wired++) {
      const connection = connections[thread.wired]!;
      const client = this.clients.find((each) => each.connection === connection);
      const name = client?.name ?? `b${this.slotOf(connection) + 1}#${this.backends.length + 1}`;
      this.#actors.push(new Wire(this, connection, name));
      if (client !== undefined) continue;
      const backend = new ScriptedBackend(this, connection, name);
      this.backends.push(backend);
      this.#actors.push(backend);
    }
  }

  pass(ms: number): void {
    this.note(() => `${ms} ms pass`);
    const { now } = this.#moments;
    this.#passedMs += ms;
    if (this.#passedMs >= this.idleTimeoutMs) this.silentSince = Math.min(this.silentSince, now);
    this.#clock.advance(ms);
    for (const { transport } of this.threads) transport.afterCall();
  }

  /** Somebody changes something. */
  interfere(random: Random): void {
    const slot = random.below(this.#outcomes.length);
    switch (random.below(6)) {
      case 4:
        this.note(() => `b${slot + 1} is cut off`);
        for (const { runtime } of this.threads) runtime.cut([slot]);
        break;
      case 5:
        this.#closeListener();
        break;
      default: {
        const state = pick(random, [TARGET_STATE.inService, TARGET_STATE.outOfService, TARGET_STATE.draining]);
        this.note(() => `b${slot + 1} is in state ${state}`);
        this.#page.setState(slot, state);
      }
    }
    for (const { transport } of this.threads) transport.afterCall();
  }

  #closeListener(): void {
    if (this.closed) return;
    this.closed = true;
    this.note(() => 'the listener goes');
    const removals = [this.#settings.id];
    for (const { runtime } of this.threads) {
      void runtime.apply({ type: 'apply', revision: 2, targetPages: [], upserts: [], removals });
    }
  }

  /** As {@link settle}, and lets those in line for capacity notice what another thread gave back. */
  rest(): void {
    this.settle();
    if (this.faults.silence || this.capacity === Infinity) return;
    do this.pass(20);
    while (this.settle() > 0);
  }

  /** Time goes on until all timeouts are over; then the threads stop. Returns what was open before they did. */
  end(): FakeConnection[] {
    for (let i = 0; i < 12 && this.open.length > 0; i++) {
      this.pass(Math.max(this.idleTimeoutMs, 5000) + 200);
      this.settle();
    }
    const { open } = this;
    this.note(() => 'the threads stop');
    for (const { runtime, transport } of this.threads) {
      void runtime.stop(0);
      transport.afterCall();
    }
    this.settle();
    for (const { wheel } of this.threads) wheel.stop();
    return open;
  }

  /** Open connections, but for those that were opened in advance and wait. */
  get open(): FakeConnection[] {
    const isClient = (one: FakeConnection): boolean => this.clients.some(({ connection }) => connection === one);
    const counts = (one: FakeConnection): boolean => !this.preconnect || one.sent.text !== '' || isClient(one);
    return this.threads.flatMap(({ transport }) => transport.connections.filter((one) => !one.closed && counts(one)));
  }

  /** How many are counted. */
  get requests(): number {
    return sumCounters(this.#counters)[COUNTER.requests]!;
  }

  /** What is counted as open, in flight or waiting. */
  get gauges(): Readonly<Record<string, number>> {
    const cells = sumCounters(this.#counters);
    const gauges: Record<string, number> = {
      clientConnectionsActive: cells[COUNTER.clientConnectionsActive]!,
      backendConnectionsActive: cells[COUNTER.backendConnectionsActive]!,
      surgeQueueLength: cells[COUNTER.surgeQueueLength]!,
      sharedSurgeQueueLength: sharedCells(this.#counters)[SHARED.surgeQueueLength]!,
    };
    this.#outcomes.forEach((_outcome, slot) => {
      gauges[`outstanding ${slot}`] = this.#page.outstanding(slot);
      gauges[`connections ${slot}`] = this.#page.connections(slot);
    });
    return gauges;
  }
}
