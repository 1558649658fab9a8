import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseH2load, parseH2loadLog, percentile } from '../../bench/load/h2load.ts';
import { missingBytes } from '../../bench/load/idle.ts';
import { parseWrk } from '../../bench/load/wrk.ts';
import { isValid, sampleOf } from '../../bench/sample.ts';

const WRK_OUTPUT = `Running 2s test @ http://127.0.0.1:9101/1k
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.22ms    2.14ms  40.39ms   91.91%
    Req/Sec    68.62k    17.86k  108.61k    75.00%
  136786 requests in 2.01s, 154.97MB read
Requests/sec:  68158.60
Transfer/sec:     77.22MB
figures requests=136786 bytes=162501768 microseconds=2006878 p50=549 p99=8871 connect=0 read=0 write=0 status=0 timeout=0 late=0
`;

const H2LOAD_OUTPUT = `starting benchmark...
spawning thread #0: 16 total client(s). Timing-based test with 0s of warm-up time and 2s of main duration for measurements.
Application protocol: http/1.1
Main benchmark duration is over for thread #0. Stopping all clients.

finished in 2.00s, 92196.50 req/s, 104.46MB/s
requests: 184393 total, 184393 started, 184393 done, 184393 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 184393 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 208.91MB (219058884) total, 28.83MB (30228625) headers (space savings 0.00%), 236.16MB (247632896) data
                     min         max         mean         sd        +/- sd
time for request:      141us     54.51ms      2.78ms      3.32ms    91.25%
`;

const LATENCIES = Float64Array.from([100, 200, 300, 400]);

describe('what wrk says', () => {
  test('the figures of a clean run are read and there are no errors', () => {
    assert.deepEqual(parseWrk(WRK_OUTPUT, 1024), {
      requests: 136_786,
      bytes: 162_501_768,
      seconds: 2.006878,
      p50Us: 549,
      p99Us: 8871,
      late: 0,
      errors: {},
    });
  });

  for (const [field, kind] of [
    ['connect', 'connection refused or lost'],
    ['read', 'read error'],
    ['write', 'write error'],
    ['status', 'status 4xx or 5xx'],
    ['timeout', 'timeout'],
  ] as const) {
    test(`one ${field} error makes the sample invalid`, () => {
      const figures = parseWrk(WRK_OUTPUT.replace(`${field}=0`, `${field}=1`));
      assert.deepEqual(figures.errors, { [kind]: 1 });
      const usage = { cpuSeconds: 1, residentBytes: 1 };
      assert.equal(isValid(sampleOf(figures, usage, usage)), false);
    });
  }

  test('answers that are shorter than they should be are an error', () => {
    assert.deepEqual(parseWrk(WRK_OUTPUT, 2048).errors, { 'answers too short': 1 });
  });

  test('output without the line of figures, or with a part of it missing, is refused with a reason', () => {
    assert.throws(
      () => parseWrk('unable to connect to 127.0.0.1:1 Connection refused\n'),
      /no line.*unable to connect/s,
    );
    assert.throws(() => parseWrk(WRK_OUTPUT.replace(' p99=8871', '')), /"p99" is missing/);
    assert.throws(() => parseWrk(WRK_OUTPUT.replace('p99=8871', 'p99=nan')), /"p99" is missing or not a number/);
  });
});

describe('what h2load says', () => {
  test('the figures of a clean run are read and there are no errors', () => {
    assert.deepEqual(parseH2load(H2LOAD_OUTPUT, LATENCIES, 2, 1024), {
      requests: 184_393,
      bytes: 219_058_884,
      seconds: 2,
      p50Us: 200,
      p99Us: 400,
      late: 0,
      errors: {},
    });
  });

  test('failures and statuses other than 2xx are errors', () => {
    const output = H2LOAD_OUTPUT.replace('0 failed', '3 failed').replace('0 3xx, 0 4xx, 0 5xx', '1 3xx, 2 4xx, 4 5xx');
    const { errors } = parseH2load(output, LATENCIES, 2, 1024);
    assert.deepEqual(errors, { failed: 3, 'status 3xx': 1, 'status 4xx': 2, 'status 5xx': 4 });
  });

  test('a report without one of its lines is refused with a reason', () => {
    for (const line of ['requests:', 'status codes:', 'traffic:']) {
      const output = H2LOAD_OUTPUT.replace(line, 'other:');
      assert.throws(() => parseH2load(output, LATENCIES, 2, 1024), /h2load: no/);
    }
  });

  test('its log gives the latencies in ascending order', () => {
    const log = '1795371820664273\t200\t6121\n1795371820664347\t200\t9\n1795371820664351\t200\t600\n';
    assert.deepEqual([...parseH2loadLog(log)], [9, 600, 6121]);
    assert.deepEqual([...parseH2loadLog('')], []);
    assert.throws(() => parseH2loadLog('garbage\n'), /not a line of its log: garbage/);
  });

  test('percentiles are nearest-rank', () => {
    const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);
    assert.equal(percentile(hundred, 50), 50);
    assert.equal(percentile(hundred, 99), 99);
    assert.equal(percentile(Float64Array.of(7), 99), 7);
    assert.equal(percentile(Float64Array.of(), 99), 0);
  });
});

describe('the client of idle connections', () => {
  test('an answer is whole when its head and its announced body are', () => {
    assert.equal(missingBytes('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n'), 1);
    assert.equal(missingBytes('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na'), 2);
    assert.equal(missingBytes('HTTP/1.1 200 OK\r\ncontent-length:3\r\n\r\nabc'), 0);
  });

  test('another status, no length, or a head without an end is no answer', () => {
    assert.equal(missingBytes('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'), undefined);
    assert.equal(missingBytes('HTTP/1.1 200 OK\r\n\r\nabc'), undefined);
    assert.equal(missingBytes('x'.repeat(17 * 1024)), undefined);
  });
});
