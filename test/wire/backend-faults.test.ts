/**
 * What back ends do slowly or oddly beside the table of faults, whose rows stand in test/faults. Which requests are sent
 * again: retries.test.ts.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { HandleTransport } from '../../src/transport/handle-transport.ts';
import { NetTransport } from '../../src/transport/net-transport.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { readMessage } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { standstill } from '../support/standstill.ts';
import { setUp, TRANSPORTS, type SetUp } from '../support/traffic.ts';

const IDLE_MS = 1000;
const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234';
const BAD_GATEWAY = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n';
const TIMED_OUT = 'HTTP/1.1 504 GATEWAY_TIMEOUT\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n';
const UNAVAILABLE =
  'HTTP/1.1 503 Service Unavailable: Back-end server is at capacity\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

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
    test('what is no response to an unfinished request makes a 502, and ends the connection', async (t) => {
      const { client, instance } = await asked(t, POST);
      instance.send('nonsense');
      assert.equal(await client.take('\r\n\r\n'), BAD_GATEWAY.replace('keep-alive', 'Close'));
      await client.shutDown();
      await instance.shutDown();
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

    test('something each time before the idle timeout is given time: an interim response, parts of a head, a body', async (t) => {
      const { traffic, client, instance } = await asked(t);
      for (const part of [
        'HTTP/1.1 103 Early Hints\r\n\r\n',
        'HTTP/1.1 200 OK\r\nContent',
        '-Length: 2\r\n\r\n',
        'ok',
      ]) {
        traffic.pass(IDLE_MS - 200);
        assert.equal(traffic.count('elb5xx'), 0);
        instance.send(part);
        if (part.endsWith('Content')) await traffic.counted('latencyCount', 1);
        else await client.take(part.slice(-4));
      }
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

    /** An instance that accepts one connection and resets it at once; the scripted ones come behind it. */
    async function resetting(t: TestContext, backendCount: number): Promise<SetUp> {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const around = await setUp(t, { transport, backendCount, otherBackends: [port] });
      const { prototype }: { prototype: Transport } = transport === 'handle' ? HandleTransport : NetTransport;
      // oxlint-disable-next-line typescript/unbound-method -- called on what it belongs to, below
      const { connect } = prototype;
      t.mock.method(prototype, 'connect', function (this: Transport, ...to: Parameters<Transport['connect']>) {
        const connection = connect.apply(this, to);
        // Who stands in the queue of a listening socket is reset when that is closed. The portable transport connects in a tick.
        process.nextTick(() => server.listening && server.close());
        return connection;
      });
      return around;
    }

    test('accepts a connection and resets it before that is known to be up is there: 504', async (t) => {
      const { traffic } = await resetting(t, 0);
      for (const answer of [TIMED_OUT, UNAVAILABLE]) {
        const client = await traffic.dial();
        client.send(GET);
        assert.equal(await client.take('\r\n\r\n'), answer);
      }
      assert.equal(traffic.count('backendConnectionErrors'), 2);
    });

    test('resets a connection so soon has not seen the request, which another one gets', async (t) => {
      const { traffic, backend } = await resetting(t, 1);
      const client = await traffic.dial();
      client.send(POST);
      const instance = await backend.accept();
      await instance.take('01234');
      client.send('56789');
      await instance.take('56789');
      instance.send(OK);
      assert.equal((await readMessage(client)).body, 'ok');
      assert.equal(traffic.count('backendConnectionErrors'), 1);
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
