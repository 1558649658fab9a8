/** All traffic threads together: started, told, watched, replaced, stopped. */
import type { Clock, Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';
import { THREAD_COUNTER, THREAD_ROW_CELLS } from '../traffic/counters.ts';
import type { CompiledLoadBalancer, TargetReport, ThreadSettings } from '../traffic/snapshot.ts';
import type { TargetTable } from '../traffic/target-table.ts';
import { ThreadSeat, WATCH_INTERVAL_MS, type SeatFailure } from './thread-seat.ts';
import type { Waiters } from './waiters.ts';
import type { StartThread } from './worker.ts';

/** Past its deadline a thread has this long to cut what is left and say so; then it is ended. */
const STOP_GRACE_MS = 1000;

export interface Snapshot {
  readonly revision: number;
  readonly upserts: readonly CompiledLoadBalancer[];
  readonly removals: readonly LoadBalancerId[];
}

export interface SupervisorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly threads: number;
  readonly transport: ThreadSettings['transport'];
  readonly start: StartThread;
  readonly table: TargetTable;
  /** Everything, for a thread that starts. */
  readonly snapshot: () => Snapshot;
  /** Checked whenever a thread has applied something, ended or stopped. */
  readonly waiters: Waiters;
  /** Called before that. */
  readonly onProgress: () => void;
  /** A thread has found out something about a target. */
  readonly onReport: (report: TargetReport) => void;
  /** What thread number `thread` counted in its rows is to be taken back. */
  readonly onDeath: (thread: number) => void;
  /** Where the access logs of threads go, by thread (traffic/log-ring.ts). */
  readonly logRings?: readonly SharedArrayBuffer[];
}

export interface ThreadStatus {
  readonly thread: number;
  readonly live: boolean;
  /** How often this thread was replaced. */
  readonly restarts: number;
  /** Revision of the snapshot that it serves. */
  readonly revision: number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #seats: readonly ThreadSeat[];
  /** A row per thread (traffic/counters.ts, THREAD_COUNTER), and one behind them with the heartbeat of control itself. */
  readonly threadCounters: SharedArrayBuffer;
  readonly #controlRow: Float64Array;
  #sequence = 0;
  #watchdog: Timer | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { threads, transport, clock, log, start, waiters, onReport } = options;
    const rowBytes = THREAD_ROW_CELLS * Float64Array.BYTES_PER_ELEMENT;
    this.threadCounters = new SharedArrayBuffer((threads + 1) * rowBytes);
    this.#controlRow = new Float64Array(this.threadCounters, threads * rowBytes, THREAD_ROW_CELLS);
    this.#seats = Array.from({ length: threads }, (_, thread) => {
      const logRing = options.logRings?.[thread];
      const { threadCounters } = this;
      const settings = { thread, threads, transport, threadCounters, ...(logRing === undefined ? {} : { logRing }) };
      const onProgress = (): void => {
        options.onProgress();
        waiters.check();
      };
      const onStart = (seat: ThreadSeat): void => this.#send(seat, options.snapshot());
      const onEnd = (seat: ThreadSeat): void => options.onDeath(seat.thread);
      return new ThreadSeat({ clock, log, settings, start, onStart, onProgress, onReport, onEnd });
    });
  }

  /** The number of the latest message to the threads. */
  get sequence(): number {
    return this.#sequence;
  }

  start(): void {
    for (const seat of this.#seats) seat.start();
    this.#watchdog = this.#options.clock.every(WATCH_INTERVAL_MS, () => {
      this.#controlRow[THREAD_COUNTER.heartbeat]!++;
      for (const seat of this.#seats) seat.watch();
    });
  }

  /** Tells all threads; they answer in their time. Threads that start later get it with everything else. Returns its number. */
  apply(change: Snapshot): number {
    this.#sequence++;
    for (const seat of this.#seats) this.#send(seat, change);
    return this.#sequence;
  }

  /** Ends at once what runs on `slots`. Comes after every `apply` so far. */
  cut(slots: readonly number[]): void {
    for (const seat of this.#seats) seat.post({ type: 'cut', slots });
  }

  /** Whether no thread is left that serves something older than message `sequence`. */
  released(sequence: number): boolean {
    return this.#seats.every((seat) => seat.hasApplied(sequence));
  }

  /** Whether there are threads, and all serve message `sequence` or a later one. */
  served(sequence: number): boolean {
    return this.#seats.some((seat) => seat.live) && this.released(sequence);
  }

  /** Listeners that a thread could not bind, each once. */
  get failures(): readonly SeatFailure[] {
    const failures = this.#seats.flatMap((seat) => seat.failures);
    return [...new Map(failures.map((failure) => [`${failure.address} ${failure.port}`, failure])).values()];
  }

  get status(): ThreadStatus[] {
    return this.#seats.map(({ thread, live, restarts, revision }) => ({ thread, live, restarts, revision }));
  }

  /** Threads stop accepting and finish what is in flight, for `timeoutMs` at most; resolves when none is left. */
  async stop(timeoutMs: number): Promise<void> {
    this.#watchdog?.cancel();
    for (const seat of this.#seats) seat.stop(timeoutMs);
    const { waiters } = this.#options;
    await waiters.wait(timeoutMs + STOP_GRACE_MS, () => this.#seats.every((seat) => seat.atRest));
    for (const seat of this.#seats) seat.terminate();
    await waiters.wait(STOP_GRACE_MS, () => !this.#seats.some((seat) => seat.live));
  }

  #send(seat: ThreadSeat, { revision, upserts, removals }: Snapshot): void {
    const { pages } = this.#options.table;
    const targetPages = pages
      .slice(seat.knownPages)
      .map(({ buffer }, index) => ({ page: seat.knownPages + index, buffer }));
    seat.knownPages = pages.length;
    seat.post({ type: 'apply', revision, targetPages, upserts, removals }, this.#sequence);
  }
}
