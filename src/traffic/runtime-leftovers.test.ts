/** What a thread must not go on with when it has been told otherwise. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readMessage } from '../../test/support/http-reader.ts';
import { reservePort, ScriptedServer } from '../../test/support/peers.ts';
import { setUp, TRANSPORTS } from '../../test/support/traffic.ts';
import { makeCounters } from './counters.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

async function soon(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

for (const transport of TRANSPORTS) {
  describe(`over the ${transport} transport`, () => {
    test('a request in flight at an instance that was taken away is cut when its drain is over', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const client = await traffic.dial();
      client.send(GET);
      const instance = await backend.accept();
      await readMessage(instance);
      for (let each = 0; each < 2; each++) await traffic.change({ targets: [] });
      await soon();
      assert.ok(!client.ended && !instance.ended);
      traffic.cut(0);
      assert.equal(traffic.count('elb5xx'), 1);
      assert.match((await readMessage(client)).startLine, / 504 /);
      await instance.shutDown();
    });

    test('a listener that is taken away while it is being bound does not listen', async (t) => {
      const { traffic } = await setUp(t, { transport });
      const reserved = await reservePort();
      const [listener] = traffic.listeners;
      const adding = traffic.apply({ listeners: [listener!, { ...listener!, port: reserved.port }] });
      await Promise.all([adding, traffic.apply({})]);
      await reserved.release();
      await assert.rejects(traffic.dial(reserved.port), { code: 'ECONNREFUSED' });
    });

    test('a listener that could not be bound is told of no more when it could', async (t) => {
      const { traffic } = await setUp(t, { transport });
      const taker = await ScriptedServer.start();
      const [listener] = traffic.listeners;
      const listeners = [listener!, { ...listener!, port: taker.port }];
      await assert.rejects(traffic.apply({ listeners }), /EADDRINUSE/);
      await taker.stop();
      await traffic.apply({ listeners });
      await traffic.dial(taker.port);
    });

    test('no connection is opened in advance by a thread that has stopped, nor where it could not rest', async (t) => {
      const capped = { maxConnectionsPerTarget: 5, counters: makeCounters(2) };
      for (const settings of [{}, capped]) {
        const { traffic, backend } = await setUp(t, { transport, settings: { ...settings, preconnect: true } });
        if (settings !== capped) await traffic.stop();
        traffic.pass(5000);
        await soon();
        assert.equal(traffic.count('backendConnections'), 0);
        assert.equal(backend.peers.length, 0);
      }
    });
  });
}
