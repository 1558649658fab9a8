/** How the transports listen, connect and fail at it. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { dial, refusingPort, ScriptedServer } from '../../test/support/peers.ts';
import { Recorder, turns } from '../../test/support/recorder.ts';
import { systemClock } from '../kit/clock.ts';
import { chooseTransport } from './choose.ts';
import type { Connection, Transport } from './transport.ts';

async function start(t: TestContext, wanted: 'handle' | 'net'): Promise<{ transport: Transport; failures: unknown[] }> {
  const failures: unknown[] = [];
  const events = { onFailure: (error: unknown) => void failures.push(error), onAcceptError: assert.fail };
  const { transport } = await chooseTransport(wanted, events, systemClock);
  t.after(() => assert.equal(transport.outbox.length, 0));
  return { transport, failures };
}

for (const wanted of ['handle', 'net'] as const) {
  describe(`the ${wanted} transport`, () => {
    test('says why a connection did not come up, later', async (t) => {
      const { transport } = await start(t, wanted);
      const refusing = await refusingPort();
      t.after(() => refusing.release());
      const owner = new Recorder();
      const connection = transport.connect('127.0.0.1', refusing.port, owner);
      assert.deepEqual(owner.events, []);
      await owner.saw('close ECONNREFUSED');
      assert.deepEqual(owner.events, ['close ECONNREFUSED']);
      assert.equal(connection.closed, true);
    });

    test('says nothing of a connection that was given up before it was up', async (t) => {
      const { transport } = await start(t, wanted);
      const server = await ScriptedServer.start();
      t.after(() => server.stop());
      for (const how of ['destroy', 'reset', 'finish'] as const) {
        const owner = new Recorder();
        transport.connect('127.0.0.1', server.port, owner)[how]();
        await turns(10);
        assert.deepEqual(owner.events, []);
      }
    });

    test('whose owner throws on connecting, or when it is handed a connection, loses that one', async (t) => {
      const { transport, failures } = await start(t, wanted);
      const server = await ScriptedServer.start();
      t.after(() => server.stop());
      const owner = new Recorder();
      owner.onConnect = () => {
        throw new Error('on connect');
      };
      transport.connect('127.0.0.1', server.port, owner);
      await owner.saw('close ECONNRESET');
      const listening = await transport.listen('127.0.0.1', 0, () => {
        throw new Error('on connection');
      });
      t.after(() => listening.close());
      const peer = await dial(listening.port);
      await peer.shutDown();
      peer.socket.destroy();
      assert.deepEqual(failures.map(String), ['Error: on connect', 'Error: on connection']);
    });

    test('listens on IPv6, and tells an IPv4 client there by its IPv4 address', async (t) => {
      const { transport } = await start(t, wanted);
      const addresses: string[] = [];
      const listening = await transport.listen('::', 0, (connection) => {
        addresses.push(`${connection.remoteAddress} ${connection.localAddress}`);
        connection.destroy();
      });
      t.after(() => listening.close());
      for (const host of ['127.0.0.1', '::1']) {
        const peer = await dial(listening.port, host);
        await peer.shutDown();
        peer.socket.destroy();
      }
      assert.deepEqual(addresses, ['127.0.0.1 127.0.0.1', '::1 ::1']);
    });

    test('connects over IPv6', async (t) => {
      const { transport } = await start(t, wanted);
      const server = await ScriptedServer.start('::1');
      t.after(() => server.stop());
      const owner = new Recorder();
      const connection = transport.connect('::1', server.port, owner);
      await owner.saw('connect');
      assert.equal(connection.remoteAddress, '::1');
      connection.destroy();
    });

    test('rejects with the code of the system where it cannot listen', async (t) => {
      const { transport } = await start(t, wanted);
      const server = await ScriptedServer.start();
      t.after(() => server.stop());
      await assert.rejects(
        transport.listen('127.0.0.1', server.port, () => {}),
        { code: 'EADDRINUSE' },
      );
      await assert.rejects(
        transport.listen('192.0.2.1', 0, () => {}),
        { code: 'EADDRNOTAVAIL' },
      );
    });

    test('shares a port with others that share it, and leaves open connections alone when it stops accepting', async (t) => {
      const { transport } = await start(t, wanted);
      const owners: Recorder[] = [];
      const accept = (connection: Connection): void => {
        const owner = new Recorder();
        connection.owner = owner;
        owners.push(owner);
        t.after(() => connection.destroy());
      };
      const one = await transport.listen('127.0.0.1', 0, accept);
      const two = await transport.listen('127.0.0.1', one.port, accept);
      const peers = await Promise.all(Array.from({ length: 10 }, () => dial(one.port)));
      t.after(() => peers.forEach(({ socket }) => socket.destroy()));
      while (owners.length < 10) await turns(1);
      one.close();
      two.close();
      for (const peer of peers) peer.send('still here');
      for (const owner of owners) await owner.until(() => owner.received === 'still here');
      await assert.rejects(dial(one.port), { code: 'ECONNREFUSED' });
    });
  });
}
