/**
 * Finds back ends that end idle connections sooner than weir does: the classic cause of a 504 now and then, when a
 * request is on its way as the connection ends. One closing says little, since an instance that restarts closes all its
 * connections too; the same idle time at several moments gives the instance's own timeout away.
 */
import type { Clock } from '../kit/clock.ts';
import type { TargetReport } from './snapshot.ts';

/** Idle times at so many moments must agree. */
const MOMENTS = 3;
/** Closings that follow each other this closely are one moment: what ended them all may have been a restart. */
const MOMENT_MS = 1000;
/** Moments that are further apart than this have nothing to do with each other. */
const WINDOW_MS = 3_600_000;
/** Closed this soon, it was hardly a timeout. */
const MIN_IDLE_MS = 500;
/** Idle times that differ by less agree: servers look at their connections now and then only. */
const MIN_TOLERANCE_MS = 1000;
const TOLERANCE = 0.2;
/** A target is reported so often at most. */
const REPORT_INTERVAL_MS = 3_600_000;

/** A target of the table. */
export interface WatchedTarget {
  readonly slot: number;
  readonly inService: boolean;
}

/** What is known of one target. */
interface Closings {
  moments: number;
  lastMs: number;
  shortestMs: number;
  longestMs: number;
  reportedMs: number;
}

/** Of one thread. Costs nothing until a back end closes a pooled connection. */
export class KeepAliveWatch {
  readonly #clock: Clock;
  readonly #report: (report: TargetReport) => void;
  readonly #closings = new WeakMap<WatchedTarget, Closings>();

  constructor(clock: Clock, report: (report: TargetReport) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** `target` has closed a connection that waited for `idleMs` for its next request. */
  closed(target: WatchedTarget, idleMs: number): void {
    if (idleMs < MIN_IDLE_MS || !target.inService) return;
    const nowMs = this.#clock.monotonicMs();
    const known = this.#closings.get(target);
    if (known === undefined) {
      this.#closings.set(target, { ...firstMoment(nowMs, idleMs), reportedMs: -Infinity });
      return;
    }
    if (nowMs - known.lastMs < MOMENT_MS) return;
    const shortestMs = Math.min(known.shortestMs, idleMs);
    const longestMs = Math.max(known.longestMs, idleMs);
    const agrees = longestMs - shortestMs <= Math.max(MIN_TOLERANCE_MS, TOLERANCE * shortestMs);
    if (!agrees || nowMs - known.lastMs > WINDOW_MS) {
      Object.assign(known, firstMoment(nowMs, idleMs));
      return;
    }
    Object.assign(known, { moments: known.moments + 1, lastMs: nowMs, shortestMs, longestMs });
    if (known.moments < MOMENTS || nowMs - known.reportedMs < REPORT_INTERVAL_MS) return;
    known.reportedMs = nowMs;
    this.#report({ type: 'shortKeepAlive', slot: target.slot, idleMs: shortestMs });
  }
}

function firstMoment(nowMs: number, idleMs: number): Omit<Closings, 'reportedMs'> {
  return { moments: 1, lastMs: nowMs, shortestMs: idleMs, longestMs: idleMs };
}
