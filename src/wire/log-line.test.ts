import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { written } from '../../test/support/log-line.ts';
import { putNumber, putSeconds, TimestampWriter, tlsFields } from './log-line.ts';

describe('parts of access log lines', () => {
  it('numbers are written as people write them', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        assert.equal(
          written((to, at) => putNumber(to, at, value)),
          String(value),
        );
      }),
    );
    for (const value of [0, 9, 10, 99, 100, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
      assert.equal(
        written((to, at) => putNumber(to, at, value)),
        String(value),
      );
    }
  });

  it('times are seconds with six decimals, and -1 where there is none', () => {
    const seconds = (ms: number) => written((to, at) => putSeconds(to, at, ms));
    for (const [ms, text] of [
      [0.073, '0.000073'],
      [1.048, '0.001048'],
      [0, '0.000000'],
      [999.9999, '1.000000'],
      [59_999.9994, '59.999999'],
      [4_000_123.4567, '4000.123457'],
      [-1, '-1'],
    ] as const) {
      assert.equal(seconds(ms), text);
    }
    fc.assert(
      fc.property(fc.maxSafeNat(), (micros) => {
        const value = micros % 1e13;
        const digits = String(value).padStart(7, '0');
        assert.equal(seconds(value / 1000), `${digits.slice(0, -6)}.${digits.slice(-6)}`);
      }),
    );
  });

  it('timestamps are ISO 8601 with microseconds, whatever day came before', () => {
    const timestamps = new TimestampWriter();
    const text = (epochMs: number) => written((to, at) => timestamps.put(to, at, epochMs));
    assert.equal(text(Date.UTC(2015, 4, 13, 23, 39, 43) + 945.958), '2015-05-13T23:39:43.945958Z');
    assert.equal(text(Date.UTC(2024, 1, 29, 23, 59, 59) + 999.9997), '2024-03-01T00:00:00.000000Z');
    fc.assert(
      fc.property(fc.nat(4_102_444_800_000), fc.nat(999), (ms, micros) => {
        const expected = `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
        assert.equal(text(ms + micros / 1000), expected);
      }),
    );
  });

  it('cipher suites have no underscores', () => {
    const text = (cipher: string, protocol: string) => tlsFields({ cipher, protocol }).toString();
    assert.equal(text('ECDHE-RSA-AES128-GCM-SHA256', 'TLSv1.2'), ' ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2\n');
    assert.equal(text('TLS_AES_256_GCM_SHA384', 'TLSv1.3'), ' TLS-AES-256-GCM-SHA384 TLSv1.3\n');
    assert.equal(tlsFields(undefined).toString(), ' - -\n');
  });
});
