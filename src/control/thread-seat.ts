/**
 * The place of one traffic thread: the thread that has it now, what that thread has applied, and the next one when it
 * dies or stands still. All threads of a seat use the same rows of the shared tables, one after the other.
 */
import type { Clock, Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import { THREAD_COUNTER, THREAD_ROW_CELLS } from '../traffic/counters.ts';
import type { ControlMessage, TargetReport, ThreadMessage, ThreadSettings } from '../traffic/snapshot.ts';
import type { StartThread, TrafficThread } from './worker.ts';

/** How often {@link ThreadSeat.watch} is to be called. */
export const WATCH_INTERVAL_MS = 500;
const STANDSTILL_MS = 5000;
/** Until `ready`: a busy machine may take its time to load the program. */
const START_LIMIT_MS = 30_000;
const MIN_BACKOFF_MS = 100;
/** Of a thread that dies before it has served: what it is told, or the machine, has it die. */
const MAX_BACKOFF_MS = 5000;
/** Of one that has served: however often threads die, the next one serves within a second (docs/faults.md 38). */
const MAX_SERVED_BACKOFF_MS = 200;
/** A thread that lived this long died of something new: its successor starts at once. */
const SETTLED_MS = 10_000;

export interface SeatFailure {
  readonly address: string;
  readonly port: number;
  readonly message: string;
}

export interface ThreadSeatOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: ThreadSettings;
  readonly start: StartThread;
  /** A thread was started and waits for its first snapshot. */
  readonly onStart: (seat: ThreadSeat) => void;
  /** It has applied something, or come to its end as asked. */
  readonly onProgress: () => void;
  readonly onReport: (report: TargetReport) => void;
  /** It ended, unasked or not: what it counted is to be taken back. A successor is not started yet. */
  readonly onEnd: (seat: ThreadSeat) => void;
}

/** One thread, from its start to its end. */
interface Tenant {
  readonly thread: TrafficThread;
  readonly startedMs: number;
  /** Numbers of the `apply` messages that are not answered yet. */
  readonly unanswered: number[];
  /** Number of the last `apply` that was answered; -1 before the first. */
  applied: number;
  ready: boolean;
  stopped: boolean;
  terminating: boolean;
  heartbeat: number;
  /** Watches in a row that saw the same heartbeat. */
  still: number;
}

export class ThreadSeat {
  readonly #options: ThreadSeatOptions;
  readonly #row: Float64Array;
  #tenant: Tenant | undefined;
  #stopping = false;
  #backoff: Timer | undefined;
  /** Deaths in a row of threads that did not settle. */
  #quickDeaths = 0;
  #failures: readonly SeatFailure[] = [];
  #restarts = 0;
  /** Pages of the target table that the present thread knows. */
  knownPages = 0;

  constructor(options: ThreadSeatOptions) {
    this.#options = options;
    const { threadCounters, thread } = options.settings;
    const offset = thread * THREAD_ROW_CELLS * Float64Array.BYTES_PER_ELEMENT;
    this.#row = new Float64Array(threadCounters, offset, THREAD_ROW_CELLS);
  }

  get thread(): number {
    return this.#options.settings.thread;
  }

  get live(): boolean {
    return this.#tenant !== undefined;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get failures(): readonly SeatFailure[] {
    return this.#failures;
  }

  /** Of the last snapshot that the present thread has applied; 0 while it serves none. */
  get revision(): number {
    return this.#row[THREAD_COUNTER.revision]!;
  }

  /** Whether message `sequence` was applied; a seat without a thread holds nothing of an older one. */
  hasApplied(sequence: number): boolean {
    return this.#tenant === undefined || this.#tenant.applied >= sequence;
  }

  /** Whether there is nothing to wait for any more when the seat is to be given up. */
  get atRest(): boolean {
    return this.#tenant === undefined || this.#tenant.stopped;
  }

  start(): void {
    const { clock, settings, start } = this.#options;
    this.#backoff = undefined;
    this.knownPages = 0;
    this.#failures = [];
    const tenant: Tenant = {
      thread: start(settings, {
        onMessage: (message) => {
          if (this.#tenant === tenant) this.#onMessage(tenant, message);
        },
        onEnd: (reason) => {
          if (this.#tenant === tenant) this.#onEnd(tenant, reason);
        },
      }),
      startedMs: clock.monotonicMs(),
      unanswered: [],
      applied: -1,
      ready: false,
      stopped: false,
      terminating: false,
      heartbeat: this.#row[THREAD_COUNTER.heartbeat]!,
      still: 0,
    };
    this.#tenant = tenant;
    this.#options.onStart(this);
  }

  /** Sends `message`; `sequence` is the number of an `apply`. */
  post(message: ControlMessage, sequence?: number): void {
    if (sequence !== undefined) this.#tenant?.unanswered.push(sequence);
    this.#tenant?.thread.post(message);
  }

  /**
   * Ends a thread that stands still. Counts watches instead of asking a clock, so that a process that stood still as a
   * whole (suspended, stopped) does not end threads that had no chance to beat.
   */
  watch(): void {
    const tenant = this.#tenant;
    if (tenant === undefined || tenant.terminating) return;
    const heartbeat = this.#row[THREAD_COUNTER.heartbeat]!;
    tenant.still = heartbeat === tenant.heartbeat ? tenant.still + 1 : 0;
    tenant.heartbeat = heartbeat;
    const limitMs = tenant.ready ? STANDSTILL_MS : START_LIMIT_MS;
    if (tenant.still * WATCH_INTERVAL_MS < limitMs) return;
    const what = tenant.ready ? 'its event loop stands still' : 'it has not started';
    this.#options.log.error({ thread: this.thread }, `traffic thread is ended: ${what} for ${limitMs / 1000} s`);
    this.terminate();
  }

  /** No successor from now on; the present thread drains for `timeoutMs` at most. */
  stop(timeoutMs: number): void {
    this.#stopping = true;
    this.#backoff?.cancel();
    this.post({ type: 'stop', timeoutMs });
  }

  terminate(): void {
    if (this.#tenant === undefined) return;
    this.#tenant.terminating = true;
    this.#tenant.thread.terminate();
  }

  #onMessage(tenant: Tenant, message: ThreadMessage): void {
    const { log, onProgress, onReport } = this.#options;
    switch (message.type) {
      case 'ready':
        tenant.ready = true;
        tenant.still = 0;
        return;
      case 'applied':
        tenant.applied = tenant.unanswered.shift() ?? tenant.applied;
        this.#failures = message.failures;
        return onProgress();
      case 'publicKeyRefused':
      case 'tlsFailed':
      case 'shortKeepAlive':
        return onReport(message);
      case 'log':
        return log[message.level]({ thread: this.thread }, message.message);
      case 'stopped':
        tenant.stopped = true;
        return onProgress();
    }
  }

  #onEnd(tenant: Tenant, reason: string): void {
    this.#tenant = undefined;
    this.#failures = [];
    // In its row, which its successor does not touch before it serves.
    this.#row[THREAD_COUNTER.revision] = 0;
    this.#options.onEnd(this);
    if (!this.#stopping) this.#replace(tenant, reason);
    this.#options.onProgress();
  }

  /** The first death is answered at once, later ones in a row after a growing pause. */
  #replace(tenant: Tenant, reason: string): void {
    const { clock, log } = this.#options;
    const livedMs = clock.monotonicMs() - tenant.startedMs;
    this.#quickDeaths = livedMs >= SETTLED_MS ? 0 : this.#quickDeaths + 1;
    const maxMs = tenant.applied < 0 ? MAX_BACKOFF_MS : MAX_SERVED_BACKOFF_MS;
    const pauseMs = this.#quickDeaths < 2 ? 0 : Math.min(maxMs, MIN_BACKOFF_MS * 2 ** (this.#quickDeaths - 2));
    const fields = { thread: this.thread, reason, livedMs: Math.round(livedMs), pauseMs };
    log.error(fields, 'traffic thread died; its connections are lost, a new one takes its place');
    this.#restarts++;
    this.#backoff = clock.after(pauseMs, () => this.start());
  }
}
