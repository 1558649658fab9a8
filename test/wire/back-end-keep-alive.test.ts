/** A back end that ends pooled connections sooner than the idle timeout is found out, and its own timeout measured. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CONNECT_TIMEOUT_MS } from '../../src/model/limits.ts';
import { readMessage } from '../support/http-reader.ts';
import { setUp, TRANSPORTS, type SetUp } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
const KEEP_ALIVE_MS = 5000;

/** A request over a connection of its own, which the instance ends when it has been idle for `idleMs`. */
async function serveAndClose({ traffic, backend }: SetUp, idleMs: number): Promise<void> {
  const client = await traffic.dial();
  client.send(GET);
  const instance = await backend.accept();
  await readMessage(instance);
  instance.send(OK);
  await readMessage(client);
  traffic.pass(idleMs);
  instance.end();
  await traffic.counted('backendConnectionsActive', 0);
}

for (const transport of TRANSPORTS) {
  describe(`back-end keep-alive over the ${transport} transport`, () => {
    test('shorter than the idle timeout is reported, with what was measured', async (t) => {
      const around = await setUp(t, { transport });
      for (let each = 0; each < 2; each++) await serveAndClose(around, KEEP_ALIVE_MS);
      assert.equal(around.traffic.reports.length, 0);
      await serveAndClose(around, KEEP_ALIVE_MS);
      const [report, ...more] = around.traffic.reports;
      assert.ok(report?.type === 'shortKeepAlive' && report.slot === 0);
      assert.ok(Math.abs(report.idleMs - KEEP_ALIVE_MS) <= 200, `${report.idleMs} ms`);
      assert.equal(more.length, 0);
    });

    test('that ends a connection which never had a request says nothing', async (t) => {
      const around = await setUp(t, { transport, settings: { preconnect: true } });
      const { traffic, backend } = around;
      for (let each = 0; each < 4; each++) {
        traffic.pass(1000);
        const instance = await backend.accept();
        // By then weir knows that it is connected; if it did not, its own timeout would not have passed all the same.
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        traffic.pass(CONNECT_TIMEOUT_MS - 1000);
        instance.end();
        await traffic.counted('backendConnectionsActive', 0);
      }
      assert.deepEqual(traffic.reports, []);
    });
  });
}
