/** Who does something in a run of the engine, each in its own time: clients, back ends, the network between, the clock. */
import type { Random } from '../../src/kit/random.ts';
import type { FakeConnection } from '../support/fake-connection.ts';
import { pick, seldom } from './choices.ts';
import { clientRequests } from './engine-messages.ts';
import type { World } from './engine-world.ts';

export interface Actor {
  /** Does one thing, if there is something to do. */
  act(random: Random): boolean;
}

/** A client and all it will send, on one connection. */
export class ScriptedClient implements Actor {
  readonly name: string;
  readonly address: string;
  readonly stream: string;
  connection: FakeConnection | undefined;
  /** It has reset its connection, or closed it without waiting for its responses. */
  aborted = false;
  readonly #world: World;
  readonly #thread: number;
  readonly #port: number;
  /** It stops there. */
  readonly #limit: number;
  readonly #last: 'stay' | 'end' | 'close' | 'reset';
  #offset = 0;
  /** Offsets at which it waits. */
  #pauses: readonly number[] = [];
  /** How much had come back when it sent something last. */
  #seen = -1;
  #done = false;

  constructor(world: World, random: Random, number: number) {
    this.#world = world;
    this.name = `c${number}`;
    this.address = `192.0.2.${number}`;
    this.#thread = random.below(world.threads.length);
    this.#port = 40_000 + number;
    const requests = clientRequests(random, this.name, world.upgrade || seldom(random, 8), world.sessions?.lines ?? []);
    this.stream = requests.join('');
    if (seldom(random, 2)) this.#pauses = requests.map((_, index) => requests.slice(0, index).join('').length);
    const { clients } = world.faults;
    const stops = clients && seldom(random, 3);
    this.#limit = stops ? random.below(this.stream.length + 1) : this.stream.length;
    this.#last = pick(random, clients ? ['stay', 'end', 'close', 'reset'] : ['stay', 'end']);
  }

  act(random: Random): boolean {
    const { connection } = this;
    if (connection === undefined) return this.#dial();
    if (this.#done || connection.closed || connection.peer.gone) return false;
    if (this.#offset < this.#limit) {
      if (this.#waits && !seldom(random, 30)) return false;
      const rest = (this.#pauses.find((at) => at > this.#offset) ?? this.#limit) - this.#offset;
      this.#send(seldom(random, 3) ? 1 + random.below(rest) : rest);
    } else this.#finish(random);
    return true;
  }

  /** Before another request some wait until something came back for the one before. */
  get #waits(): boolean {
    return this.#pauses.includes(this.#offset) && this.connection!.peer.received.length === this.#seen;
  }

  #dial(): boolean {
    const world = this.#world;
    if (world.closed) return false;
    this.connection = world.threads[this.#thread]!.transport.dial(world.port, this.address, this.#port);
    if (this.connection !== undefined) world.note(() => `${this.name} connects`);
    return this.connection !== undefined;
  }

  #send(count: number): void {
    const bytes = this.stream.slice(this.#offset, Math.min(this.#limit, this.#offset + count));
    this.#seen = this.connection!.peer.received.length;
    this.#offset += bytes.length;
    this.#world.note(() => `${this.name} sends ${told(bytes)}`);
    this.connection!.peer.send(bytes);
  }

  #finish(random: Random): void {
    this.#done = true;
    const { peer } = this.connection!;
    if (this.#last !== 'stay') this.#world.note(() => `${this.name}: ${this.#last}`);
    if (this.#last === 'end') peer.end();
    this.aborted = this.#last === 'close' || this.#last === 'reset';
    if (this.#last === 'close') peer.close();
    if (this.#last === 'reset') peer.reset(seldom(random, 2));
  }
}

/** What a wire asks of the world that it is in. */
export interface Network {
  readonly faults: { readonly silence: boolean };
  outcomeOfConnecting(connection: FakeConnection): 'up' | 'refused' | 'silent';
  note(tell: () => string): void;
}

/** The network and the kernel at one connection. */
export class Wire implements Actor {
  readonly connection: FakeConnection;
  readonly #world: Network;
  readonly #name: string;
  /** The peer takes nothing any more. */
  #stalled = false;

  constructor(world: Network, connection: FakeConnection, name: string) {
    this.#world = world;
    this.connection = connection;
    this.#name = name;
  }

  act(random: Random): boolean {
    const { connection } = this;
    if (connection.closed && connection.waiting === 0) return false;
    if (!connection.established) return this.#connect();
    const events: (() => void)[] = [];
    if (connection.arriving > 0) events.push(() => this.#arrive(random));
    if (connection.endArrives) events.push(() => this.#arriveEnd());
    if (connection.lossArrives) events.push(() => this.#lose());
    if (connection.waiting > 0 && !this.#stalled) events.push(() => this.#drain(random));
    if (events.length === 0) return false;
    pick(random, events)();
    return true;
  }

  #connect(): boolean {
    const outcome = this.#world.outcomeOfConnecting(this.connection);
    if (outcome === 'silent') return false;
    this.#world.note(() => `${this.#name}: ${outcome}`);
    if (outcome === 'up') this.connection.comeUp();
    else this.connection.lose('ECONNREFUSED');
    return true;
  }

  #arrive(random: Random): void {
    const count = part(random, this.connection.arriving);
    this.#world.note(() => `${this.#name}: weir reads ${told(this.connection.peer.onItsWay.slice(0, count))}`);
    this.connection.arrive(count);
  }

  #arriveEnd(): void {
    this.#world.note(() => `${this.#name}: weir sees the end`);
    this.connection.arriveEnd();
  }

  #lose(): void {
    this.#world.note(() => `${this.#name}: weir sees that it is broken`);
    this.connection.lose('ECONNRESET');
  }

  #drain(random: Random): void {
    if (this.#world.faults.silence && seldom(random, 12)) this.#stalled = true;
    const count = part(random, this.connection.waiting);
    this.#world.note(() => `${this.#name}: the peer takes ${count} more${this.#stalled ? ', and nothing after' : ''}`);
    this.connection.drain(count);
  }
}

/** All of it, a part, or a few bytes where that does not take too long. */
function part(random: Random, available: number): number {
  switch (random.below(4)) {
    case 2:
      return 1 + random.below(available);
    case 3:
      return available < 500 ? Math.min(available, 1 + random.below(8)) : 1 + random.below(available);
    default:
      return available;
  }
}

/** Time passes; instances leave and come back; listeners go. */
export class Fate implements Actor {
  readonly #world: World;
  #left = 8;

  constructor(world: World) {
    this.#world = world;
  }

  act(random: Random): boolean {
    const { faults, idleTimeoutMs } = this.#world;
    if (this.#left === 0 || !seldom(random, 6)) return false;
    this.#left--;
    if (faults.silence && random.below(2) === 0) {
      this.#world.pass(pick(random, [60, 500, idleTimeoutMs, idleTimeoutMs, 2 * idleTimeoutMs, 6000]));
      return true;
    }
    if (!faults.control) return false;
    this.#world.interfere(random);
    return true;
  }
}

/** Bytes as they are told in a script. */
export function told(bytes: string): string {
  const text = JSON.stringify(bytes.length > 400 ? `${bytes.slice(0, 300)}…${bytes.slice(-60)}` : bytes);
  return bytes.length > 400 ? `${text} (${bytes.length} bytes)` : text;
}
