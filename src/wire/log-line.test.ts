import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  putNoRequest,
  putNumber,
  putRequest,
  putSeconds,
  putText,
  requestRoom,
  TimestampWriter,
  tlsFields,
} from './log-line.ts';
import { PARSED } from './message-head.ts';
import { RequestHead } from './request-head.ts';

const out = Buffer.alloc(128 * 1024);
const written = (put: (out: Buffer, at: number) => number): string => out.toString('latin1', 3, put(out, 3));

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

  it('text is printable ASCII without quotes and backslashes; what is not is escaped, and can be read back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const source = Buffer.from(bytes);
        const text = written((to, at) => putText(to, at, source, 0, source.length));
        assert.match(text, /^(?:[\x20!#-[\]-~]|\\x[\dA-F]{2})*$/);
        const back = text.replaceAll(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
        assert.equal(back, source.toString('latin1'));
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

describe('the request in an access log line', () => {
  const origin = { scheme: Buffer.from('https://'), port: Buffer.from(':443') };
  const request = (text: string): string => {
    const head = new RequestHead();
    const bytes = Buffer.from(text, 'latin1');
    assert.equal(head.parse(bytes, 0, bytes.length, true), PARSED.complete);
    const host = Buffer.from('127.0.0.1');
    const line = written((to, at) => putRequest(to, at, bytes, head, origin, host));
    assert.ok(line.length <= requestRoom(head, origin, host));
    return line;
  };

  it('names scheme, host, port of the listener, target and version', () => {
    for (const [head, line] of [
      ['GET / HTTP/1.1\r\nHost: www.example.com\r\n', '"GET https://www.example.com:443/ HTTP/1.1" "-"'],
      ['GET / HTTP/1.0\r\n', '"GET https://127.0.0.1:443/ HTTP/1.0" "-"'],
      ['GET /a?b=c HTTP/1.1\r\nHost: example:8443\r\n', '"GET https://example:443/a?b=c HTTP/1.1" "-"'],
      ['GET / HTTP/1.1\r\nHost: [::1]:8443\r\n', '"GET https://[::1]:443/ HTTP/1.1" "-"'],
      ['GET / HTTP/1.1\r\nHost: [::1]\r\n', '"GET https://[::1]:443/ HTTP/1.1" "-"'],
      ['OPTIONS * HTTP/1.1\r\nHost: h\r\nUser-Agent: x y\r\n', '"OPTIONS https://h:443* HTTP/1.1" "x y"'],
      ['GET http://a/b HTTP/1.1\r\nHost: h\r\n', '"GET https://h:443http://a/b HTTP/1.1" "-"'],
    ] as const) {
      assert.equal(request(`${head}\r\n`), line);
    }
  });

  it('has room reserved for it, however much of it is escaped', () => {
    const many = '"'.repeat(5000);
    assert.equal(request(`GET /${many} HTTP/1.1\r\nHost: ${many}\r\nUser-Agent: ${many}\r\n\r\n`).length, 60_031);
  });

  it('is three dashes where there is none', () => {
    assert.equal(written(putNoRequest), '"- - - " "-"');
  });
});
