/** Security groups whose rules the configuration gives: who is not let in is closed at accept, and counted. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { parseNetwork, type Network } from '../../src/kit/ip.ts';
import type { Protocol } from '../../src/model/load-balancer.ts';
import { readMessage } from '../support/http-reader.ts';
import { Peer } from '../support/peers.ts';
import { dialTls, servedTls } from '../support/tls.ts';
import { setUp, TRANSPORTS } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

function networks(...cidrs: string[]): Network[] {
  return cidrs.map((cidr) => parseNetwork(cidr)!);
}

/** A client with that address. */
async function dialFrom(localAddress: string, port: number): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  await once(socket, 'connect');
  return new Peer(socket);
}

for (const transport of TRANSPORTS) {
  describe(`security groups over the ${transport} transport`, () => {
    for (const protocol of ['HTTP', 'TCP'] as const satisfies Protocol[]) {
      test(`let in whom a rule names, and close everybody else at once on a ${protocol} listener`, async (t) => {
        const listener = { ingress: networks('127.0.0.2/32', '127.1.0.0/16') };
        const { traffic, backend } = await setUp(t, { transport, protocol, listener });
        for (const address of ['127.0.0.1', '127.0.0.3', '127.2.0.1']) {
          const refused = await dialFrom(address, traffic.port);
          refused.send(GET);
          await refused.close();
          assert.equal(refused.received, '');
        }
        assert.equal(traffic.count('refusedConnections'), 3);
        assert.equal(traffic.count('clientConnections'), 0);
        for (const address of ['127.0.0.2', '127.1.2.3']) {
          const client = await dialFrom(address, traffic.port);
          client.send(GET);
          const instance = await backend.accept();
          await readMessage(instance);
          client.reset();
          await instance.shutDown();
        }
        assert.equal(traffic.count('refusedConnections'), 3);
      });
    }

    test('close a client that is not let in before the handshake', async (t) => {
      const listener = { instanceProtocol: 'HTTP', tls: servedTls(), ingress: networks('127.0.0.2') } as const;
      const { traffic } = await setUp(t, { transport, protocol: 'HTTPS', listener });
      await assert.rejects(dialTls(traffic.port));
      assert.equal(traffic.count('refusedConnections'), 1);
      const client = await dialTls(traffic.port, {
        socket: connect({ port: traffic.port, host: '127.0.0.1', localAddress: '127.0.0.2' }),
      });
      client.socket.destroy();
      assert.equal(traffic.count('refusedConnections'), 1);
    });

    test('let in nobody where no rule is for the port, and everybody where there are no rules', async (t) => {
      const { traffic } = await setUp(t, { transport, listener: { ingress: [] } });
      const refused = await traffic.dial();
      await refused.shutDown();
      assert.equal(traffic.count('refusedConnections'), 1);
      const { ingress: _none, ...open } = traffic.listeners[0]!;
      await traffic.apply({ listeners: [open] });
      const client = await traffic.dial();
      client.send('nonsense\r\n\r\n');
      assert.match(await client.take('\r\n'), /^HTTP\/1\.1 400 /);
      assert.equal(traffic.count('refusedConnections'), 1);
    });

    test('change for new connections at once, and leave open ones alone', async (t) => {
      const { traffic } = await setUp(t, { transport });
      const client = await traffic.dial();
      await traffic.apply({ listeners: traffic.listeners.map((one) => ({ ...one, ingress: networks('10.0.0.0/8') })) });
      await (await traffic.dial()).shutDown();
      client.send('nonsense\r\n\r\n');
      assert.match(await client.take('\r\n'), /^HTTP\/1\.1 400 /);
    });
  });
}
