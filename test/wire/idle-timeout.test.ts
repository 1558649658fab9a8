/** The idle timeout is changed while connections wait. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readMessage } from '../support/http-reader.ts';
import { setUp, TRANSPORTS, type SetUp } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
const MINUTE = 60_000;
const SHORT = 5000;

/** Time passes; who is still there has had the time to say something. */
async function pass({ traffic }: SetUp, ms: number): Promise<void> {
  traffic.pass(ms);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

for (const transport of TRANSPORTS) {
  describe(`a changed idle timeout over the ${transport} transport`, () => {
    test('is in force for client and pooled connections that wait already', async (t) => {
      const around = await setUp(t, { transport, settings: { idleTimeoutMs: MINUTE } });
      const { traffic, backend } = around;
      const client = await traffic.dial();
      client.send(GET);
      const instance = await backend.accept();
      await readMessage(instance);
      instance.send(OK);
      await readMessage(client);
      const silent = await traffic.dial();
      await pass(around, 2000);
      await traffic.apply({ idleTimeoutMs: SHORT });
      await pass(around, 2000);
      for (const { closed, ended } of [client, silent, instance]) assert.ok(!closed && !ended);
      await pass(around, 1200);
      for (const peer of [client, silent, instance]) await peer.shutDown();
    });

    test('ends at once what has been idle for longer', async (t) => {
      const around = await setUp(t, { transport, settings: { idleTimeoutMs: MINUTE } });
      const client = await around.traffic.dial();
      await pass(around, 30_000);
      await around.traffic.apply({ idleTimeoutMs: SHORT });
      await pass(around, 0);
      await client.shutDown();
    });

    test('gives a request that waits for its response the time that there is now: 504', async (t) => {
      const around = await setUp(t, { transport, settings: { idleTimeoutMs: MINUTE } });
      const client = await around.traffic.dial();
      client.send(GET);
      await readMessage(await around.backend.accept());
      await around.traffic.apply({ idleTimeoutMs: SHORT });
      await pass(around, SHORT);
      assert.match(await client.take('\r\n\r\n'), /^HTTP\/1\.1 504 /);
    });

    test('gives a request that waits for capacity the time that there is now: 504', async (t) => {
      const settings = { idleTimeoutMs: MINUTE, maxConnectionsPerTarget: 1 };
      const around = await setUp(t, { transport, settings });
      const { traffic, backend } = around;
      const first = await traffic.dial();
      first.send(GET);
      await readMessage(await backend.accept());
      const waits = await traffic.dial();
      waits.send(GET);
      await traffic.counted('surgeQueueLength', 1);
      await traffic.apply({ ...settings, idleTimeoutMs: SHORT });
      await pass(around, SHORT);
      assert.match(await waits.take('\r\n\r\n'), /^HTTP\/1\.1 504 /);
      assert.equal(traffic.count('surgeQueueLength'), 0);
    });

    test('gives more time where it is longer', async (t) => {
      const around = await setUp(t, { transport, settings: { idleTimeoutMs: SHORT } });
      const client = await around.traffic.dial();
      await pass(around, 3000);
      await around.traffic.apply({ idleTimeoutMs: MINUTE });
      await pass(around, 50_000);
      assert.ok(!client.closed && !client.ended);
      await pass(around, 10_000);
      await client.shutDown();
    });

    test('is in force for both sides of a TCP connection that waits already', async (t) => {
      const around = await setUp(t, { transport, protocol: 'TCP', settings: { idleTimeoutMs: MINUTE } });
      const client = await around.traffic.dial();
      const instance = await around.backend.accept();
      client.send('a');
      await instance.take('a');
      await pass(around, 2000);
      await around.traffic.apply({ idleTimeoutMs: SHORT });
      await pass(around, 2000);
      assert.ok(!client.closed && !client.ended);
      await pass(around, 1200);
      await client.shutDown();
      await instance.shutDown();
    });
  });
}
