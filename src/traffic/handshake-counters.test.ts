import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  classifyHandshakeFailure,
  HANDSHAKE_CELLS,
  HANDSHAKE_FAILURES,
  HANDSHAKE_KINDS,
  handshakeCell,
  handshakeFailureCell,
} from './handshake-counters.ts';

test('every outcome has a cell of its own, and all lie within the table', () => {
  const cells = HANDSHAKE_KINDS.flatMap(({ version, cipher }) =>
    [false, true].map((resumed) => handshakeCell({ protocol: version, cipher, resumed })),
  );
  const causes = [
    'handshake timed out',
    'the client went away',
    'crowded out by other clients',
    'ERR_SSL_HTTP_REQUEST',
    'ERR_SSL_UNSUPPORTED_PROTOCOL',
  ];
  for (const cause of [...causes, 'ERR_SSL_NO_SHARED_CIPHER', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', '']) {
    cells.push(handshakeFailureCell(cause));
  }
  assert.deepEqual(
    cells.toSorted((a, b) => a - b),
    Array.from({ length: HANDSHAKE_CELLS }, (_, cell) => cell),
  );
});

test('what no policy offers shares one cell', () => {
  const other = handshakeCell({ protocol: 'other', cipher: 'other', resumed: false });
  assert.equal(handshakeCell({ protocol: 'TLSv1', cipher: 'ECDHE-RSA-AES128-GCM-SHA256', resumed: false }), other);
  assert.equal(handshakeCell({ protocol: 'SSLv3', cipher: 'RC4-MD5', resumed: false }), other);
});

test('failures are told apart by what an operator can do about them', () => {
  const cases: Readonly<Record<string, string>> = {
    'handshake timed out': 'timeout',
    'the client went away': 'closed',
    ECONNRESET: 'closed',
    'no ClientHello': 'not_tls',
    'crowded out by other clients': 'crowded_out',
    ERR_SSL_HTTP_REQUEST: 'not_tls',
    ERR_SSL_WRONG_VERSION_NUMBER: 'not_tls',
    ERR_SSL_UNSUPPORTED_PROTOCOL: 'unsupported_version',
    ERR_SSL_NO_SHARED_CIPHER: 'no_shared_cipher',
    'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN': 'client_alert',
    ERR_SSL_BAD_EXTENSION: 'other',
    '': 'other',
  };
  for (const [cause, failure] of Object.entries(cases)) assert.equal(classifyHandshakeFailure(cause), failure, cause);
  assert.equal(HANDSHAKE_FAILURES.at(-1), 'other');
});
