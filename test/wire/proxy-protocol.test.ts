/** Proxy protocol towards TCP and SSL back ends: one line ahead of everything, and nowhere else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { isTls, type Protocol } from '../../src/model/load-balancer.ts';
import { readMessage } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { dialTls, servedTls, startTlsBackend } from '../support/tls.ts';
import { setUp, TRANSPORTS, type SetUpOptions } from '../support/traffic.ts';

/** What a client can connect to, from where, and how the line has the two. */
const ADDRESSES = [
  { what: 'IPv4', bind: '127.0.0.1', dial: '127.0.0.1', family: 'TCP4', address: '127.0.0.1' },
  { what: 'IPv6', bind: '::1', dial: '::1', family: 'TCP6', address: '::1' },
  { what: 'IPv4 mapped into IPv6', bind: '::', dial: '127.0.0.1', family: 'TCP4', address: '127.0.0.1' },
] as const;

for (const transport of TRANSPORTS) {
  const start = (t: TestContext, front: Protocol, back: Protocol, options: SetUpOptions = {}) =>
    setUp(t, {
      transport,
      protocol: front,
      listener: { instanceProtocol: back, proxyProtocol: true, ...(isTls(front) ? { tls: servedTls() } : {}) },
      ...(isTls(back) ? { startBackend: () => startTlsBackend() } : {}),
      ...options,
    });

  /** The line for a connection of `client`. */
  const lineOf = ({ socket: { localAddress, localPort } }: Peer, port: number) =>
    `PROXY TCP4 ${localAddress} 127.0.0.1 ${localPort} ${port}\r\n`;

  describe(`proxy protocol over the ${transport} transport`, () => {
    for (const [front, back] of [
      ['TCP', 'TCP'],
      ['TCP', 'SSL'],
      ['SSL', 'TCP'],
      ['SSL', 'SSL'],
    ] as const) {
      test(`${front} to ${back}: the line comes first, and all bytes of the client behind it`, async (t) => {
        const { traffic, backend } = await start(t, front, back);
        const client = isTls(front) ? await dialTls(traffic.port) : await traffic.dial();
        client.send('hello\r\n');
        const instance = await backend.accept();
        const line = lineOf(client, traffic.port);
        assert.equal(await instance.takeBytes(line.length + 7), `${line}hello\r\n`);
        instance.send('welcome');
        assert.equal(await client.takeBytes(7), 'welcome');
      });
    }

    for (const { what, bind, dial, family, address } of ADDRESSES) {
      test(`a client of ${what}`, async (t) => {
        const { traffic, backend } = await start(t, 'TCP', 'TCP', { address: bind });
        const { socket } = await traffic.dial(traffic.port, dial);
        const line = await (await backend.accept()).take('\r\n');
        assert.equal(line, `PROXY ${family} ${address} ${address} ${socket.localPort} ${traffic.port}\r\n`);
      });
    }

    test('an instance that speaks first knows whose connection it is', async (t) => {
      const { traffic, backend } = await start(t, 'TCP', 'TCP');
      const client = await traffic.dial();
      const instance = await backend.accept();
      assert.equal(await instance.take('\r\n'), lineOf(client, traffic.port));
      instance.send('220 hello\r\n');
      assert.equal(await client.take('\r\n'), '220 hello\r\n');
    });

    test('a line that the client itself sent is data, behind ours', async (t) => {
      const { traffic, backend } = await start(t, 'TCP', 'TCP');
      const client = await traffic.dial();
      const forged = 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n';
      client.send(forged);
      const instance = await backend.accept();
      assert.equal(await instance.take('\r\n'), lineOf(client, traffic.port));
      assert.equal(await instance.take('\r\n'), forged);
    });

    test('a client that is gone before the instance is there leaves a line that can be read, or nothing', async (t) => {
      const { traffic, backend } = await start(t, 'TCP', 'TCP');
      const client = await traffic.dial();
      const line = lineOf(client, traffic.port);
      client.reset();
      const instance = await backend.accept();
      await instance.close();
      assert.ok(['', line, 'PROXY UNKNOWN\r\n'].includes(instance.received), instance.received);
    });

    test('HTTP has no such line', async (t) => {
      const { traffic, backend } = await start(t, 'HTTP', 'HTTP');
      const client = await traffic.dial();
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const instance = await backend.accept();
      assert.equal((await readMessage(instance)).startLine, 'GET / HTTP/1.1');
      instance.send('HTTP/1.1 204 No Content\r\n\r\n');
      await client.take('\r\n\r\n');
      client.end();
      await once(client.socket, 'close');
    });
  });
}
