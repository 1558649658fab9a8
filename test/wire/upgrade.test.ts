/** Switching protocols: off as AWS has it, on by the attribute weir.http.upgrade. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { readMessage } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { setUp, TRANSPORTS, type SetUp } from '../support/traffic.ts';

const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: k\r\n\r\n';
const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n\r\n';
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\nConnection: upgrade\r\n\r\n';
const BAD_GATEWAY = /^HTTP\/1\.1 502 Bad Gateway\r\n/;
const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

for (const transport of TRANSPORTS) {
  /** A client and a back end whose connection has switched; `early` are client bytes behind the request. */
  async function switched(t: TestContext, early = ''): Promise<SetUp & { client: Peer; instance: Peer; head: string }> {
    const around = await setUp(t, { transport, settings: { upgrade: true, idleTimeoutMs: 1000 } });
    const client = await around.traffic.dial();
    client.send(UPGRADE + early);
    const instance = await around.backend.accept();
    const head = await instance.take('\r\n\r\n');
    instance.send(SWITCHING);
    assert.equal(await client.take('\r\n\r\n'), SWITCHED);
    return { ...around, client, instance, head };
  }

  describe(`a switch of protocols over the ${transport} transport`, () => {
    test('is not asked of the back end unless allowed', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const client = await traffic.dial();
      client.send(UPGRADE);
      const instance = await backend.accept();
      const head = await instance.take('\r\n\r\n');
      assert.doesNotMatch(head, /upgrade/i);
      assert.match(head, /\r\nSec-WebSocket-Key: k\r\n/);
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      assert.match((await readMessage(client)).startLine, / 200 /);
    });

    test('to HTTP/2 is never passed on, whose requests would pass everything in front of the back end', async (t) => {
      for (const value of ['h2c', 'H2C', 'websocket,\th2c ', 'h2c\r\nUpgrade: websocket']) {
        const { traffic, backend } = await setUp(t, { transport, settings: { upgrade: true } });
        const client = await traffic.dial();
        client.send(UPGRADE.replace('websocket', value) + GET);
        const instance = await backend.accept();
        assert.doesNotMatch(await instance.take('\r\n\r\n'), /upgrade|h2c/i);
        instance.send(`${SWITCHING}evil`);
        assert.match(await client.take('\r\n\r\n'), BAD_GATEWAY);
        assert.equal(client.received, '', 'bytes behind it are no request');
      }
    });

    test('that the back end makes unasked is a 502', async (t) => {
      for (const settings of [{ upgrade: false }, { upgrade: true }]) {
        const { traffic, backend } = await setUp(t, { transport, settings });
        const client = await traffic.dial();
        client.send(settings.upgrade ? GET : UPGRADE);
        const instance = await backend.accept();
        await instance.take('\r\n\r\n');
        instance.send(`${SWITCHING}evil`);
        assert.match(await client.take('\r\n\r\n'), BAD_GATEWAY);
        await instance.shutDown();
        assert.equal(client.received, '');
      }
    });

    test('is passed on where allowed, and then every byte both ways', async (t) => {
      const { client, instance, head, traffic } = await switched(t);
      assert.match(
        head,
        /^GET \/chat HTTP\/1\.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nConnection: upgrade\r\n/,
      );
      for (let i = 0; i < 3; i++) {
        client.send(`ping ${i} \x00\xff\r\n\r\n`);
        assert.equal(await instance.take('\r\n\r\n'), `ping ${i} \x00\xff\r\n\r\n`);
        instance.send(GET);
        assert.equal(await client.take('\r\n\r\n'), GET);
      }
      assert.equal(traffic.outstanding(0), 1);
      assert.equal(traffic.count('clientConnectionsActive'), 1);
      assert.equal(traffic.count('backendConnectionsActive'), 1);
    });

    test('keeps half-close, and ends when both sides have ended', async (t) => {
      const { client, instance, traffic } = await switched(t);
      client.send('last');
      client.end();
      assert.equal(await instance.take('last'), 'last');
      await instance.shutDown();
      instance.send('answer');
      assert.equal(await client.take('answer'), 'answer');
      instance.end();
      await client.close();
      assert.equal(traffic.outstanding(0), 0);
      assert.equal(traffic.count('clientConnectionsActive'), 0);
      assert.equal(traffic.count('backendConnectionsActive'), 0);
      assert.equal(traffic.count('requests'), 1);
    });

    test('passes on what the client had sent behind its request', async (t) => {
      const { client, instance } = await switched(t, 'early');
      client.send(' late');
      assert.equal(await instance.take('late'), 'early late');
    });

    test('passes on what the back end sends in one go with its 101', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { upgrade: true } });
      const client = await traffic.dial();
      client.send(UPGRADE);
      const instance = await backend.accept();
      await instance.take('\r\n\r\n');
      instance.send(`HTTP/1.1 100 Continue\r\n\r\n${SWITCHING}hello`);
      assert.equal(await client.take('hello'), `HTTP/1.1 100 Continue\r\n\r\n${SWITCHED}hello`);
    });

    test('tells the back end that the client had shut down its side before', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { upgrade: true } });
      const client = await traffic.dial();
      client.send(UPGRADE);
      client.end();
      const instance = await backend.accept();
      await instance.take('\r\n\r\n');
      instance.send(SWITCHING);
      await instance.shutDown();
      instance.send('bye');
      assert.equal(await client.take('bye'), `${SWITCHED}bye`);
      instance.end();
      await client.close();
      assert.equal(traffic.outstanding(0), 0);
    });

    test('while the request is still being sent is a 502: nobody could tell its body from what follows', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { upgrade: true } });
      const client = await traffic.dial();
      client.send(
        'POST / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nConnection: upgrade\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab',
      );
      const instance = await backend.accept();
      await instance.take('ab\r\n');
      instance.send(SWITCHING);
      assert.match(await client.take('\r\n\r\n'), BAD_GATEWAY);
      await instance.shutDown();
    });

    test('that the back end declines leaves an ordinary response, and the connection usable', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { upgrade: true } });
      backend.serve(() => 'HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nno');
      const client = await traffic.dial();
      for (let i = 0; i < 2; i++) {
        client.send(UPGRADE);
        assert.equal((await readMessage(client)).head, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
      }
    });

    test('that the back end requires (426) is told to the client: to what', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      backend.serve(
        ({ startLine }) =>
          'HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.0, websocket\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\n' +
          (startLine.includes('/chunked')
            ? 'Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n'
            : 'Content-Length: 2\r\n\r\nno'),
      );
      const client = await traffic.dial();
      const required = 'HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.0, websocket\r\n';
      for (const [request, rest] of [
        [UPGRADE, 'Content-Length: 2\r\nConnection: upgrade\r\n\r\nno'],
        [GET.replace('/', '/chunked'), 'Transfer-Encoding: chunked\r\nConnection: upgrade\r\n\r\n2\r\nno\r\n0\r\n\r\n'],
        [
          GET.replace('h\r\n', 'h\r\nConnection: close\r\n'),
          'Content-Length: 2\r\nConnection: close, upgrade\r\n\r\nno',
        ],
      ] as const) {
        client.send(request);
        assert.equal(await client.takeBytes(required.length + rest.length), required + rest);
      }
      await client.shutDown();
      const old = await traffic.dial();
      old.send(GET.replace('1.1', '1.0'));
      assert.equal(
        await old.take('no'),
        'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno',
        'HTTP/1.0 has no such switch',
      );
    });

    for (const upgrade of [false, true]) {
      test(`that is declined: bytes behind the request are not taken for a request (${upgrade ? 'on' : 'off'})`, async (t) => {
        const { traffic, backend } = await setUp(t, { transport, settings: { upgrade } });
        const client = await traffic.dial();
        client.send(UPGRADE + GET);
        const instance = await backend.accept();
        await instance.take('\r\n\r\n');
        instance.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno');
        assert.equal(await client.take('no'), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
        await client.shutDown();
        assert.equal(instance.received, '');
        assert.equal(traffic.count('requests'), 1);
      });
    }

    test('that is declined: bytes that come while the response does are not taken for a request either', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const client = await traffic.dial();
      client.send(UPGRADE);
      const instance = await backend.accept();
      await instance.take('\r\n\r\n');
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nn');
      await client.take('n');
      client.send(GET);
      await traffic.counted('receivedBytes', UPGRADE.length + GET.length);
      instance.send('o');
      await client.take('o');
      await client.shutDown();
      assert.equal(instance.received, '');
      assert.equal(traffic.count('requests'), 1);
    });

    test('for which no back end is there: bytes behind the request are not taken for a request', async (t) => {
      const { traffic } = await setUp(t, { transport, backendCount: 0 });
      const client = await traffic.dial();
      client.send(UPGRADE + GET);
      await client.shutDown();
      assert.equal(client.received.match(/HTTP\/1\.1/g)?.length, 1, client.received);
      assert.equal(traffic.count('requests'), 1);
    });

    test('ends at the idle timeout, on both sides, and not while bytes go either way', async (t) => {
      const { client, instance, traffic } = await switched(t);
      for (let i = 0; i < 4; i++) {
        const [from, to] = i % 2 === 0 ? [client, instance] : [instance, client];
        from.send('x');
        await to.take('x');
        traffic.pass(600);
      }
      traffic.pass(1000);
      await client.shutDown();
      await instance.shutDown();
      assert.equal(traffic.outstanding(0), 0);
    });

    test('lets one side break the other', async (t) => {
      const { client, instance, traffic } = await switched(t);
      instance.reset();
      assert.equal(await client.close(), 'ECONNRESET');
      assert.equal(traffic.outstanding(0), 0);
    });
  });
}
