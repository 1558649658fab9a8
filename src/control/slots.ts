/**
 * Numbers in the target table: one for each (load balancer, instance, instance port) while it is wanted, and for as
 * long after that as a thread may still count on it. A number is given anew only when it is certainly idle.
 */
import { assert } from '../kit/assert.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';
import { PAGE_SLOTS, TARGET_STATE, slotIndex, type TargetTable } from '../traffic/target-table.ts';

/** Who has a slot. */
export interface SlotHolder {
  readonly slot: number;
  readonly loadBalancer: LoadBalancerId;
  readonly instanceId: string;
  readonly instancePort: number;
}

export class Slots {
  readonly #table: TargetTable;
  readonly #byKey = new Map<string, SlotHolder>();
  readonly #bySlot = new Map<number, SlotHolder>();
  readonly #free: number[] = [];

  constructor(table: TargetTable) {
    this.#table = table;
  }

  get table(): TargetTable {
    return this.#table;
  }

  /** How many slots have a holder. */
  get held(): number {
    return this.#byKey.size;
  }

  /** The slot of the target: the one that it has, or a free one, out of service. */
  allot(loadBalancer: LoadBalancerId, instanceId: string, instancePort: number): SlotHolder {
    const key = keyOf(loadBalancer, instanceId, instancePort);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (this.#free.length === 0) this.#grow();
    const slot = this.#free.pop()!;
    const holder = { slot, loadBalancer, instanceId, instancePort };
    this.#byKey.set(key, holder);
    this.#bySlot.set(slot, holder);
    return holder;
  }

  /** Undefined when nobody has it. */
  holderOf(slot: number): SlotHolder | undefined {
    return this.#bySlot.get(slot);
  }

  /** Gives `holder`'s slot back. Only when nothing runs there and nothing can start there any more. */
  free(holder: SlotHolder): void {
    assert(this.isIdle(holder.slot), 'a slot that is freed is idle');
    const key = keyOf(holder.loadBalancer, holder.instanceId, holder.instancePort);
    assert(this.#byKey.get(key) === holder, 'a slot is freed once');
    this.#byKey.delete(key);
    this.#bySlot.delete(holder.slot);
    this.setState(holder.slot, TARGET_STATE.outOfService);
    this.#free.push(holder.slot);
  }

  setState(slot: number, state: number): void {
    this.#table.page(slot).setState(slotIndex(slot), state);
  }

  state(slot: number): number {
    return this.#table.page(slot).state(slotIndex(slot));
  }

  /** Requests in flight (layer 4: open connections). */
  outstanding(slot: number): number {
    return this.#table.page(slot).outstanding(slotIndex(slot));
  }

  connections(slot: number): number {
    return this.#table.page(slot).connections(slotIndex(slot));
  }

  isIdle(slot: number): boolean {
    return this.outstanding(slot) === 0 && this.connections(slot) === 0;
  }

  #grow(): void {
    const first = this.#table.pages.length * PAGE_SLOTS;
    this.#table.add();
    for (let slot = first + PAGE_SLOTS - 1; slot >= first; slot--) this.#free.push(slot);
  }
}

function keyOf(loadBalancer: LoadBalancerId, instanceId: string, instancePort: number): string {
  return `${loadBalancer} ${instanceId} ${instancePort}`;
}
