/** What is under way at an instance that is cut: taken away without connection draining. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TARGET_STATE } from '../../src/traffic/target-table.ts';
import { readMessage } from '../support/http-reader.ts';
import { silentPort } from '../support/peers.ts';
import { setUp, TRANSPORTS } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

for (const transport of TRANSPORTS) {
  describe(`a cut over the ${transport} transport`, () => {
    for (const [earlier, which] of [
      [0, 'a new connection'],
      [1, 'a connection that has served before'],
    ] as const) {
      test(`ends a request on ${which} with a 504; nobody else gets it`, async (t) => {
        const { traffic, backends } = await setUp(t, { transport, backendCount: 2 });
        const [first, second] = backends;
        const client = await traffic.dial();
        client.send(GET);
        const instance = await first!.accept();
        for (let i = 0; i < earlier; i++) {
          await instance.take('\r\n\r\n');
          instance.send(OK);
          await readMessage(client);
          // To the other instance, so that it is the first one's turn again.
          client.send(GET);
          const other = await second!.accept();
          await other.take('\r\n\r\n');
          other.send(OK);
          await readMessage(client);
          client.send(GET);
        }
        await instance.take('\r\n\r\n');
        traffic.cut(0);
        const { startLine } = await readMessage(client);
        assert.match(startLine, /^HTTP\/1\.1 504 /);
        assert.equal(traffic.count('retries'), 0);
        assert.equal(second!.peers.map(({ received }) => received).join(''), '');
      });
    }

    test('ends a request with a 504 also where a part of the response head has come', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { accessLog: 0 } });
      const client = await traffic.dial();
      client.send(GET);
      const instance = await backend.accept();
      await instance.take('\r\n\r\n');
      instance.send('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-');
      assert.equal(await client.take('\r\n\r\n'), 'HTTP/1.1 103 Early Hints\r\n\r\n');
      await traffic.counted('latencyCount', 1);
      traffic.cut(0);
      assert.match((await readMessage(client)).startLine, /^HTTP\/1\.1 504 /);
      await client.shutDown();
      assert.match(traffic.takeLog().join(), / - -1 -1 -1 504 0 0 0 "GET /);
    });

    for (const protocol of ['HTTP', 'TCP'] as const) {
      test(`ends no client of ${protocol} whose instance has not answered to the connecting: it gets another one`, async (t) => {
        const silent = await silentPort();
        t.after(() => silent.release());
        const { traffic, backend } = await setUp(t, { transport, protocol, otherBackends: [silent.port] });
        const clients = [await traffic.dial(), await traffic.dial()];
        for (const client of clients) client.send(GET);
        await (await backend.accept()).take('\r\n\r\n');
        while (traffic.outstanding(0) === 0) await new Promise((resolve) => setImmediate(resolve));
        traffic.setState(0, TARGET_STATE.outOfService);
        traffic.cut(0);
        const isOver = () => backend.peers.length === 2 || clients.some(({ closed }) => closed);
        while (!isOver()) await new Promise((resolve) => setImmediate(resolve));
        assert.equal(backend.peers.length, 2);
        await backend.peers[1]!.take('\r\n\r\n');
        assert.equal(traffic.count('backendConnectionErrors'), 1);
        assert.deepEqual([traffic.outstanding(0), traffic.outstanding(1)], [0, 2]);
      });
    }
  });
}
