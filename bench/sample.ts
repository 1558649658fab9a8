/** One measurement of one peer. */
import type { Usage } from './cpu.ts';

/** What a load client saw. */
export interface ClientFigures {
  readonly requests: number;
  /** Everything it received, heads included. */
  readonly bytes: number;
  readonly seconds: number;
  /** Latencies in microseconds. */
  readonly p50Us: number;
  readonly p99Us: number;
  /** Open loop: requests that no connection was free for when they were due; their wait is not in the latencies. */
  readonly late: number;
  /** What went wrong, by kind: anything in here makes the sample invalid. */
  readonly errors: Readonly<Record<string, number>>;
  /** `newcomers`: requests of those who are connected. */
  readonly connectedPerSecond?: number;
}

export interface Sample extends ClientFigures {
  /** User and system time of the whole process, its threads and its children, during the run of the client. */
  readonly cpuSeconds: number;
  /** Resident memory of the same at the end of the run. */
  readonly residentBytes: number;
  /** CPUs that other programs on the machine kept busy meanwhile. */
  readonly othersCpus?: number;
  /** `latency-70`: the rate that was asked for. */
  readonly offeredPerSecond?: number;
  /** `idle`: what each connection added to the resident memory. */
  readonly bytesPerConnection?: number;
}

/** A sample from what the client saw and what the process had used before and after. */
export function sampleOf(client: ClientFigures, before: Usage, after: Usage): Sample {
  return { ...client, cpuSeconds: after.cpuSeconds - before.cpuSeconds, residentBytes: after.residentBytes };
}

/** Whether the figures count: there were requests, and nothing went wrong. */
export function isValid(sample: Sample): boolean {
  return sample.requests > 0 && Object.keys(sample.errors).length === 0;
}

/** The kinds that did occur. */
export function onlyOccurred(errors: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(errors).filter(([, count]) => count > 0));
}
