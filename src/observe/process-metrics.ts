/** The process as `/metrics` shows it: versions, threads, event loops, and the `process_*` that dashboards expect. */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../kit/clock.ts';
import { THREAD_COUNTER } from '../traffic/counters.ts';
import { labels, type Exposition } from './exposition.ts';

export interface ProcessMetrics {
  readonly version: string;
  readonly ready: boolean;
  /** Revision of the store; a thread serves it as soon as its own is the same. */
  readonly revision: number;
  /** The rows of the traffic threads (traffic/counters.ts), by thread. */
  readonly threads: readonly Float64Array[];
  readonly threadRestarts: number;
  /** Of the control thread, since the last scrape. */
  readonly eventLoopDelaySeconds: number;
  readonly usage: ProcessUsage;
}

export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly startTimeSeconds: number;
  /** Undefined where the platform does not tell. */
  readonly openFileDescriptors: number | undefined;
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
}

function writeThreads(out: Exposition, { threads, eventLoopDelaySeconds }: ProcessMetrics): void {
  const perThread = (cell: number, scale: number) => {
    for (const [thread, row] of threads.entries()) out.sample(`thread="${thread}"`, row[cell]! * scale);
  };
  out.family('weir_thread_revision', 'gauge', 'Revision that the traffic thread serves.');
  perThread(THREAD_COUNTER.revision, 1);
  out.family('weir_event_loop_delay_seconds', 'gauge', 'Worst delay of the event loop of late.');
  perThread(THREAD_COUNTER.loopDelay, 0.001);
  out.sample('thread="control"', eventLoopDelaySeconds);
  out.family('weir_accept_errors_total', 'counter', 'Connections that could not be accepted.');
  perThread(THREAD_COUNTER.acceptErrors, 1);
}

const RESOLUTION_MS = 20;

/** Measures this process: what {@link ProcessMetrics} holds of it. `close` ends the measuring. */
export class ProcessMonitor {
  readonly #startTimeSeconds: number;
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor(clock: Clock) {
    this.#startTimeSeconds = clock.epochMs() / 1000 - process.uptime();
    this.#delay.enable();
  }

  /** The worst delay since the last call, in seconds. */
  takeEventLoopDelay(): number {
    // What is recorded is the time between two turns of a timer, of which the resolution is none of the loop's doing.
    const worstMs = this.#delay.count === 0 ? 0 : this.#delay.max / 1e6 - RESOLUTION_MS;
    this.#delay.reset();
    return Math.max(0, worstMs) / 1000;
  }

  usage(): ProcessUsage {
    const { user, system } = process.cpuUsage();
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      startTimeSeconds: this.#startTimeSeconds,
      openFileDescriptors: openFileDescriptors(),
    };
  }

  close(): void {
    this.#delay.disable();
  }
}

function openFileDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
