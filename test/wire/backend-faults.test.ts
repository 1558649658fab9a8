/** What a back end can do wrong, or slowly (spec/faults.md, back end). Which requests are sent again: retries.test.ts. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { HTTP_BODY, HTTP_HEAD, MAX_INTERIM_RESPONSES } from '../../src/model/limits.ts';
import { readMessage } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { standstill } from '../support/standstill.ts';
import { setUp, TRANSPORTS, type SetUp } from '../support/traffic.ts';

const IDLE_MS = 1000;
const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234';
const BAD_GATEWAY = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n';
const TIMED_OUT = 'HTTP/1.1 504 GATEWAY_TIMEOUT\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function soon(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Responses that cannot be relayed: 502, and the connection is not used again. */
const BROKEN: readonly (readonly [name: string, response: string])[] = [
  ['bytes that are no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
  ['HTTP/0.9, as a body without a head', '<html>hello</html>'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['a status that is no number', 'HTTP/1.1 2x0 OK\r\n\r\n'],
  ['two blanks in front of the status', 'HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a status line that ends in a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
  ['a header that ends in a bare LF', 'HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n'],
  ['an empty line of a bare LF', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n'],
  ['two different Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!'],
  ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok'],
  ['a negative Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok'],
  ['an empty Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok'],
  ['a Content-Length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok'],
  ['a Content-Length beyond all reason', `HTTP/1.1 200 OK\r\nContent-Length: ${'9'.repeat(20)}\r\n\r\nok`],
  ['chunked that is not last', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
  ['chunked twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a bad chunk size with the head', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  [
    'a chunk size that overflows with the head',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n',
  ],
  ['a NUL in a header', 'HTTP/1.1 200 OK\r\nA: \x00\r\nContent-Length: 0\r\n\r\n'],
  ['a bare CR in a header', 'HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n'],
  ['an empty header name', 'HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n'],
  ['a blank behind a header name', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
  ['a header without a colon', 'HTTP/1.1 200 OK\r\nA\r\nContent-Length: 0\r\n\r\n'],
  ['a folded header', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
  ['a blank line of blanks', 'HTTP/1.1 200 OK\r\n \r\nContent-Length: 0\r\n\r\n'],
  ['a control byte in the reason phrase', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n'],
  ['a header of 64 KB', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(65_536)}\r\n\r\n`],
  ['a header of 64 KB that does not end', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(65_536)}`],
  ['3,000 headers', `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(3000)}\r\n`],
  ['a head over 64 KB', `HTTP/1.1 200 OK\r\n${`A: ${'b'.repeat(8000)}\r\n`.repeat(9)}\r\n`],
  ['a reason phrase without an end', `HTTP/1.1 200 ${'O'.repeat(2 * HTTP_HEAD.maxLineBytes)}`],
];

for (const transport of TRANSPORTS) {
  /** A client whose request has reached the back end. */
  async function asked(t: TestContext, request = GET): Promise<SetUp & { client: Peer; instance: Peer }> {
    const around = await setUp(t, { transport, settings: { idleTimeoutMs: IDLE_MS } });
    const client = await around.traffic.dial();
    client.send(request);
    const instance = await around.backend.accept();
    await instance.take(request.slice(-4));
    return { ...around, client, instance };
  }

  describe(`over the ${transport} transport, a back end that sends`, () => {
    for (const [name, response] of BROKEN) {
      test(`${name} makes a 502, and is asked the next over a new connection`, async (t) => {
        const { traffic, client, instance, backend } = await asked(t);
        instance.send(response);
        assert.equal(await client.take('\r\n\r\n'), BAD_GATEWAY);
        await instance.shutDown();
        client.send(GET);
        const fresh = await backend.accept();
        await fresh.take('\r\n\r\n');
        fresh.send(OK);
        assert.equal((await readMessage(client)).body, 'ok');
        assert.equal(client.received, '');
        assert.equal(traffic.count('elb5xx'), 1);
        assert.equal(traffic.count('backend2xx'), 1);
      });
    }

    test('what is no response to an unfinished request makes a 502, and ends the connection', async (t) => {
      const { client, instance } = await asked(t, POST);
      instance.send('nonsense');
      assert.equal(await client.take('\r\n\r\n'), BAD_GATEWAY.replace('keep-alive', 'Close'));
      await client.shutDown();
      await instance.shutDown();
    });

    test('part of a head and stalls makes a 504 at the idle timeout', async (t) => {
      for (const part of ['H', 'HTTP/1.1 200 OK\r\nContent-', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(16_000)}`]) {
        const { traffic, client, instance } = await asked(t);
        instance.send(part);
        await soon();
        traffic.pass(IDLE_MS);
        assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
        await client.shutDown();
        await instance.shutDown();
      }
    });

    test('part of a head and closes makes a 502', async (t) => {
      for (const how of ['end', 'reset'] as const) {
        const { client, instance } = await asked(t);
        instance.send('HTTP/1.1 200 OK\r\nContent-');
        await soon();
        instance[how]();
        assert.equal(await client.take('\r\n\r\n'), BAD_GATEWAY);
      }
    });

    test('a bad chunk after the head cuts the client, which cannot take what it got for the whole', async (t) => {
      for (const bad of [
        'zz\r\n',
        '3\nabc\r\n',
        '3\r\nabcd\r\n',
        '0\r\nA b\r\n\r\n',
        '0\r\n\rx',
        `0;${'x'.repeat(HTTP_BODY.maxChunkLineBytes)}`,
      ]) {
        const { traffic, client, instance } = await asked(t);
        instance.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
        await client.take('3\r\nabc\r\n');
        instance.send(bad);
        assert.equal(await client.close(), 'ECONNRESET');
        assert.doesNotMatch(client.received, /^0\r\n/m);
        await instance.shutDown();
        assert.equal(traffic.outstanding(0), 0);
      }
    });

    test('less than it announced and closes leaves the client cut short', async (t) => {
      for (const how of ['end', 'reset'] as const) {
        for (const [framing, part] of [
          ['Content-Length: 10', 'hello'],
          ['Transfer-Encoding: chunked', '5\r\nhello\r\n'],
          ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\nT: 1\r\n'],
        ] as const) {
          const { client, instance } = await asked(t);
          instance.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${part}`);
          await client.take('hello');
          instance[how]();
          assert.equal(await client.close(), 'ECONNRESET');
          assert.ok(client.received === '' || client.received === '\r\n', JSON.stringify(client.received));
        }
      }
    });

    test('a body without an end of its own and breaks off leaves the client cut short', async (t) => {
      const { client, instance } = await asked(t);
      instance.send('HTTP/1.1 200 OK\r\n\r\nhello');
      await client.take('hello');
      instance.reset();
      assert.equal(await client.close(), 'ECONNRESET');
    });

    test('part of a body and stalls is cut at the idle timeout, and so is the client', async (t) => {
      for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked', 'A: b']) {
        const { traffic, client, instance } = await asked(t);
        instance.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nhello`);
        await client.take('hello');
        traffic.pass(IDLE_MS);
        assert.equal(await client.close(), 'ECONNRESET');
        await instance.shutDown();
        assert.equal(traffic.outstanding(0), 0);
      }
    });

    test('a body slowly is given time as long as something moves', async (t) => {
      const { traffic, client, instance } = await asked(t);
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
      for (const byte of 'hello') {
        traffic.pass(IDLE_MS - 200);
        instance.send(byte);
        await client.take(byte);
      }
    });

    test(`at most ${MAX_INTERIM_RESPONSES} interim responses has them relayed`, async (t) => {
      const { client, instance } = await asked(t);
      const interim = 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(MAX_INTERIM_RESPONSES);
      instance.send(interim);
      assert.equal(await client.takeBytes(interim.length), interim);
      instance.send(OK);
      assert.equal(await client.take('ok'), OK);
    });

    test('1,000 interim responses makes a 502', async (t) => {
      for (const pause of [false, true]) {
        const { client, instance } = await asked(t);
        for (let i = 0; i < 10; i++) {
          instance.send('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100));
          if (pause) await soon();
        }
        const interim = 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(MAX_INTERIM_RESPONSES);
        assert.equal(await client.takeBytes(interim.length + BAD_GATEWAY.length), interim + BAD_GATEWAY);
        await instance.shutDown();
      }
    });

    test('its answer before the upload has ended has it relayed, and both connections end', async (t) => {
      const { traffic, client, instance, backend } = await asked(t, POST);
      instance.send('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig');
      assert.equal(
        await client.take('big'),
        'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig',
      );
      client.send('56789' + GET);
      await client.shutDown();
      await instance.shutDown();
      assert.equal(traffic.count('backend4xx'), 1);
      assert.equal(backend.peers.length, 1);
    });

    test('bytes behind a complete response, or with no request, is never used again, and they reach nobody', async (t) => {
      for (const when of ['with', 'after'] as const) {
        const { client, instance, backend } = await asked(t);
        const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
        instance.send(when === 'with' ? OK + evil : OK);
        assert.equal((await readMessage(client)).body, 'ok');
        if (when === 'after') instance.send(evil);
        await instance.shutDown();
        client.send(GET);
        const fresh = await backend.accept();
        await fresh.take('\r\n\r\n');
        fresh.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood');
        assert.equal((await readMessage(client)).body, 'good');
      }
    });

    test('a whole response and half-closes has completed it, and is not used again', async (t) => {
      const { client, instance, backend } = await asked(t);
      instance.send(OK);
      instance.end();
      assert.equal((await readMessage(client)).body, 'ok');
      await instance.shutDown();
      client.send(GET);
      const fresh = await backend.accept();
      await fresh.take('\r\n\r\n');
      fresh.send(OK);
      assert.equal((await readMessage(client)).body, 'ok');
    });

    test('a whole response, but reads none of the request, is not used again', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const client = await traffic.dial();
      const size = 16 * 1024 * 1024;
      client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n`);
      client.send(Buffer.alloc(size));
      const instance = await backend.accept();
      instance.pause();
      instance.send(OK);
      assert.match(await client.take('ok'), /\r\nConnection: close\r\n/);
      instance.resume();
      await instance.shutDown();
      assert.ok(instance.socket.bytesRead < size);
    });
  });

  describe(`over the ${transport} transport, a back end that`, () => {
    test('accepts and resets, or reads the request and closes, makes a 504', async (t) => {
      for (const how of ['end', 'reset'] as const) {
        for (const request of [GET, POST]) {
          const { client, instance } = await asked(t, request);
          instance[how]();
          assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
          await client.shutDown();
        }
      }
    });

    test('never answers makes a 504 at the idle timeout, not earlier', async (t) => {
      const { traffic, client, instance } = await asked(t);
      traffic.pass(IDLE_MS - 200);
      assert.equal(client.received, '');
      traffic.pass(200);
      assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
      await client.shutDown();
      await instance.shutDown();
      assert.equal(traffic.outstanding(0), 0);
      assert.equal(traffic.count('elb5xx'), 1);
    });

    test('takes no more of an upload makes a 504 at the idle timeout, and stops the client meanwhile', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { idleTimeoutMs: IDLE_MS } });
      const client = await traffic.dial();
      const size = 64 * 1024 * 1024;
      client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n`);
      const instance = await backend.accept();
      await instance.take('\r\n\r\n');
      instance.pause();
      const chunk = Buffer.alloc(1024 * 1024);
      for (let i = 0; i < size / chunk.length; i++) client.send(chunk);
      const left = await standstill(() => client.socket.writableLength);
      assert.ok(left > size / 2, 'most of it has stayed with the client');
      traffic.pass(IDLE_MS);
      assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
      await client.shutDown();
    });

    test('is idle in the pool for the idle timeout is let go', async (t) => {
      const { traffic, client, instance } = await asked(t);
      instance.send(OK);
      await readMessage(client);
      traffic.pass(IDLE_MS);
      await instance.shutDown();
      assert.equal(traffic.count('backendConnectionsActive'), 0);
    });

    test('closes its idle connections is asked over a new one', async (t) => {
      const { client, instance, backend } = await asked(t);
      instance.send(OK);
      await readMessage(client);
      instance.end();
      await instance.shutDown();
      client.send(GET);
      const fresh = await backend.accept();
      await fresh.take('\r\n\r\n');
      fresh.send(OK);
      await readMessage(client);
    });
  });
}
