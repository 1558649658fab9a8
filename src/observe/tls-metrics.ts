/** TLS as `/metrics` shows it: handshakes with clients, and how long certificates are still valid. */
import type { CertificateExpiry } from '../model/certificate.ts';
import { HANDSHAKE_COUNTERS } from '../traffic/counters.ts';
import { HANDSHAKE_FAILURES, HANDSHAKE_KINDS } from '../traffic/handshake-counters.ts';
import { labels, type Exposition } from './exposition.ts';

/** A load balancer's counters, all threads. */
export interface SummedCounters {
  /** `load_balancer="…"`. */
  readonly label: string;
  readonly sum: Float64Array;
}

/** What a client with each version and cipher has in common, resumed or not; a sample appears with its first handshake. */
export function writeHandshakes(out: Exposition, loadBalancers: readonly SummedCounters[]): void {
  out.family('weir_tls_handshakes_total', 'counter', 'TLS handshakes with clients that ended well.');
  const kinds = HANDSHAKE_KINDS.flatMap(({ version, cipher }) =>
    ['false', 'true'].map((resumed) => labels({ version, cipher, resumed })),
  );
  writeNonZero(out, loadBalancers, HANDSHAKE_COUNTERS, kinds);
  out.family('weir_tls_handshake_failures_total', 'counter', 'TLS handshakes with clients that failed, by cause.');
  const causes = HANDSHAKE_FAILURES.map((cause) => labels({ cause }));
  writeNonZero(out, loadBalancers, HANDSHAKE_COUNTERS + kinds.length, causes);
}

function writeNonZero(
  out: Exposition,
  loadBalancers: readonly SummedCounters[],
  firstCell: number,
  extras: readonly string[],
): void {
  for (const { label, sum } of loadBalancers) {
    for (let index = 0; index < extras.length; index++) {
      const count = sum[firstCell + index]!;
      if (count > 0) out.sample(label, count, '', extras[index]);
    }
  }
}

export function writeCertificates(out: Exposition, certificates: readonly CertificateExpiry[]): void {
  const help = 'Until the certificate is no longer valid; negative from then on.';
  out.family('weir_certificate_expiry_seconds', 'gauge', help);
  for (const { arn, secondsLeft } of certificates) out.sample(labels({ certificate: arn }), Math.floor(secondsLeft));
}
