/**
 * Newcomers: who comes while others, whose requests never end, keep the peer busy; asks once, and goes. Each waits to be
 * accepted, for its turn to ask, and for its answer. They come at their rate, whatever becomes of those before.
 */
import { fileURLToPath } from 'node:url';
import type { ProcessTable } from '../processes.ts';
import { onlyOccurred, type ClientFigures } from '../sample.ts';

const CLIENT = fileURLToPath(new URL('newcomers-client.ts', import.meta.url));
const EXIT_GRACE_S = 20;

/** What the client program is told. */
export interface NewcomersPlan {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Addresses that connections come from, in turn: who closes first keeps a port for a minute. */
  readonly sources: readonly string[];
}

/** Runs the client once, in one process. */
export async function runNewcomers(
  processes: ProcessTable,
  plan: NewcomersPlan,
  cpus: readonly number[] | undefined,
): Promise<ClientFigures> {
  const args = [CLIENT, JSON.stringify(plan)];
  const command = { name: 'the newcomers', file: process.execPath, args, cpus };
  return parseNewcomers(await processes.run(command, (plan.seconds + EXIT_GRACE_S) * 1000));
}

/** Reads the line that the client writes. */
export function parseNewcomers(output: string): ClientFigures {
  const line = /^figures (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`newcomers: no line that starts with "figures" in: ${output}`);
  const fields = new Map(line.split(' ').map((field) => field.split('=', 2) as [string, string | undefined]));
  const number = (name: string): number => {
    const value = Number(fields.get(name) ?? NaN);
    if (!Number.isFinite(value)) throw new Error(`newcomers: "${name}" is missing or not a number in: ${line}`);
    return value;
  };
  return {
    requests: number('answered'),
    bytes: number('bytes'),
    seconds: number('microseconds') / 1e6,
    p50Us: number('p50'),
    p99Us: number('p99'),
    late: 0,
    errors: onlyOccurred({ 'newcomer without an answer': number('unanswered') }),
  };
}
