/** The process as `/metrics` shows it: versions, threads, event loops, and the `process_*` that dashboards expect. */
import { readdirSync } from 'node:fs';
import type { Clock, Timer } from '../kit/clock.ts';
import { maxOpenFiles } from '../kit/open-files.ts';
import { TICK_MS } from '../kit/timer-wheel.ts';
import { LOOP_DELAY_BUCKETS, observeLoopDelay, THREAD_COUNTER, THREAD_ROW_CELLS } from '../traffic/counters.ts';
import { labels, type Exposition } from './exposition.ts';

export interface ProcessMetrics {
  readonly version: string;
  readonly ready: boolean;
  /** Revision of the store; a thread serves it as soon as its own is the same. */
  readonly revision: number;
  readonly threads: readonly ThreadMetrics[];
  readonly threadRestarts: number;
  /** A row like theirs, for the event loop of the control thread. */
  readonly control: Float64Array;
  readonly usage: ProcessUsage;
}

/** One traffic thread. */
export interface ThreadMetrics {
  /** Its cells (traffic/counters.ts, THREAD_COUNTER). */
  readonly row: Float64Array;
  /** False while it is being replaced. */
  readonly live: boolean;
}

export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly startTimeSeconds: number;
  /** Undefined where the platform does not tell. */
  readonly openFileDescriptors: number | undefined;
  readonly maxFileDescriptors: number | undefined;
}

export function writeProcessMetrics(out: Exposition, metrics: ProcessMetrics): void {
  const one = (name: string, type: 'counter' | 'gauge', help: string, value: number, label = '') => {
    out.family(name, type, help);
    out.sample(label, value);
  };
  const build = labels({ version: metrics.version, node: process.versions.node });
  one('weir_build_info', 'gauge', 'Always 1; the labels say what runs.', 1, build);
  one('weir_ready', 'gauge', '1 while /-/ready answers 200.', metrics.ready ? 1 : 0);
  one('weir_configuration_revision', 'gauge', 'Revision of the state.', metrics.revision);
  writeThreads(out, metrics);
  one('weir_thread_restarts_total', 'counter', 'Traffic threads replaced.', metrics.threadRestarts);
  const { usage } = metrics;
  one('process_cpu_seconds_total', 'counter', 'User and system CPU time.', usage.cpuSeconds);
  one('process_resident_memory_bytes', 'gauge', 'Resident memory.', usage.residentBytes);
  one('process_start_time_seconds', 'gauge', 'Start of the process, in seconds since 1970.', usage.startTimeSeconds);
  if (usage.openFileDescriptors !== undefined) {
    one('process_open_fds', 'gauge', 'Open file descriptors.', usage.openFileDescriptors);
  }
  if (usage.maxFileDescriptors !== undefined) {
    one('process_max_fds', 'gauge', 'Most file descriptors that may be open.', usage.maxFileDescriptors);
  }
}

function writeThreads(out: Exposition, { threads, control }: ProcessMetrics): void {
  const perThread = (valueOf: (thread: ThreadMetrics) => number) => {
    for (const [number, thread] of threads.entries()) out.sample(`thread="${number}"`, valueOf(thread));
  };
  out.family('weir_thread_up', 'gauge', '1 while the traffic thread runs, 0 while it is being replaced.');
  perThread(({ live }) => (live ? 1 : 0));
  out.family('weir_thread_revision', 'gauge', 'Revision that the traffic thread serves.');
  perThread(({ row }) => row[THREAD_COUNTER.revision]!);
  out.family('weir_accept_errors_total', 'counter', 'Connections that could not be accepted.');
  perThread(({ row }) => row[THREAD_COUNTER.acceptErrors]!);
  const help = `How late a timer comes that is due every ${TICK_MS} ms.`;
  out.family('weir_event_loop_delay_seconds', 'histogram', help);
  for (const [number, { row }] of threads.entries()) writeLoopDelay(out, String(number), row);
  writeLoopDelay(out, 'control', control);
}

function writeLoopDelay(out: Exposition, thread: string, row: Float64Array): void {
  const { loopDelayBuckets, loopDelaySum } = THREAD_COUNTER;
  out.histogram(`thread="${thread}"`, LOOP_DELAY_BUCKETS, row, loopDelayBuckets, row[loopDelaySum]!);
}

/** Measures this process: what {@link ProcessMetrics} holds of it. `close` ends the measuring. */
export class ProcessMonitor {
  /** The control thread's, as traffic threads have theirs. */
  readonly row = new Float64Array(THREAD_ROW_CELLS);
  readonly #startTimeSeconds: number;
  readonly #ticks: Timer;

  constructor(clock: Clock) {
    this.#startTimeSeconds = clock.epochMs() / 1000 - process.uptime();
    let beforeMs = clock.monotonicMs();
    this.#ticks = clock.every(TICK_MS, () => {
      const nowMs = clock.monotonicMs();
      observeLoopDelay(this.row, Math.max(0, nowMs - beforeMs - TICK_MS) / 1000);
      beforeMs = nowMs;
    });
  }

  usage(): ProcessUsage {
    const { user, system } = process.cpuUsage();
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      startTimeSeconds: this.#startTimeSeconds,
      openFileDescriptors: openFileDescriptors(),
      maxFileDescriptors: maxOpenFiles(),
    };
  }

  close(): void {
    this.#ticks.cancel();
  }
}

function openFileDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
