/**
 * A world around TCP listeners: clients and instances that send each other streams through one or two traffic threads, on a
 * network and a clock that do nothing by themselves (engine-world.ts).
 */
import { FakeClock } from '../../src/kit/clock.ts';
import type { Random } from '../../src/kit/random.ts';
import { TICK_MS, TimerWheel } from '../../src/kit/timer-wheel.ts';
import { loadBalancerId } from '../../src/model/load-balancer.ts';
import { ThreadContext } from '../../src/traffic/context.ts';
import { COUNTER, makeCounters, sumCounters } from '../../src/traffic/counters.ts';
import { Runtime } from '../../src/traffic/runtime.ts';
import type { CompiledLoadBalancer } from '../../src/traffic/snapshot.ts';
import { TARGET_STATE, TargetPage } from '../../src/traffic/target-table.ts';
import type { FakeConnection } from '../support/fake-connection.ts';
import { FakeTransport, type FakeKernel, type Moments } from '../support/fake-transport.ts';
import { pick, seldom } from './choices.ts';
import { told, Wire, type Actor, type Network } from './engine-actors.ts';
import { anyFaults, type Faults } from './engine-faults.ts';
import { WorldLog } from './engine-log.ts';

const PORT = 5000;
const FIRST_BACKEND_PORT = 8001;
const IDLE_MS = 2000;
const MAX_STEPS = 100_000;

/** One end of a relayed connection and all that it will send, marked with its name. */
export class Streamer implements Actor {
  readonly name: string;
  readonly stream: string;
  readonly last: 'stay' | 'end' | 'close' | 'reset';
  connection: FakeConnection | undefined;
  readonly #world: RelayWorld;
  #offset = 0;
  #done = false;

  constructor(world: RelayWorld, random: Random, name: string, hostile: boolean) {
    this.#world = world;
    this.name = name;
    const mark = `<${name}>`;
    const size = pick(random, [0, 20, 500, 20_000, 20, seldom(random, 3) ? 300_000 : 90]);
    this.stream = size === 0 ? '' : mark.repeat(Math.ceil(size / mark.length)).slice(0, Math.max(mark.length, size));
    this.last = pick(random, hostile ? ['stay', 'end', 'close', 'reset'] : ['stay', 'end', 'end']);
  }

  act(random: Random): boolean {
    const { connection, stream } = this;
    if (connection === undefined || this.#done || connection.closed || connection.peer.gone) return false;
    if (!connection.established) return false;
    if (this.#offset < stream.length) {
      const rest = stream.length - this.#offset;
      const count = seldom(random, 2) ? 1 + random.below(rest) : rest;
      const bytes = stream.slice(this.#offset, this.#offset + count);
      this.#offset += count;
      this.#world.note(() => `${this.name} sends ${told(bytes)}`);
      connection.peer.send(bytes);
      return true;
    }
    this.#done = true;
    if (this.last === 'stay') return true;
    this.#world.note(() => `${this.name}: ${this.last}`);
    if (this.last === 'end') connection.peer.end();
    else if (this.last === 'close') connection.peer.close();
    else connection.peer.reset(seldom(random, 2));
    return true;
  }
}

export class RelayWorld implements Network {
  readonly faults: Faults;
  readonly proxyProtocol: boolean;
  readonly capacity: number;
  readonly clients: Streamer[] = [];
  readonly instances: Streamer[] = [];
  readonly log = new WorldLog();
  readonly failures: unknown[] = [];
  readonly transport: FakeTransport;
  readonly #random: Random;
  readonly #script: string[] | undefined;
  readonly #clock = new FakeClock();
  readonly #moments: Moments = { now: 0 };
  readonly #page = new TargetPage(1);
  readonly #counters = makeCounters(1);
  readonly #outcomes: readonly string[];
  readonly #runtime: Runtime;
  readonly #wheel: TimerWheel;
  readonly #actors: Actor[] = [];
  #wired = 0;
  #turns = 6;

  constructor(random: Random, script?: string[]) {
    this.#random = random;
    this.#script = script;
    this.capacity = seldom(random, 4) ? 1 + random.below(2) : Infinity;
    this.proxyProtocol = seldom(random, 2);
    this.faults = anyFaults(random, this.capacity);
    const outcomes = this.faults.connects ? ['up', 'refused', 'silent', 'moody'] : ['up'];
    this.#outcomes = Array.from({ length: 1 + random.below(3) }, () => pick(random, outcomes));
    this.#outcomes.forEach((_outcome, slot) => this.#page.setState(slot, TARGET_STATE.inService));
    const kernel: FakeKernel = {
      takes: (_connection, length) => (seldom(random, 3) ? random.below(length + 1) : length),
      bulkSize: () => pick(random, [65_536, 20_000, 1000]),
    };
    const onFailure = (error: unknown): void => void this.failures.push(error);
    this.transport = new FakeTransport({ onFailure, onAcceptError: onFailure }, kernel, this.#moments);
    this.#wheel = new TimerWheel(this.#clock, undefined, onFailure);
    const log = this.log.add(this.#clock);
    const context = new ThreadContext(0, this.transport, this.#wheel, this.#clock, undefined, log);
    this.#runtime = new Runtime(context, 1);
    const targetPages = [{ page: 0, buffer: this.#page.buffer }];
    void this.#runtime.apply({ type: 'apply', revision: 1, targetPages, upserts: [this.#compile()], removals: [] });
    for (let number = 1 + random.below(4); number > 0; number--) {
      this.clients.push(new Streamer(this, random, `c${number}`, this.faults.clients));
    }
    this.#actors.push(...this.clients);
  }

  #compile(): CompiledLoadBalancer {
    const zone = 'us-east-1a';
    const targets = this.#outcomes.map((_outcome, slot) => {
      return { slot, instanceId: `i-${slot}`, host: '203.0.113.1', port: FIRST_BACKEND_PORT + slot, zone };
    });
    const listener = { protocol: 'TCP', instanceProtocol: 'TCP', instancePort: 80, address: '198.51.100.1' } as const;
    return {
      id: loadBalancerId('000000000000', 'us-east-1', 'fuzz'),
      name: 'fuzz',
      zones: [zone],
      countedZones: [zone],
      crossZone: true,
      idleTimeoutMs: IDLE_MS,
      desyncMitigationMode: 'defensive',
      upgrade: false,
      accessLog: 1,
      maxConnectionsPerTarget: this.capacity,
      preconnect: false,
      slowStartMs: 0,
      drainingTimeoutMs: seldom(this.#random, 2) ? 500 : 0,
      counters: this.#counters,
      listeners: [{ ...listener, port: PORT, proxyProtocol: this.proxyProtocol, targets }],
    };
  }

  note(tell: () => string): void {
    this.#script?.push(tell());
  }

  outcomeOfConnecting({ remotePort }: FakeConnection): 'up' | 'refused' | 'silent' {
    const outcome = this.#outcomes[remotePort - FIRST_BACKEND_PORT]!;
    return outcome === 'moody' ? pick(this.#random, ['up', 'refused']) : (outcome as 'up' | 'refused' | 'silent');
  }

  /** Lets everybody do what they want, until nobody wants anything. */
  settle(): void {
    for (let steps = 0; this.#step(); steps++) if (steps === MAX_STEPS) throw new Error('it does not come to rest');
  }

  #step(): boolean {
    this.#wire();
    if (this.#interfere()) return true;
    const client = this.clients.find(({ connection }) => connection === undefined);
    if (client !== undefined && seldom(this.#random, 3)) return this.#dial(client);
    const first = this.#random.below(this.#actors.length);
    for (let i = 0; i < this.#actors.length; i++) {
      if (this.#actors[(first + i) % this.#actors.length]!.act(this.#random)) return true;
    }
    return client !== undefined && this.#dial(client);
  }

  #dial(client: Streamer): boolean {
    const number = this.clients.indexOf(client) + 1;
    this.note(() => `${client.name} connects`);
    client.connection = this.transport.dial(PORT, `192.0.2.${number}`, 40_000 + number);
    return client.connection !== undefined;
  }

  /** Who is at the other end of connections that are new. */
  #wire(): void {
    const { connections } = this.transport;
    for (; this.#wired < connections.length; this.#wired++) {
      const connection = connections[this.#wired]!;
      const client = this.clients.find((each) => each.connection === connection);
      const name = client?.name ?? `i${this.instances.length + 1}`;
      this.#actors.push(new Wire(this, connection, name));
      if (client !== undefined) continue;
      const instance = new Streamer(this, this.#random, name, this.faults.backends);
      instance.connection = connection;
      this.instances.push(instance);
      this.#actors.push(instance);
    }
  }

  /** Time passes, or an instance goes or comes back. */
  #interfere(): boolean {
    const random = this.#random;
    if (this.#turns === 0 || !(this.faults.silence || this.faults.control) || !seldom(random, 10)) return false;
    this.#turns--;
    if (this.faults.silence && random.below(2) === 0) this.pass(pick(random, [60, 500, IDLE_MS, 6000]));
    else if (this.faults.control) {
      const slot = random.below(this.#outcomes.length);
      if (seldom(random, 3)) this.#runtime.cut([slot]);
      else this.#page.setState(slot, pick(random, [TARGET_STATE.inService, TARGET_STATE.outOfService]));
      this.note(() => `something becomes of instance ${slot}`);
      this.transport.afterCall();
    }
    return true;
  }

  pass(ms: number): void {
    this.note(() => `${ms} ms pass`);
    this.#clock.advance(ms + 2 * TICK_MS);
    this.transport.afterCall();
  }

  get open(): FakeConnection[] {
    return this.transport.connections.filter(({ closed }) => !closed);
  }

  /** Time goes on until all timeouts are over; then the thread stops. Returns what was open before it did. */
  end(): FakeConnection[] {
    for (let i = 0; i < 20 && this.open.length > 0; i++) {
      this.pass(6000);
      this.settle();
    }
    const { open } = this;
    void this.#runtime.stop(0);
    this.transport.afterCall();
    this.settle();
    this.#wheel.stop();
    return open;
  }

  /** What is counted: connections in all, and what must be 0 in the end. */
  get counts(): { readonly requests: number; readonly gauges: Readonly<Record<string, number>> } {
    const cells = sumCounters(this.#counters);
    const gauges: Record<string, number> = {
      clients: cells[COUNTER.clientConnectionsActive]!,
      backends: cells[COUNTER.backendConnectionsActive]!,
      queue: cells[COUNTER.surgeQueueLength]!,
    };
    this.#outcomes.forEach((_outcome, slot) => {
      gauges[`outstanding ${slot}`] = this.#page.outstanding(slot);
      gauges[`connections ${slot}`] = this.#page.connections(slot);
    });
    return { requests: cells[COUNTER.requests]!, gauges };
  }
}
