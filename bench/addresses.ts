/**
 * Who listens where. Only loopback: every run has its own part of 127.0.0.0/8, so that two runs do not meet, and every
 * peer has its own addresses in it, for itself and for its back ends. A connection that was closed blocks its
 * (address, port, address, port) for a minute (TIME_WAIT), so with shared back-end addresses the peer that comes
 * second would find the ports used up by the first.
 */
export const HTTP_PORT = 8080;
export const TCP_PORT = 8090;
export const API_PORT = 7600;
export const BACKEND_PORT = 9101;
const MAX_PEERS = 200;

export interface Addresses {
  /** Where the peer listens: HTTP on {@link HTTP_PORT}, TCP on {@link TCP_PORT}. */
  readonly front: string;
  /** Weir only: the address of its API, on {@link API_PORT}. */
  readonly api: string;
  /** The instances behind it, on {@link BACKEND_PORT}. */
  readonly backends: readonly string[];
  /** Where a client with very many connections opens them from, in turn. */
  readonly sources: readonly string[];
}

/** The addresses of the peer number `index` in the run of the process `pid`. */
export function addressesFor(pid: number, index: number): Addresses {
  if (index < 0 || index >= MAX_PEERS) throw new Error(`a run has at most ${MAX_PEERS} peers`);
  const prefix = `127.${100 + (pid % 150)}.${10 + index}`;
  return {
    front: `${prefix}.1`,
    api: `${prefix}.2`,
    backends: [`${prefix}.11`, `${prefix}.12`],
    sources: Array.from({ length: 10 }, (_, i) => `${prefix}.${101 + i}`),
  };
}
