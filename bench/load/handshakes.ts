/**
 * Handshakes as the load: each on a connection of its own, full ones or resumed ones as asked, and one of the other kind is
 * an error. A program of our own, since `openssl s_time` makes one at a time and does not tell what was resumed.
 */
import { fileURLToPath } from 'node:url';
import type { ProcessTable } from '../processes.ts';
import { onlyOccurred, type ClientFigures } from '../sample.ts';
import { figuresIn } from './figures-line.ts';

const CLIENT = fileURLToPath(new URL('handshake-client.ts', import.meta.url));
const EXIT_GRACE_S = 20;

/** What the client program is told. */
export interface HandshakePlan {
  readonly host: string;
  readonly port: number;
  /** Handshakes under way at once. */
  readonly connections: number;
  readonly seconds: number;
  /** Resume one session over and over, or none. */
  readonly resume: boolean;
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers: string;
  readonly curve: string;
  /** Addresses that connections come from, in turn: who closes first keeps a port for a minute. */
  readonly sources: readonly string[];
}

/** Runs the client once, in one process. */
export async function runHandshakes(
  processes: ProcessTable,
  plan: HandshakePlan,
  cpus: readonly number[] | undefined,
): Promise<ClientFigures> {
  const args = [CLIENT, JSON.stringify(plan)];
  const command = { name: 'the client of the handshakes', file: process.execPath, args, cpus };
  return parseHandshakes(await processes.run(command, (plan.seconds + EXIT_GRACE_S) * 1000), plan.resume);
}

/** Reads the line that the client writes. */
export function parseHandshakes(output: string, resume: boolean): ClientFigures {
  const number = figuresIn('handshakes', output);
  const [wanted, other] = resume ? (['resumed', 'full'] as const) : (['full', 'resumed'] as const);
  return {
    requests: number(wanted),
    bytes: 0,
    seconds: number('microseconds') / 1e6,
    p50Us: number('p50'),
    p99Us: number('p99'),
    late: 0,
    errors: onlyOccurred({ 'failed handshake': number('failed'), [`${other} handshake`]: number(other) }),
  };
}
