/** A connection that ends behind a response ends so that the response arrives, whatever the client still sends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LINGER_MS } from '../../src/model/limits.ts';
import { readMessage } from '../support/http-reader.ts';
import { setUp, TRANSPORTS } from '../support/traffic.ts';

const KiB = 1024;
const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when `count` stays what it is: in each turn of the event loop what can move does. */
async function restOf(count: () => number): Promise<void> {
  for (let before = -1; before !== count();) {
    before = count();
    await turns(20);
  }
}

for (const transport of TRANSPORTS) {
  describe(`over the ${transport} transport, a client whose connection ends behind the response`, () => {
    test('gets all of it when it reads late and sends more meanwhile, wherever the kernel had enough', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      // Whatever the kernel takes, some of these end within the last write that it does not take.
      for (let size = 2048 * KiB; size <= 6144 * KiB; size += 200 * KiB) {
        const client = await traffic.dial();
        client.pause();
        client.send('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
        const instance = await backend.accept();
        await instance.take('\r\n\r\n');
        instance.send(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
        instance.send(Buffer.alloc(size, 'x'));
        await restOf(() => traffic.count('sentBytes'));
        if (traffic.count('clientConnectionsActive') === 0) {
          // All was with the kernel, and the client had said that it would send no more: it is gone in good order.
          client.resume();
          assert.equal((await readMessage(client)).body.length, size);
          client.socket.destroy();
          continue;
        }
        client.send(GET);
        await turns(5);
        client.resume();
        assert.equal((await readMessage(client)).body.length, size);
        await client.shutDown();
        client.socket.destroy();
        while (traffic.count('clientConnectionsActive') > 0) await turns(1);
      }
    });

    test('without having asked for it gets all of it though it has pipelined more', async (t) => {
      const settings = { drainingTimeoutMs: 60_000 };
      const { traffic, backend } = await setUp(t, { transport, settings });
      const client = await traffic.dial();
      client.pause();
      client.send(GET);
      const instance = await backend.accept();
      await instance.take('\r\n\r\n');
      await traffic.remove();
      const size = 1024 * KiB;
      instance.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      instance.send(Buffer.alloc(size, 'x'));
      await instance.shutDown();
      client.send(GET.repeat(100));
      await turns(5);
      client.resume();
      const { head, body } = await readMessage(client);
      assert.match(head, /\r\nConnection: close\r\n/);
      assert.equal(body.length, size);
      await client.shutDown();
      assert.equal(client.error, undefined);
      assert.equal(traffic.count('clientConnectionsActive'), 1);
      traffic.pass(LINGER_MS);
      assert.equal(traffic.count('clientConnectionsActive'), 0, 'from when it has all of it');
    });

    test('by its own wish is waited for as well where more has come, or may have, than it has said', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      backend.serve(() => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      const last = GET.replace('h\r\n', 'h\r\nConnection: close\r\n');
      const ambiguous = last.replace('GET', 'POST').replace('h\r\n', 'h\r\nContent-Length: 0\r\nContent-Length: 0\r\n');
      for (const [request, remaining] of [
        [last, 0],
        [last + GET, 1],
        [ambiguous, 1],
      ] as const) {
        const client = await traffic.dial();
        client.send(request);
        await readMessage(client);
        await client.shutDown();
        assert.equal(traffic.count('clientConnectionsActive'), remaining);
        traffic.pass(LINGER_MS);
        assert.equal(traffic.count('clientConnectionsActive'), 0);
      }
    });

    test('is waited for only so long, and not at all when it has ended its side', async (t) => {
      const settings = { drainingTimeoutMs: 60_000 };
      const { traffic, backend } = await setUp(t, { transport, settings });
      const clients = [await traffic.dial(), await traffic.dial()];
      for (const client of clients) client.send(GET);
      const instances = [await backend.accept(), await backend.accept()];
      for (const instance of instances) await instance.take('\r\n\r\n');
      await traffic.remove();
      for (const instance of instances) instance.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      for (const client of clients) await client.shutDown();
      assert.equal(traffic.count('clientConnectionsActive'), 2);
      clients[0]!.end();
      while (traffic.count('clientConnectionsActive') > 1) await turns(1);
      traffic.pass(LINGER_MS);
      assert.equal(traffic.count('clientConnectionsActive'), 0);
    });
  });
}
