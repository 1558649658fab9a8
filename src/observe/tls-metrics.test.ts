import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counterRow, HANDSHAKE_COUNTERS, makeCounters, sumCounters } from '../traffic/counters.ts';
import { handshakeCell, handshakeFailureCell } from '../traffic/handshake-counters.ts';
import { Exposition } from './exposition.ts';
import { writeCertificates, writeHandshakes } from './tls-metrics.ts';

/** The samples, without what is said about the families. */
function samples(write: (out: Exposition) => void): string[] {
  const out = new Exposition();
  write(out);
  return out
    .text()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

test('handshakes of all threads are told by version, cipher and resumption, failures by cause', () => {
  const counters = makeCounters(2);
  const count = (thread: number, cell: number) => counterRow(counters, thread)[HANDSHAKE_COUNTERS + cell]!++;
  const agreed = { protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-AES128-GCM-SHA256', resumed: false };
  count(0, handshakeCell(agreed));
  count(1, handshakeCell(agreed));
  count(1, handshakeCell({ ...agreed, resumed: true }));
  count(0, handshakeCell({ protocol: 'TLSv9', cipher: 'MAGIC', resumed: false }));
  count(0, handshakeFailureCell('ERR_SSL_NO_SHARED_CIPHER'));
  count(1, handshakeFailureCell('anything else'));
  const sum = sumCounters(counters);
  assert.deepEqual(
    samples((out) => writeHandshakes(out, [{ label: 'load_balancer="web"', sum }])),
    [
      'weir_tls_handshakes_total{load_balancer="web",version="TLSv1.2",cipher="ECDHE-RSA-AES128-GCM-SHA256",resumed="false"} 2',
      'weir_tls_handshakes_total{load_balancer="web",version="TLSv1.2",cipher="ECDHE-RSA-AES128-GCM-SHA256",resumed="true"} 1',
      'weir_tls_handshakes_total{load_balancer="web",version="other",cipher="other",resumed="false"} 1',
      'weir_tls_handshake_failures_total{load_balancer="web",cause="no_shared_cipher"} 1',
      'weir_tls_handshake_failures_total{load_balancer="web",cause="other"} 1',
    ],
  );
});

test('certificates are told with what is left of them', () => {
  const certificates = [
    { arn: 'arn:aws:iam::1:server-certificate/web', secondsLeft: 86_400.7 },
    { arn: 'arn:aws:iam::1:server-certificate/old', secondsLeft: -1.5 },
  ];
  assert.deepEqual(
    samples((out) => writeCertificates(out, certificates)),
    [
      'weir_certificate_expiry_seconds{certificate="arn:aws:iam::1:server-certificate/web"} 86400',
      'weir_certificate_expiry_seconds{certificate="arn:aws:iam::1:server-certificate/old"} -2',
    ],
  );
});
