/** What a peer is to the bench: a program that is started in front of the back ends, measured, and ended. */
import { HTTP_PORT, TCP_PORT, type Addresses } from '../addresses.ts';
import type { ManagedProcess, ProcessTable } from '../processes.ts';
import type { BenchCertificates } from '../tls.ts';

/** A way to start one of the programs that are compared. */
export interface Peer {
  /** Names its row: `weir`, `haproxy`, `weir:old-checkout` … */
  readonly label: string;
  /** Program and version, for the record. */
  version(): string;
  start(plan: PeerPlan): Promise<ManagedProcess>;
  /** Undefined where the bench does not know how. */
  readonly accessLog?: AccessLog;
}

/** The access log of the program that runs at `addresses`, switched while it carries traffic. */
export interface AccessLog {
  switch(addresses: Addresses, on: boolean): Promise<void>;
  /** How many requests it has answered, ever. */
  requests(addresses: Addresses): Promise<number>;
}

/** Where and how large a peer is started. */
export interface PeerPlan {
  readonly processes: ProcessTable;
  readonly addresses: Addresses;
  /** An empty folder of its own. */
  readonly folder: string;
  /** Threads (or worker processes) that carry traffic. */
  readonly threads: number;
  /** The CPUs it may use; undefined for all. */
  readonly cpus: readonly number[] | undefined;
  /** Of its HTTPS listeners; undefined where the scenario has none. */
  readonly certificates: BenchCertificates | undefined;
}

export function httpUrl(addresses: Addresses, path: string): string {
  return `http://${addresses.front}:${HTTP_PORT}${path}`;
}

/** The same path through the peer's layer 4 listener. */
export function tcpUrl(addresses: Addresses, path: string): string {
  return `http://${addresses.front}:${TCP_PORT}${path}`;
}
