/**
 * Newcomers: who comes while others, whose requests never end, keep the peer busy; asks once, and goes. Each waits to be
 * accepted, for its turn to ask, and for its answer. They come at their rate, whatever becomes of those before.
 */
import { fileURLToPath } from 'node:url';
import type { ProcessTable } from '../processes.ts';
import { onlyOccurred, type ClientFigures } from '../sample.ts';
import { figuresIn } from './figures-line.ts';

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
  const number = figuresIn('newcomers', output);
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
