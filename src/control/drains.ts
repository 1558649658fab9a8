/**
 * Targets that were taken away: what runs there goes on while connection draining lets it, is cut
 * then, and the slot is given back when nothing of it is left. New requests do not come: threads do not know the target
 * any more, or will not in a moment.
 */
import type { Clock, Timer } from '../kit/clock.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';
import { TARGET_STATE } from '../traffic/target-table.ts';
import type { SlotHolder, Slots } from './slots.ts';

const POLL_MS = 100;

/** Why a target was taken away. */
export type DrainReason = 'deregistered' | 'zone-disabled' | 'listener-deleted' | 'load-balancer-deleted';

/** A target of which something may be in flight still. */
export interface Drain extends SlotHolder {
  readonly reason: DrainReason;
  /** Until the rest is cut. */
  readonly remainingMs: number;
}

export interface DrainsOptions {
  readonly clock: Clock;
  readonly slots: Slots;
  readonly cut: (slots: readonly number[]) => void;
  /** Whether all threads have applied a message. */
  readonly released: (sequence: number) => boolean;
}

interface OpenDrain {
  readonly holder: SlotHolder;
  readonly reason: DrainReason;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  /** Threads that have applied this message send nothing there any more. */
  readonly sequence: number;
  /** Over for the outside: what was in flight has finished or was cut. */
  over: boolean;
}

export class Drains {
  readonly #options: DrainsOptions;
  /** By slot. */
  readonly #open = new Map<number, OpenDrain>();
  #poll: Timer | undefined;

  constructor(options: DrainsOptions) {
    this.#options = options;
  }

  /**
   * Begins to drain `holders`, for at most `timeoutMs` (0: cut at once). `sequence` is the message that takes them
   * away, and is sent already.
   */
  begin(holders: readonly SlotHolder[], reason: DrainReason, timeoutMs: number, sequence: number): void {
    if (holders.length === 0) return;
    const { clock, slots } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    for (const holder of holders) {
      slots.setState(holder.slot, TARGET_STATE.draining);
      this.#open.set(holder.slot, { holder, reason, deadlineMs, sequence, over: false });
    }
    this.advance();
  }

  /** The target of `slot` is wanted again: what is in flight there goes on. */
  end(slot: number): void {
    this.#open.delete(slot);
    this.#pollWhileOpen();
  }

  /** Takes each drain as far as it has come. To be called when a thread has made progress; time is watched here. */
  advance(): void {
    const { clock, slots, released } = this.#options;
    const nowMs = clock.monotonicMs();
    const late: OpenDrain[] = [];
    for (const [slot, drain] of this.#open) {
      const quiet = released(drain.sequence);
      if (!drain.over && this.#isOver(drain)) this.#finish(drain);
      if (!drain.over && nowMs >= drain.deadlineMs) late.push(drain);
      if (drain.over && quiet && slots.isIdle(slot)) {
        this.#open.delete(slot);
        slots.free(drain.holder);
      }
    }
    if (late.length > 0) {
      for (const drain of late) this.#finish(drain);
      this.#options.cut(late.map((drain) => drain.holder.slot));
    }
    this.#pollWhileOpen();
  }

  get current(): Drain[] {
    const nowMs = this.#options.clock.monotonicMs();
    return [...this.#open.values()]
      .filter((drain) => !this.#isOver(drain))
      .map(({ holder, reason, deadlineMs }) => ({
        ...holder,
        reason,
        remainingMs: Math.max(0, deadlineMs - nowMs),
      }));
  }

  /** Whether an instance is draining for `reason`. */
  isDraining(loadBalancer: LoadBalancerId, instanceId: string, reason: DrainReason): boolean {
    for (const drain of this.#open.values()) {
      const { holder } = drain;
      if (drain.reason !== reason || holder.instanceId !== instanceId || holder.loadBalancer !== loadBalancer) continue;
      if (!this.#isOver(drain)) return true;
    }
    return false;
  }

  /** Instances of a load balancer that is still there and of which something drains, each once. */
  instances(loadBalancer: LoadBalancerId): string[] {
    const ids = new Set<string>();
    for (const drain of this.#open.values()) {
      const { holder, reason } = drain;
      if (reason === 'load-balancer-deleted' || holder.loadBalancer !== loadBalancer || this.#isOver(drain)) continue;
      ids.add(holder.instanceId);
    }
    return [...ids];
  }

  stop(): void {
    this.#poll?.cancel();
    this.#poll = undefined;
    this.#open.clear();
  }

  /** Whoever asks hears it at once, before it has been looked at again. */
  #isOver({ over, sequence, holder }: OpenDrain): boolean {
    return over || (this.#options.released(sequence) && this.#options.slots.outstanding(holder.slot) === 0);
  }

  #finish(drain: OpenDrain): void {
    drain.over = true;
    this.#options.slots.setState(drain.holder.slot, TARGET_STATE.outOfService);
  }

  #pollWhileOpen(): void {
    if (this.#open.size === 0) {
      this.#poll?.cancel();
      this.#poll = undefined;
    } else {
      this.#poll ??= this.#options.clock.every(POLL_MS, () => this.advance());
    }
  }
}
