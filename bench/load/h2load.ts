/** h2load as the load client: HTTP/1.1 pipelining with a constant number of requests in flight per connection. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessTable } from '../processes.ts';
import { onlyOccurred, type ClientFigures } from '../sample.ts';

const EXIT_GRACE_S = 20;

export interface H2loadRun {
  readonly url: string;
  readonly connections: number;
  /** Requests in flight on every connection. */
  readonly depth: number;
  readonly seconds: number;
  readonly headers: readonly string[];
  readonly expectedBodyBytes: number;
  readonly cpus: readonly number[] | undefined;
  /** Where its log of single requests may go meanwhile. */
  readonly folder: string;
}

/** Runs h2load once, with one thread. */
export async function runH2load(processes: ProcessTable, run: H2loadRun): Promise<ClientFigures> {
  const log = join(run.folder, 'h2load.log');
  rmSync(log, { force: true });
  const args = ['--h1', '-t', '1', '-c', String(run.connections), '-m', String(run.depth), '-D', `${run.seconds}s`];
  for (const header of run.headers) args.push('-H', header);
  args.push(`--log-file=${log}`, run.url);
  const output = await processes.run(
    { name: 'h2load', file: 'h2load', args, cpus: run.cpus },
    (run.seconds + EXIT_GRACE_S) * 1000,
  );
  const latencies = parseH2loadLog(readFileSync(log, 'latin1'));
  rmSync(log, { force: true });
  return parseH2load(output, latencies, run.seconds, run.expectedBodyBytes);
}

/** The latencies, in microseconds and in ascending order, of h2load's log: lines of start time, status, duration. */
export function parseH2loadLog(log: string): Float64Array {
  const latencies: number[] = [];
  for (const line of log.split('\n')) {
    if (line === '') continue;
    const duration = Number(line.split('\t')[2] ?? NaN);
    if (!Number.isFinite(duration)) throw new Error(`h2load: not a line of its log: ${line}`);
    latencies.push(duration);
  }
  return Float64Array.from(latencies).sort();
}

/** Reads h2load's report: the lines `requests:`, `status codes:` and `traffic:`. */
export function parseH2load(
  output: string,
  latencies: Float64Array,
  seconds: number,
  expectedBodyBytes: number,
): ClientFigures {
  const requests = labelled(output, 'requests');
  const statuses = labelled(output, 'status codes');
  const count = (from: ReadonlyMap<string, number>, name: string): number => {
    const value = from.get(name);
    if (value === undefined) throw new Error(`h2load: no number of "${name}" in: ${output}`);
    return value;
  };
  const done = count(requests, 'succeeded');
  // "traffic: 208.91MB (219058884) total, 28.83MB (30228625) headers (space savings 0.00%), 236.16MB (247632896) data"
  const bytes = Number(/^traffic: \S+ \((\d+)\) total/m.exec(output)?.[1] ?? NaN);
  if (!Number.isFinite(bytes)) throw new Error(`h2load: no total of bytes in: ${output}`);
  return {
    requests: done,
    bytes,
    seconds,
    p50Us: percentile(latencies, 50),
    p99Us: percentile(latencies, 99),
    late: 0,
    errors: onlyOccurred({
      failed: count(requests, 'failed'),
      errored: count(requests, 'errored'),
      timeout: count(requests, 'timeout'),
      'status 3xx': count(statuses, '3xx'),
      'status 4xx': count(statuses, '4xx'),
      'status 5xx': count(statuses, '5xx'),
      'answers too short': bytes < done * expectedBodyBytes ? 1 : 0,
    }),
  };
}

/** The numbers of a line such as `requests: 12 total, 12 started`, by their names. */
function labelled(output: string, label: string): Map<string, number> {
  const line = new RegExp(`^${label}: (.*)$`, 'm').exec(output)?.[1];
  if (line === undefined) throw new Error(`h2load: no line "${label}:" in: ${output}`);
  return new Map([...line.matchAll(/(\d+) (\w+)/g)].map((match) => [match[2] ?? '', Number(match[1])]));
}

/** The nearest-rank percentile of ascending values; 0 of none. */
export function percentile(ascending: Float64Array, percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * ascending.length));
  return ascending[rank - 1] ?? 0;
}
