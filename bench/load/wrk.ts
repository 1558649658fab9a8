/** wrk as the load client: keep-alive or new connections, uploads, and an open loop at a constant rate. */
import { fileURLToPath } from 'node:url';
import type { ProcessTable } from '../processes.ts';
import { onlyOccurred, type ClientFigures } from '../sample.ts';
import { figuresIn } from './figures-line.ts';

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));
/** An answer that takes longer is an error. */
const ANSWER_TIMEOUT_S = 10;
const EXIT_GRACE_S = 20;

export interface WrkRun {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers: readonly string[];
  /** POST with a body of that many bytes instead of GET. */
  readonly uploadBytes?: number | undefined;
  /** Requests per second over all connections; without it every connection sends as soon as it has its answer. */
  readonly ratePerSecond?: number | undefined;
  /** Bytes of every answer's body, to notice short ones; undefined where runs end in the middle of large ones. */
  readonly expectedBodyBytes?: number | undefined;
  readonly cpus: readonly number[] | undefined;
  /** What starts wrk, such as `chrt --fifo 1`. */
  readonly starter?: readonly string[] | undefined;
}

/** Runs wrk once, with one thread. */
export async function runWrk(processes: ProcessTable, run: WrkRun): Promise<ClientFigures> {
  const args = ['-t', '1', '-c', String(run.connections), '-d', `${run.seconds}s`, '--timeout', `${ANSWER_TIMEOUT_S}s`];
  for (const header of run.headers) args.push('-H', header);
  args.push('-s', SCRIPT, run.url, '--');
  if (run.uploadBytes !== undefined) args.push(`upload=${run.uploadBytes}`);
  if (run.ratePerSecond !== undefined) args.push(`rate=${Math.max(1, Math.round(run.ratePerSecond))}`);
  const output = await processes.run(
    { name: 'wrk', file: 'wrk', args, cpus: run.cpus, starter: run.starter },
    (run.seconds + EXIT_GRACE_S) * 1000,
  );
  return parseWrk(output, run.expectedBodyBytes);
}

/** Reads the line that `wrk.lua` writes; fails when it is not there or not whole. */
export function parseWrk(output: string, expectedBodyBytes?: number): ClientFigures {
  const number = figuresIn('wrk', output);
  const requests = number('requests');
  const bytes = number('bytes');
  return {
    requests,
    bytes,
    seconds: number('microseconds') / 1e6,
    p50Us: number('p50'),
    p99Us: number('p99'),
    late: number('late'),
    errors: onlyOccurred({
      'connection refused or lost': number('connect'),
      'read error': number('read'),
      'write error': number('write'),
      'status 4xx or 5xx': number('status'),
      timeout: number('timeout'),
      'answers too short': expectedBodyBytes !== undefined && bytes < requests * expectedBodyBytes ? 1 : 0,
    }),
  };
}
