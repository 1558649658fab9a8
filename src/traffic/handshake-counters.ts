/**
 * What handshakes with clients agreed on, and what they failed with: cells of a load balancer's row of counters
 * (traffic/counters.ts). The tables are bounded by what a policy can offer, not by what clients think of.
 */
import { negotiableCiphers } from '../model/ssl-policy-resolve.ts';
import {
  HANDSHAKE_CROWDED_OUT,
  HANDSHAKE_NOT_BEGUN,
  HANDSHAKE_TIMED_OUT,
  HANDSHAKE_WENT_AWAY,
  type TlsInfo,
} from '../transport/transport.ts';

/** By number; the last takes what is not in the table. */
export const HANDSHAKE_KINDS: readonly { readonly version: string; readonly cipher: string }[] = [
  ...negotiableCiphers(),
  { version: 'other', cipher: 'other' },
];

/** By number; the last takes all others. */
export const HANDSHAKE_FAILURES = [
  'timeout',
  'closed',
  'not_tls',
  'unsupported_version',
  'no_shared_cipher',
  'client_alert',
  'crowded_out',
  'other',
] as const;
export type HandshakeFailure = (typeof HANDSHAKE_FAILURES)[number];

/** Two cells for each kind, the second for resumed ones; then one for each failure. */
export const HANDSHAKE_CELLS = 2 * HANDSHAKE_KINDS.length + HANDSHAKE_FAILURES.length;

const KIND_NUMBERS: ReadonlyMap<string, number> = new Map(
  HANDSHAKE_KINDS.map(({ version, cipher }, number) => [`${version} ${cipher}`, number]),
);

/** Where a handshake that ended well is counted, from the first of these cells on. */
export function handshakeCell({ protocol, cipher, resumed }: TlsInfo): number {
  const kind = KIND_NUMBERS.get(`${protocol} ${cipher}`) ?? HANDSHAKE_KINDS.length - 1;
  return 2 * kind + (resumed ? 1 : 0);
}

/** Where a handshake that failed is counted; `cause` as {@link ServerTls.onHandshake} has it. */
export function handshakeFailureCell(cause: string): number {
  return 2 * HANDSHAKE_KINDS.length + HANDSHAKE_FAILURES.indexOf(classifyHandshakeFailure(cause));
}

/** By OpenSSL's code, in Node's spelling (`ERR_SSL_…`), or the system's. */
export function classifyHandshakeFailure(cause: string): HandshakeFailure {
  if (cause === HANDSHAKE_TIMED_OUT) return 'timeout';
  if (cause === HANDSHAKE_WENT_AWAY || cause === 'ECONNRESET' || cause === 'EPIPE') return 'closed';
  if (cause === HANDSHAKE_NOT_BEGUN) return 'not_tls';
  if (cause === HANDSHAKE_CROWDED_OUT) return 'crowded_out';
  if (/_ALERT_/.test(cause)) return 'client_alert';
  if (/NO_SHARED_CIPHER|NO_CIPHERS_AVAILABLE/.test(cause)) return 'no_shared_cipher';
  if (/UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|INAPPROPRIATE_FALLBACK/.test(cause)) return 'unsupported_version';
  if (/HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|UNKNOWN_PROTOCOL|PACKET_LENGTH_TOO_LONG/.test(cause)) {
    return 'not_tls';
  }
  return 'other';
}
