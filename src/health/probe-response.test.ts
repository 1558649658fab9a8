import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HEALTH_CHECK } from '../model/limits.ts';
import { ProbeResponse, type Verdict } from './probe-response.ts';

/** The verdict on an answer that arrives in `pieces` and then ends. */
function judge(...pieces: (string | Buffer)[]): Verdict {
  const response = new ProbeResponse();
  for (const piece of pieces) {
    const verdict = response.feed(Buffer.from(piece as string, 'latin1'));
    if (verdict !== undefined) return verdict;
  }
  return response.end();
}

/** Whether a verdict needs no end of the connection. */
function isComplete(text: string): boolean {
  return new ProbeResponse().feed(Buffer.from(text, 'latin1')) !== undefined;
}

const GOOD = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nT: v\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 200 OK\r\n\r\nto the end',
  'HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\nto the end',
  'HTTP/1.1 200 OK\r\nServer: no body at all\r\n\r\n',
];

const BAD: readonly [string, string][] = [
  ['', 'connection closed without an answer'],
  ['HTTP/1.1 200 OK\r\nContent-Le', 'connection closed within the head'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok', 'connection closed within the body'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n', 'connection closed within the body'],
  ['HTTP/1.1 204 No Content\r\n\r\n', 'status 204'],
  ['HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n', 'status 302'],
  ['HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n', 'status 500'],
  ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'status 101'],
  ['HTTP/1.1 20 OK\r\n\r\n', 'not an HTTP response'],
  ['HTTP/2 200 OK\r\n\r\n', 'not an HTTP response'],
  ['+PONG\r\n\r\n', 'not an HTTP response'],
  ['HTTP/1.1 200 OK\r\n folded: x\r\n\r\n', 'malformed header'],
  ['HTTP/1.1 200 OK\r\nNul: a\0b\r\n\r\n', 'malformed header'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 'malformed Content-Length'],
  ['HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'malformed Content-Length'],
  ['HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n', 'malformed Content-Length'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 'Transfer-Encoding other than chunked'],
  [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
    'Transfer-Encoding other than chunked',
  ],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'malformed chunk'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n', 'malformed chunk'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok--0\r\n\r\n', 'malformed chunk'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000000\r\n', 'malformed chunk'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: v\r\n', 'connection closed within the body'],
  ['HTTP/1.1 200 OK\r\n\r\nbody', 'body without Content-Length, chunked encoding or Connection: close'],
];

test('a complete 200 is good, in every framing', () => {
  for (const text of GOOD) assert.deepEqual(judge(text), { good: true, cause: 'status 200' }, text);
});

test('a framed answer is good without waiting for the connection to end', () => {
  assert.deepEqual(GOOD.map(isComplete), [true, true, true, true, false, false, false]);
});

test('anything else is bad, and says why', () => {
  for (const [text, cause] of BAD) assert.deepEqual(judge(text), { good: false, cause }, text);
});

test('the verdict is the same however the answer is cut', () => {
  for (const text of [...GOOD, ...BAD.map(([text]) => text)]) {
    const whole = judge(text);
    assert.deepEqual(judge(...text.split('')), whole, text);
    for (let at = 1; at < text.length; at++) assert.deepEqual(judge(text.slice(0, at), text.slice(at)), whole, text);
  }
});

test('a page longer than what is read is good', () => {
  const body = 'x'.repeat(HEALTH_CHECK.maxResponseBytes);
  assert.equal(judge(`HTTP/1.1 200 OK\r\nContent-Length: ${10 * body.length}\r\n\r\n`, body).good, true);
  assert.equal(judge('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n', body).good, true);
});

test('a head without end is bad, in bounded time and memory', () => {
  const verdict = judge('HTTP/1.1 200 OK\r\n', ...Array.from({ length: 200 }, () => `${'a: '.padEnd(1022)}\r\n`));
  assert.deepEqual(verdict, { good: false, cause: `head of more than ${HEALTH_CHECK.maxResponseBytes} bytes` });
});

test('no bytes make it throw', () => {
  const fragment = fc.oneof(
    fc.constantFrom(
      'HTTP/1.1 200 OK\r\n',
      '\r\n',
      '\r\n\r\n',
      'Transfer-Encoding: chunked\r\n',
      '0\r\n',
      '5\r\nhello\r\n',
    ),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  fc.assert(fc.property(fc.array(fragment, { maxLength: 12 }), (pieces) => judge(...pieces).cause !== ''));
});
