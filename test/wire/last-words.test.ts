/**
 * An instance that answers before it has read everything, and closes: its kernel resets the connection then, and what is sent to
 * it fails while the answer waits to be read (spec/faults.md 24). Not over `node:net`, which drops both at once.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { isTls, type Protocol } from '../../src/model/load-balancer.ts';
import type { Peer } from '../support/peers.ts';
import { dialTls, servedTls } from '../support/tls.ts';
import { setUp, type SetUp } from '../support/traffic.ts';

const MiB = 1024 * 1024;
const CHUNK = Buffer.alloc(MiB / 16, 'x');
/** More than anybody waits for. */
const HEAD = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${1024 * MiB}\r\n\r\n`;
const ANSWER = 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig';
const TIMES = 10;

interface Uploading extends SetUp {
  /** Whose upload has reached an instance, which reads no more of it. */
  readonly uploading: () => Promise<{ readonly client: Peer; readonly instance: Peer }>;
}

async function start(t: TestContext, front: Protocol, instanceProtocol: Protocol): Promise<Uploading> {
  const listener = { instanceProtocol, ...(isTls(front) ? { tls: servedTls() } : {}) };
  const around = await setUp(t, { transport: 'handle', protocol: front, listener });
  const { traffic, backend } = around;
  const uploading = async () => {
    const client = isTls(front) ? await dialTls(traffic.port) : await traffic.dial();
    client.send(HEAD);
    const instance = await backend.accept();
    await instance.take('\r\n\r\n');
    instance.pause();
    return { client, instance };
  };
  return { ...around, uploading };
}

/** Goes on until the connection is over, or `isEnough`. */
async function sendsOn(client: Peer, isEnough: () => boolean): Promise<void> {
  while (!isEnough() && !client.ended && !client.closed) {
    if (client.socket.writableLength < MiB) client.send(CHUNK);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The kernel resets what is closed with bytes that were not read. */
function answersAndCloses(instance: Peer): void {
  instance.socket.write(ANSWER, () => instance.socket.destroy());
}

describe('what an instance has said before it closes on bytes that it has not read', () => {
  for (const front of ['HTTP', 'HTTPS'] as const) {
    test(`is the response of an upload to ${front}, and both connections end`, async (t) => {
      const { traffic, backend, uploading } = await start(t, front, 'HTTP');
      for (let each = 1; each <= TIMES; each++) {
        const { client, instance } = await uploading();
        let left = each;
        await sendsOn(client, () => left-- === 0);
        answersAndCloses(instance);
        await sendsOn(client, () => client.received.includes('big'));
        assert.equal(client.received, ANSWER.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
        await client.shutDown();
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
      const { uploading } = await start(t, front, 'TCP');
      for (let each = 1; each <= TIMES; each++) {
        const { client, instance } = await uploading();
        let left = each;
        await sendsOn(client, () => left-- === 0);
        answersAndCloses(instance);
        await sendsOn(client, () => false);
        assert.equal(client.received, ANSWER);
        assert.match((await client.close()) ?? '', /^(?:ECONNRESET|EPIPE)$/);
      }
    });
  }
});
