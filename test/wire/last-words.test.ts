/**
 * An instance that answers before it has read everything, and closes: its kernel resets the connection, and what is sent to
 * it fails while the answer waits to be read (docs/faults.md 24). Not over `node:net`, which drops both at once.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { isTls, layerOf, type Protocol } from '../../src/model/load-balancer.ts';
import type { Peer } from '../support/peers.ts';
import { dialTls, servedTls } from '../support/tls.ts';
import { setUp, type SetUp } from '../support/traffic.ts';

const POST = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n';
const ANSWER = 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig';
const TIMES = 5;

interface Answered extends SetUp {
  /** A client whose upload goes on just before its instance answers and is gone. */
  readonly answered: () => Promise<Peer>;
}

async function start(t: TestContext, front: Protocol): Promise<Answered> {
  const listener = {
    instanceProtocol: layerOf(front) === 7 ? 'HTTP' : 'TCP',
    ...(isTls(front) ? { tls: servedTls() } : {}),
  } as const;
  const around = await setUp(t, { transport: 'handle', protocol: front, listener });
  const { traffic, backend } = around;
  const answered = async () => {
    const client = isTls(front) ? await dialTls(traffic.port) : await traffic.dial();
    client.send(POST);
    const instance = await backend.accept();
    await instance.take('\r\n\r\n');
    // All in one turn of the event loop: what the client sends has come first, and goes to an instance that has gone.
    client.send('more');
    instance.send(ANSWER);
    instance.reset();
    return client;
  };
  return { ...around, answered };
}

describe('what an instance has said before it closes on bytes that it has not read', () => {
  for (const front of ['HTTP', 'HTTPS'] as const) {
    test(`is the response of an upload to ${front}, and both connections end`, async (t) => {
      const { traffic, backend, answered } = await start(t, front);
      for (let each = 1; each <= TIMES; each++) {
        const client = await answered();
        await client.shutDown();
        assert.equal(client.received, ANSWER.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
        client.socket.destroy();
        assert.equal(backend.peers.length, each);
      }
      assert.equal(traffic.count('backend4xx'), TIMES);
      assert.equal(traffic.count('elb5xx'), 0);
      while (traffic.count('clientConnectionsActive') > 0) await new Promise((resolve) => setImmediate(resolve));
    });
  }

  for (const front of ['TCP', 'SSL'] as const) {
    test(`reaches a client of ${front}, and then the reset does`, async (t) => {
      const { answered } = await start(t, front);
      for (let each = 1; each <= TIMES; each++) {
        const client = await answered();
        assert.equal(await client.close(), 'ECONNRESET');
        assert.equal(client.received, ANSWER);
      }
    });
  }
});
