/** How long requests take, from their first byte to the end of their response. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DURATION_BUCKETS, DURATION_SUM, LATENCY_BUCKETS } from '../../src/traffic/counters.ts';
import { readMessage } from '../support/http-reader.ts';
import { setUp, TRANSPORTS, type Traffic } from '../support/traffic.ts';

/** Time passes in full ticks, and a little more each time ({@link Traffic.pass}). */
const SLACK_SECONDS = 0.5;

function durations({ cells }: Traffic): { count: number; seconds: number } {
  const buckets = cells.slice(DURATION_BUCKETS, DURATION_BUCKETS + LATENCY_BUCKETS.length + 1);
  return { count: buckets.reduce((sum, count) => sum + count, 0), seconds: cells[DURATION_SUM]! };
}

function assertSeconds(actual: number, expected: number): void {
  assert.ok(actual >= expected && actual <= expected + SLACK_SECONDS, `${actual} s, expected ${expected} s`);
}

for (const transport of TRANSPORTS) {
  describe(`request durations over the ${transport} transport`, () => {
    test('have a slow head, a slow instance and a slow body in them', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const client = await traffic.dial();
      client.send('GET / HTTP/1.1\r\n');
      await traffic.counted('receivedBytes', 'GET / HTTP/1.1\r\n'.length);
      traffic.pass(1000);
      client.send('Host: h\r\n\r\n');
      const instance = await backend.accept();
      await readMessage(instance);
      traffic.pass(2000);
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na');
      await client.take('a');
      traffic.pass(4000);
      assert.equal(durations(traffic).count, 0);
      instance.send('b');
      await client.take('b');
      const { count, seconds } = durations(traffic);
      assert.equal(count, 1);
      assertSeconds(seconds, 7);
    });

    test('begin anew with each request of a connection', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      backend.serve(() => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      const client = await traffic.dial();
      for (let each = 1; each <= 3; each++) {
        client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
        await readMessage(client);
        traffic.pass(1000);
        assert.equal(durations(traffic).count, each);
      }
      assertSeconds(durations(traffic).seconds, 0);
    });

    test('of an answer that is not the instance’s end with it, whatever was answered before', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { idleTimeoutMs: 5000 } });
      const client = await traffic.dial();
      const instance = backend.accept();
      for (const answered of [true, false]) {
        client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
        await readMessage(await instance);
        if (answered) (await instance).send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        traffic.pass(answered ? 0 : 5000);
        await readMessage(client);
      }
      assert.equal(durations(traffic).count, 2);
      assertSeconds(durations(traffic).seconds, 5);
    });

    test('of refused requests are counted as well: there are as many as requests', async (t) => {
      const { traffic } = await setUp(t, { transport });
      const whole = await traffic.dial();
      whole.send('NONSENSE\r\n\r\n');
      await whole.shutDown();
      const slow = await traffic.dial();
      slow.send('GET / HTTP/1.1\r\n');
      await traffic.counted('receivedBytes', 'NONSENSE\r\n\r\nGET / HTTP/1.1\r\n'.length);
      traffic.pass(3000);
      slow.end();
      await slow.shutDown();
      const { count, seconds } = durations(traffic);
      assert.equal(count, traffic.count('requests'));
      assert.equal(count, 2);
      assertSeconds(seconds, 3);
    });
  });
}
