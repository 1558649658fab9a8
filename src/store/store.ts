/**
 * State behind one interface: read at a revision, commit if the revision is unchanged, watch.
 * Implementations keep the whole state in memory as parsed, frozen records, so that reading is synchronous and cheap.
 */
import type { Certificate } from '../model/certificate.ts';
import { COOKIE_KEY_RECORD, type CookieKeys } from '../model/cookie-key.ts';
import type { LoadBalancer, LoadBalancerId } from '../model/load-balancer.ts';
import { TICKET_KEY_RECORD, type TicketKey } from '../model/ticket-key.ts';

/** Kinds of record and their types. */
export interface RecordTypes {
  /** By ARN. */
  certificate: Certificate;
  'cookie-key': CookieKeys;
  'load-balancer': LoadBalancer;
  'ticket-key': TicketKey;
}
export type RecordKind = keyof RecordTypes;

/** A consistent, immutable state. */
export interface View {
  /** Grows by one with each commit; 0 for the empty store. */
  readonly revision: number;
  get<K extends RecordKind>(kind: K, key: string): RecordTypes[K] | undefined;
  /** All records of the kind whose key starts with `prefix`, in ascending order of key. */
  list<K extends RecordKind>(kind: K, prefix?: string): readonly RecordTypes[K][];
}

export type Change = {
  [K in RecordKind]:
    | { readonly kind: K; readonly key: string; readonly record: RecordTypes[K] }
    | { readonly kind: K; readonly key: string; readonly record: undefined };
}[RecordKind];

export type CommitResult =
  | { readonly outcome: 'committed'; readonly revision: number }
  /** Somebody else committed since `expectedRevision`: read again, decide again. */
  | { readonly outcome: 'conflict'; readonly revision: number }
  /** The state could not be written (disk full, fsync failed); nothing changed. */
  | { readonly outcome: 'failed'; readonly message: string };

export type Watcher = (view: View, changes: readonly Change[]) => void;

export interface Store {
  /** The state as of the latest commit. */
  view(): View;
  /**
   * Makes all `changes` durable in one transaction, or none. Resolves once they survive a kill.
   * Never throws for what a disk can do: that is `failed`.
   */
  commit(expectedRevision: number, changes: readonly Change[]): Promise<CommitResult>;
  /** Calls `watcher` after each commit, in order. Returns what ends it. */
  watch(watcher: Watcher): () => void;
  close(): Promise<void>;
}

export function loadBalancerChange(id: LoadBalancerId, record: LoadBalancer | undefined): Change {
  return { kind: 'load-balancer', key: id, record };
}

export function certificateChange(arn: string, record: Certificate | undefined): Change {
  return { kind: 'certificate', key: arn, record };
}

export function ticketKeyChange(record: TicketKey): Change {
  return { kind: 'ticket-key', key: TICKET_KEY_RECORD, record };
}

export function cookieKeysChange(record: CookieKeys): Change {
  return { kind: 'cookie-key', key: COOKIE_KEY_RECORD, record };
}
