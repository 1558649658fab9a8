/** Requests that the load balancer answers by itself (those of clients in docs/faults.md among them), byte for byte. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { BUFFERS, HTTP_BODY, HTTP_HEAD } from '../../src/model/limits.ts';
import { readMessage } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { setUp, TRANSPORTS } from '../support/traffic.ts';

const BAD_REQUEST = 'HTTP/1.1 400 BAD_REQUEST\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n';
const METHOD_NOT_ALLOWED = 'HTTP/1.1 405 METHOD_NOT_ALLOWED\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

/** The answer is there, and then the end. */
async function assertRefused(client: Peer, answer: string): Promise<void> {
  await client.shutDown();
  assert.equal(client.received, answer);
}

/** Sends `request`, split in two where the answer must not depend on that, and finds it refused without a back end. */
async function refused(t: TestContext, request: string, answer = BAD_REQUEST): Promise<void> {
  const { traffic, backend } = await setUp(t);
  for (const cut of [0, Math.floor(request.length / 2), request.length - 1]) {
    const client = await traffic.dial();
    if (cut > 0) {
      client.send(request.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.send(request.slice(cut));
    await assertRefused(client, answer);
    client.socket.destroy();
  }
  assert.equal(backend.peers.length, 0, 'no back end has seen any of it');
  assert.equal(traffic.count('elb4xx'), 3);
  assert.equal(traffic.count('requests'), 3);
}

const HOST = 'Host: h\r\n';

const MALFORMED: readonly (readonly [name: string, request: string])[] = [
  ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a TLS handshake', `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\x00\x9a\x7f'.repeat(50)}\r\n\r\n`],
  ['garbage', '\x00\x01\x02\xff\xfe\r\n\r\n'],
  ['an unknown version', `GET / HTTP/2.0\r\n${HOST}\r\n`],
  ['a version that is none', `GET / HTTX/1.1\r\n${HOST}\r\n`],
  ['a NUL in a header', `GET / HTTP/1.1\r\n${HOST}A: b\x00c\r\n\r\n`],
  ['a bare CR in a header', `GET / HTTP/1.1\r\n${HOST}A: b\rc\r\n\r\n`],
  ['a NUL in the target', `GET /\x00 HTTP/1.1\r\n${HOST}\r\n`],
  ['a method with a byte that no name may have', `G{T / HTTP/1.1\r\n${HOST}\r\n`],
  ['two Host headers', `GET / HTTP/1.1\r\n${HOST}host: h\r\n\r\n`],
  ['a target that names no host', `GET http:///x HTTP/1.1\r\n${HOST}\r\n`],
  ['a target that names a port and no host', `GET https://u@:443/ HTTP/1.1\r\n${HOST}\r\n`],
  ['a target that names no host, in an odd head', `GET http:///x HTTP/1.1\n${HOST}\r\n`],
  ['a Content-Length that is no number', `POST / HTTP/1.1\r\n${HOST}Content-Length: 5x\r\n\r\nhello`],
  ['a negative Content-Length', `POST / HTTP/1.1\r\n${HOST}Content-Length: -5\r\n\r\nhello`],
  ['an empty Content-Length', `POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\nhello`],
  ['two different Content-Length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`],
  ['a list of lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 5, 5\r\n\r\nhello`],
  ['chunked that is not last', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
  [
    'chunked twice',
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['an unknown transfer coding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['more names in Connection than are looked up', `GET / HTTP/1.1\r\n${HOST}Connection: ${'a,'.repeat(33)}\r\n\r\n`],
];

describe('a request is refused for', () => {
  for (const [name, request] of MALFORMED) test(name, (t) => refused(t, request));
});

const CHUNKED = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;

const CHUNKS: readonly (readonly [name: string, body: string])[] = [
  ['a chunk size that overflows', 'FFFFFFFFFFFFFFFF\r\n'],
  ['a chunk size that overflows to a small number', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
  ['a sign in a chunk size', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a negative chunk size', '-5\r\nhello\r\n0\r\n\r\n'],
  ['0x in a chunk size', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['an underscore in a chunk size', '1_0\r\n0123456789abcdef\r\n0\r\n\r\n'],
  ['an empty chunk size', '\r\nhello\r\n0\r\n\r\n'],
  ['a blank in front of a chunk size', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['something other than an extension behind a chunk size', '5 5\r\nhello\r\n0\r\n\r\n'],
  ['a chunk line that ends in a bare LF', '5\nhello\r\n0\r\n\r\n'],
  ['a bare CR in a chunk line', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
  ['a NUL in a chunk extension', '5;a=\x00\r\nhello\r\n0\r\n\r\n'],
  ['a chunk whose data goes on', '5\r\nhello!\r\n0\r\n\r\n'],
  ['a chunk whose data ends in a bare LF', '5\r\nhello\n0\r\n\r\n'],
  ['a last chunk that ends in a bare LF', '0\n\r\n'],
  ['trailers that end in a bare LF', '0\r\nA: b\n\r\n'],
  ['a trailer without a colon', '0\r\nA\r\n\r\n'],
  ['a trailer without a name', '0\r\n: b\r\n\r\n'],
  ['a blank behind the name of a trailer', '0\r\nA : b\r\n\r\n'],
  ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
  ['a NUL in a trailer', '0\r\nA: \x00\r\n\r\n'],
  ['a chunk line over the limit', `5;${'x'.repeat(HTTP_BODY.maxChunkLineBytes)}\r\nhello\r\n0\r\n\r\n`],
  ['trailers over the limit', `0\r\nA: ${'x'.repeat(HTTP_BODY.maxTrailerBytes)}\r\n\r\n`],
  ['more trailers than the limit', `0\r\n${'A: b\r\n'.repeat(HTTP_BODY.maxTrailers + 1)}\r\n`],
];

function testTogether(name: string, body: string): void {
  test(`${name}, in one read with the head: no back end has seen the request`, async (t) => {
    const { traffic, backend } = await setUp(t);
    const client = await traffic.dial();
    client.send(CHUNKED + body);
    await assertRefused(client, BAD_REQUEST);
    assert.equal(backend.peers.length, 0);
  });
}

describe('a body is refused for', () => {
  for (const [name, body] of CHUNKS) {
    if (body.length < BUFFERS.firstRead - CHUNKED.length) testTogether(name, body);

    test(`${name}, in reads of its own: the back end cannot take what it got for the whole`, async (t) => {
      const { traffic, backend } = await setUp(t);
      const client = await traffic.dial();
      client.send(`${CHUNKED}2\r\nab\r\n`);
      const instance = await backend.accept();
      await instance.take('2\r\nab\r\n');
      client.send(body);
      await assertRefused(client, BAD_REQUEST);
      await instance.shutDown();
      assert.ok(!instance.received.includes('0\r\n'), JSON.stringify(instance.received));
    });
  }
});

/** Name, a head of which `n` is the number of bytes that are limited, the limit, the answer to one too many. */
const LIMITS: readonly (readonly [name: string, head: (n: number) => string, limit: number, answer: string])[] = [
  [
    'the request line',
    (n) => `GET /${'a'.repeat(n - 'GET / HTTP/1.1\r\n'.length)} HTTP/1.1\r\n${HOST}\r\n`,
    HTTP_HEAD.maxLineBytes,
    BAD_REQUEST,
  ],
  [
    'a header',
    (n) => `GET / HTTP/1.1\r\nA: ${'b'.repeat(n - 5)}\r\n${HOST}\r\n`,
    HTTP_HEAD.maxHeaderBytes,
    BAD_REQUEST,
  ],
  ['the head', (n) => headOf(n), HTTP_HEAD.maxBytes, BAD_REQUEST],
  ['the count of headers', (n) => `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(n)}\r\n`, HTTP_HEAD.maxHeaders, BAD_REQUEST],
  ['the method', (n) => `${'M'.repeat(n)} / HTTP/1.1\r\n${HOST}\r\n`, HTTP_HEAD.maxMethodLength, METHOD_NOT_ALLOWED],
];

/** A head of so many bytes, in headers of 8 KiB. */
function headOf(bytes: number): string {
  let head = 'GET / HTTP/1.1\r\n';
  const header = `A: ${'b'.repeat(8192 - 5)}\r\n`;
  while (head.length + header.length + 7 <= bytes) head += header;
  return `${head}A: ${'b'.repeat(bytes - head.length - 7)}\r\n\r\n`;
}

for (const transport of TRANSPORTS) {
  describe(`a request over the ${transport} transport`, () => {
    for (const [name, head, limit, answer] of LIMITS) {
      test(`passes with ${name} at the limit of ${limit}, and is refused with one more`, async (t) => {
        const { traffic, backend } = await setUp(t, { transport });
        backend.serve(() => OK);
        for (const split of [false, true]) {
          const good = await traffic.dial();
          const request = head(limit);
          if (split) {
            good.send(request.slice(0, -2));
            await new Promise((resolve) => setImmediate(resolve));
          }
          good.send(split ? request.slice(-2) : request);
          assert.match((await readMessage(good)).startLine, / 200 /);
          const bad = await traffic.dial();
          bad.send(head(limit + 1));
          await assertRefused(bad, answer);
        }
        assert.equal(traffic.count('requests'), 4);
        assert.equal(traffic.count('elb4xx'), 2);
      });

      test(`is refused with more than ${limit} of ${name} before it ends`, async (t) => {
        const { traffic, backend } = await setUp(t, { transport });
        const client = await traffic.dial();
        client.send(head(limit * 2).slice(0, -2));
        await assertRefused(client, answer);
        assert.equal(backend.peers.length, 0);
      });
    }

    test('is refused with a head over its limit however its lines end, and whether or not all reads are full', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const full = HTTP_HEAD.maxBytes + BUFFERS.firstRead;
      for (const head of [
        headOf(full + 2),
        headOf(full + 2).replaceAll('\r\n', '\n'),
        headOf(full * 2).replaceAll('\r', ''),
      ]) {
        const client = await traffic.dial();
        client.send(head.slice(0, full));
        await assertRefused(client, BAD_REQUEST);
      }
      assert.equal(backend.peers.length, 0);
    });

    test('in monitor mode is judged when it is whole, unless it begins with no method', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { desyncMitigationMode: 'monitor' } });
      const client = await traffic.dial();
      const part = `GET / HTTP/1.1\r\n${HOST}A: b\0\r\n`;
      client.send(part);
      await traffic.counted('receivedBytes', part.length);
      client.send('\r\n');
      const instance = await backend.accept();
      assert.doesNotMatch((await readMessage(instance)).head, /\r\nA:/);
      instance.send(OK);
      await readMessage(client);
      client.send('\x16\x03\x01');
      await assertRefused(client, BAD_REQUEST);
    });

    test('whose length is in doubt is the last of its connection, in monitor mode too', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { desyncMitigationMode: 'monitor' } });
      backend.serve(() => OK);
      const client = await traffic.dial();
      client.send(`POST / HTTP/1.1\r\n${HOST}Content_Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\n${HOST}\r\n`);
      assert.match((await readMessage(client)).head, /\r\nConnection: close\r\n/);
      await client.shutDown();
      assert.equal(traffic.count('requests'), 1);
    });

    test('that is refused leaves the ones before it answered, and the ones behind it unread', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      backend.serve(() => OK);
      const client = await traffic.dial();
      const good = `GET / HTTP/1.1\r\n${HOST}\r\n`;
      client.send(`${good}CONNECT x HTTP/1.1\r\n\r\n${good}`);
      await assertRefused(client, OK + BAD_REQUEST);
      assert.equal(traffic.count('requests'), 2);
    });

    test('without a back end in service gets 503, and its connection is kept', async (t) => {
      const { traffic } = await setUp(t, { transport, backendCount: 0 });
      const answer =
        'HTTP/1.1 503 Service Unavailable: Back-end server is at capacity\r\nContent-Length: 0\r\nConnection: ';
      const client = await traffic.dial();
      for (let i = 0; i < 2; i++) {
        client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
        assert.equal(await client.take('\r\n\r\n'), `${answer}keep-alive\r\n\r\n`);
      }
      client.send(`GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      assert.equal(await client.take('\r\n\r\n'), `${answer}Close\r\n\r\n`);
      await client.shutDown();
      assert.equal(traffic.count('elb5xx'), 3);
    });

    test('pipelined and without a back end gets as many 503 as there are requests', async (t) => {
      const { traffic } = await setUp(t, { transport, backendCount: 0 });
      const client = await traffic.dial();
      client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(500));
      client.end();
      await client.close();
      assert.equal(client.received.match(/HTTP\/1\.1 503 /g)?.length, 500);
    });

    test('with a body still to come and without a back end gets 503, and its connection ends', async (t) => {
      const { traffic } = await setUp(t, { transport, backendCount: 0 });
      const client = await traffic.dial();
      client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\nsome`);
      assert.match(await client.take('\r\n\r\n'), /^HTTP\/1\.1 503 .*\r\nConnection: Close\r\n\r\n$/s);
      await client.shutDown();
    });

    test('that is refused while the client goes on sending still gets its answer', async (t) => {
      const { traffic } = await setUp(t, { transport });
      const client = await traffic.dial();
      client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: x\r\n\r\n`);
      for (let i = 0; i < 50; i++) {
        client.send('x'.repeat(10_000));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await assertRefused(client, BAD_REQUEST);
    });
  });
}
