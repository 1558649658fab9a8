/**
 * Which ports traffic threads may bind. Threads bind with `reusePort`, which would silently share a port with another
 * program that does so too: a port is tried alone first, and given to one load balancer until every thread has let go.
 */
import type { Clock, Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';
import { overlaps, type BindTest } from './bind.ts';
import type { BindRefusal, WantedListener } from './control.ts';

const RETRY_MS = 5000;
const MAX_TESTS = 32;

export interface ListenerOwner {
  readonly id: LoadBalancerId;
  readonly name: string;
}

/** A listener that does not serve. */
export interface BindFailure extends BindRefusal {
  readonly loadBalancer: LoadBalancerId;
}

export interface ListenerGateOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly test: BindTest;
  /** The number of the next message to the threads: the one that tells of what is wanted now. */
  readonly nextSequence: () => number;
  /** What a load balancer was waiting for is decided, all of it; or a port that it was refused has become free. */
  readonly onDecided: (id: LoadBalancerId) => void;
}

/** A port that threads hold, or may hold still. */
interface Held extends WantedListener {
  /** Undefined when nobody wants it any more. */
  owner: ListenerOwner | undefined;
  /** Threads that have applied this message have let go. */
  leftSequence: number;
}

/** A port that is wanted and not held. */
interface Wish extends WantedListener {
  readonly owner: ListenerOwner;
  /** Grows from wish to wish, so that one can wait for those made so far. */
  readonly number: number;
  decided: boolean;
  testing: boolean;
  refusal: BindRefusal | undefined;
}

export class ListenerGate {
  readonly #options: ListenerGateOptions;
  readonly #held = new Map<string, Held>();
  /** Those of them that have no owner any more. */
  readonly #left = new Set<Held>();
  /** By load balancer, then by address and port. */
  readonly #wishes = new Map<LoadBalancerId, Map<string, Wish>>();
  readonly #queue = new Set<Wish>();
  #tests = 0;
  #lastWish = 0;
  #retries: Timer | undefined;

  constructor(options: ListenerGateOptions) {
    this.#options = options;
  }

  start(): void {
    this.#retries = this.#options.clock.every(RETRY_MS, () => this.#retry());
  }

  stop(): void {
    this.#retries?.cancel();
    this.#queue.clear();
    this.#wishes.clear();
  }

  /** The listeners that `owner` wants from now on: all of them, none when it is gone. */
  want(owner: ListenerOwner, listeners: readonly WantedListener[]): void {
    const wanted = new Map(listeners.map((listener) => [keyOf(listener), listener]));
    for (const [key, held] of this.#held) {
      if (held.owner?.id === owner.id && !wanted.has(key)) this.#leave(held);
    }
    const before = this.#wishes.get(owner.id);
    const after = new Map<string, Wish>();
    for (const [key, listener] of wanted) {
      if (this.#take(key, owner)) continue;
      after.set(key, before?.get(key) ?? this.#wish(owner, listener));
    }
    for (const wish of before?.values() ?? []) {
      if (after.get(keyOf(wish)) !== wish) this.#queue.delete(wish);
    }
    if (after.size > 0) this.#wishes.set(owner.id, after);
    else this.#wishes.delete(owner.id);
    this.#testNext();
  }

  /** Whether threads may bind the listener for this load balancer. */
  mayListen(id: LoadBalancerId, listener: WantedListener): boolean {
    return this.ownerOf(listener) === id;
  }

  /** The load balancer that has the port. */
  ownerOf(listener: WantedListener): LoadBalancerId | undefined {
    return this.#held.get(keyOf(listener))?.owner?.id;
  }

  /** Forgets ports that all threads have let go of. `released` tells whether they have applied a message. */
  release(released: (sequence: number) => boolean): void {
    let anyReleased = false;
    for (const held of this.#left) {
      if (!released(held.leftSequence)) continue;
      this.#left.delete(held);
      this.#held.delete(keyOf(held));
      anyReleased = true;
    }
    if (anyReleased) this.#retry();
  }

  /** A mark for {@link decided}: every wish made so far. */
  get lastWish(): number {
    return this.#lastWish;
  }

  /** Whether every wish up to `mark` was granted, refused or given up. */
  decided(mark: number): boolean {
    for (const wishes of this.#wishes.values()) {
      for (const wish of wishes.values()) if (!wish.decided && wish.number <= mark) return false;
    }
    return true;
  }

  get refusals(): BindFailure[] {
    return [...this.#wishes.values()]
      .flatMap((wishes) => [...wishes.values()])
      .flatMap(({ refusal, owner }) => (refusal === undefined ? [] : [{ ...refusal, loadBalancer: owner.id }]));
  }

  /** The first of `wanted` that could not be bound, for somebody who has none of them yet. */
  async tryBind(wanted: readonly WantedListener[]): Promise<BindRefusal | undefined> {
    for (const listener of wanted) {
      const refusal = this.#clash(listener) ?? (await this.#test(listener));
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #test(listener: WantedListener): Promise<BindRefusal | undefined> {
    // Threads are letting go of exactly this port, or have it for its next owner: it is ours.
    if (this.#held.has(keyOf(listener))) return Promise.resolve(undefined);
    return this.#options.test(listener);
  }

  /** A port of one of our own load balancers that is in the way. */
  #clash(listener: WantedListener): BindRefusal | undefined {
    for (const held of this.#held.values()) {
      if (held.owner === undefined || !overlaps(held, listener)) continue;
      const { address, port } = listener;
      const message = `port ${port} on ${address} is taken by load balancer ${held.owner.name} (${held.address}:${port})`;
      return { address, port, code: 'EADDRINUSE', message };
    }
    return undefined;
  }

  /** Gives the port to `owner` if it has it already, or nobody wants what threads still hold. */
  #take(key: string, owner: ListenerOwner): boolean {
    const held = this.#held.get(key);
    if (held === undefined || (held.owner !== undefined && held.owner.id !== owner.id)) return false;
    held.owner = owner;
    this.#left.delete(held);
    return true;
  }

  #leave(held: Held): void {
    held.owner = undefined;
    this.#left.add(held);
    held.leftSequence = this.#options.nextSequence();
  }

  #wish(owner: ListenerOwner, { address, port }: WantedListener): Wish {
    const number = ++this.#lastWish;
    const wish = { owner, address, port, number, decided: false, testing: false, refusal: undefined };
    this.#queue.add(wish);
    return wish;
  }

  #retry(): void {
    for (const wishes of this.#wishes.values()) {
      for (const wish of wishes.values()) if (wish.decided && !wish.testing) this.#queue.add(wish);
    }
    this.#testNext();
  }

  #testNext(): void {
    for (const wish of this.#queue) {
      if (this.#tests >= MAX_TESTS) return;
      this.#queue.delete(wish);
      void this.#testOne(wish);
    }
  }

  async #testOne(wish: Wish): Promise<void> {
    this.#tests++;
    wish.testing = true;
    const refusal = await this.#options.test(wish);
    this.#tests--;
    wish.testing = false;
    if (this.#wishes.get(wish.owner.id)?.get(keyOf(wish)) === wish) this.#decide(wish, refusal);
    this.#testNext();
  }

  #decide(wish: Wish, systemRefusal: BindRefusal | undefined): void {
    const { owner } = wish;
    const refusal = this.#clash(wish) ?? systemRefusal;
    if (refusal === undefined) this.#grant(wish);
    else this.#refuse(wish, refusal);
    const isNews = refusal === undefined || !wish.decided;
    wish.decided = true;
    const wishes = this.#wishes.get(owner.id)?.values() ?? [];
    if (isNews && Array.from(wishes).every((other) => other.decided)) this.#options.onDecided(owner.id);
  }

  #grant({ owner, address, port, refusal }: Wish): void {
    const key = keyOf({ address, port });
    // Tried while threads let go of it for somebody else: when they have, it must not be forgotten.
    if (!this.#take(key, owner)) this.#held.set(key, { address, port, owner, leftSequence: 0 });
    const wishes = this.#wishes.get(owner.id);
    wishes?.delete(key);
    if (wishes?.size === 0) this.#wishes.delete(owner.id);
    if (refusal === undefined) return;
    const fields = { loadBalancer: owner.name, address, port };
    this.#options.log.info(fields, 'listener comes up: its port has become free');
  }

  #refuse(wish: Wish, refusal: BindRefusal): void {
    const { owner, address, port } = wish;
    if (refusal.message !== wish.refusal?.message) {
      const fields = { loadBalancer: owner.name, address, port, code: refusal.code };
      this.#options.log.error(fields, `listener is down: ${refusal.message}; trying again every 5 s`);
    }
    wish.refusal = refusal;
  }
}

function keyOf({ address, port }: WantedListener): string {
  return `${address} ${port}`;
}
