/** What went wrong for the clients of a fleet, and whether a killed instance excuses it. */
import { systemClock } from '../../../src/kit/clock.ts';

/** A reset takes so long at most to be noticed on a busy machine. */
const NOTICED_MS = 500;
const SHOWN = 10;

export interface Failed {
  readonly id: string;
  readonly what: string;
  readonly startedMs: number;
}

export class Ledger {
  answered = 0;
  /** In flight on an instance when it was killed: it had the request. */
  lost = 0;
  /** An instance was killed while the request was under way, which may have been on its way there. */
  onTheirWay = 0;
  readonly #unexcused: string[] = [];
  readonly #strayed: string[] = [];
  readonly #lostIds = new Set<string>();
  readonly #kills: number[] = [];

  /** An instance was killed, with these requests in flight. */
  killed(ids: readonly string[]): void {
    this.#kills.push(systemClock.monotonicMs());
    for (const id of ids) this.#lostIds.add(id);
  }

  failed({ id, what, startedMs }: Failed): void {
    const nowMs = systemClock.monotonicMs();
    if (this.#lostIds.has(id)) this.lost++;
    // Nobody may have answered it before it broke, and no answer of the load balancer but these two says so.
    else if (/^(?:status 504|broken)/.test(what) && this.#killedBetween(startedMs, nowMs)) this.onTheirWay++;
    else this.broke(`${id}: ${what} after ${(nowMs - startedMs).toFixed(0)} ms`);
  }

  /** Something failed that nothing excuses. */
  broke(what: string): void {
    this.#unexcused.push(what);
  }

  /** A session was served by another instance than its own, which was there all the time. */
  strayed(what: string): void {
    this.#strayed.push(what);
  }

  get unexcused(): number {
    return this.#unexcused.length;
  }

  get strays(): number {
    return this.#strayed.length;
  }

  /** Of both, the first ones. */
  get samples(): string[] {
    return [...this.#unexcused.slice(0, SHOWN), ...this.#strayed.slice(0, SHOWN)];
  }

  #killedBetween(fromMs: number, toMs: number): boolean {
    return this.#kills.some((atMs) => atMs >= fromMs - NOTICED_MS && atMs <= toMs);
  }
}
