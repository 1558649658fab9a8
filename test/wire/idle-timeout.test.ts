/** The idle timeout is changed while connections wait. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CONNECT_TIMEOUT_MS } from '../../src/model/limits.ts';
import { loadBalancerId } from '../../src/model/load-balancer.ts';
import { makeCounters } from '../../src/traffic/counters.ts';
import { readMessage } from '../support/http-reader.ts';
import { silentPort } from '../support/peers.ts';
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

    test('is in force for a request whose listener is going, and no other load balancer changes it', async (t) => {
      const going = { listeners: [], drainingTimeoutMs: 10 * MINUTE };
      const around = await setUp(t, { transport, settings: { drainingTimeoutMs: 10 * MINUTE, idleTimeoutMs: MINUTE } });
      const { traffic, backend } = around;
      const client = await traffic.dial();
      client.send(GET);
      await readMessage(await backend.accept());
      await traffic.apply(going);
      const other = { ...going, id: loadBalancerId('000000000000', 'us-east-1', 'other'), counters: makeCounters(1) };
      await traffic.apply(other);
      await traffic.apply({ ...other, idleTimeoutMs: SHORT });
      await pass(around, SHORT);
      assert.equal(client.received, '');
      await traffic.apply({ ...going, idleTimeoutMs: SHORT });
      await pass(around, 0);
      assert.equal(traffic.count('elb5xx'), 1);
      assert.match(await client.take('\r\n\r\n'), /^HTTP\/1\.1 504 /);
    });

    test('is in force for a TCP connection that waits for capacity, not for one that is being made', async (t) => {
      const settings = { idleTimeoutMs: MINUTE, maxConnectionsPerTarget: 1 };
      const silent = await silentPort();
      t.after(() => silent.release());
      const options = { transport, protocol: 'TCP', settings, otherBackends: [silent.port], backendCount: 0 } as const;
      const around = await setUp(t, options);
      const { traffic } = around;
      const connecting = await traffic.dial();
      while (traffic.outstanding(0) === 0) await new Promise((resolve) => setImmediate(resolve));
      const waits = await traffic.dial();
      await traffic.counted('surgeQueueLength', 2);
      await pass(around, 2000);
      await traffic.apply({ ...settings, idleTimeoutMs: 1000 });
      await pass(around, 0);
      assert.equal(traffic.count('clientConnectionsActive'), 1);
      await waits.shutDown();
      assert.ok(!connecting.ended);
      await pass(around, CONNECT_TIMEOUT_MS);
      await connecting.shutDown();
    });
  });
}
