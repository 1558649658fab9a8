/**
 * TLS hands out all that it has decrypted, also to one who has stopped reading: none of that may be lost, be overwritten
 * while it is still being sent, or arrive where it should not be yet.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { isTls, type Protocol } from '../../src/model/load-balancer.ts';
import { BUFFERS } from '../../src/model/limits.ts';
import { readMessage } from '../support/http-reader.ts';
import { refusingPort, type Peer } from '../support/peers.ts';
import { standstill } from '../support/standstill.ts';
import { dialTls, servedTls, startTlsBackend, tapped } from '../support/tls.ts';
import { setUp, TRANSPORTS, type SetUpOptions, type Traffic } from '../support/traffic.ts';

/** What libuv reads for TLS before it asks whether to go on. */
const READ_AT_ONCE = 64 * 1024;
/** More than the kernel keeps between two sockets. */
const BODY = numbered(12 * 1024 * 1024);
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n';

/** Text that shows where something is missing or doubled. */
function numbered(bytes: number): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes; at += 16) lines.push(`${at.toString().padStart(15, '0')}\n`);
  return lines.join('');
}

for (const transport of TRANSPORTS) {
  const start = (t: TestContext, front: Protocol, back: Protocol, options: SetUpOptions = {}) =>
    setUp(t, {
      transport,
      protocol: front,
      ...(isTls(back) ? { startBackend: () => startTlsBackend() } : {}),
      ...options,
      listener: { instanceProtocol: back, ...(isTls(front) ? { tls: servedTls() } : {}), ...options.listener },
    });

  const dialled = (front: Protocol, traffic: Traffic): Promise<Peer> =>
    isTls(front) ? dialTls(traffic.port) : traffic.dial();

  /** `to` takes nothing until nothing moves any more, and everything then. */
  async function takesLate(to: Peer, traffic: Traffic): Promise<void> {
    to.pause();
    await standstill(() => traffic.count('receivedBytes') + traffic.count('sentBytes'));
    to.resume();
  }

  describe(`a peer that stops reading for a while, over the ${transport} transport`, () => {
    for (const [front, back] of [
      ['SSL', 'TCP'],
      ['SSL', 'SSL'],
      ['TCP', 'SSL'],
    ] as const) {
      test(`${front} to ${back}: bytes stay whole both ways`, async (t) => {
        const { traffic, backend } = await start(t, front, back);
        const client = await dialled(front, traffic);
        client.send(BODY);
        const instance = await backend.accept();
        await takesLate(instance, traffic);
        client.end();
        await instance.shutDown();
        assert.ok(instance.received === BODY, 'what the client sent is whole');
        instance.send(BODY);
        instance.end();
        await takesLate(client, traffic);
        await client.shutDown();
        assert.ok(client.received === BODY, 'what the instance sent is whole');
      });
    }

    for (const [front, back] of [
      ['HTTPS', 'HTTP'],
      ['HTTPS', 'HTTPS'],
      ['HTTP', 'HTTPS'],
    ] as const) {
      test(`${front} to ${back}: bodies stay whole both ways`, async (t) => {
        const { traffic, backend } = await start(t, front, back);
        const client = await dialled(front, traffic);
        client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`);
        const instance = await backend.accept();
        await takesLate(instance, traffic);
        assert.ok((await readMessage(instance)).body === BODY, 'the request body is whole');
        instance.send(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`);
        await takesLate(client, traffic);
        assert.ok((await readMessage(client)).body === BODY, 'the response body is whole');
      });
    }
  });

  describe(`bytes in one packet with the end of a handshake, over the ${transport} transport`, () => {
    /** A client that resumes a session, and whose first bytes come right behind its Finished. */
    async function eager(traffic: Traffic, session: Buffer, bytes: string): Promise<Peer> {
      const { raw, socket } = await tapped(traffic.port);
      // From the answer to its hello on.
      raw.prependOnceListener('data', () => raw.cork());
      const client = await dialTls(traffic.port, { socket, session, maxVersion: 'TLSv1.2' });
      assert.equal(client.tls.isSessionReused(), true);
      await new Promise((resolve) => client.tls.write(bytes, resolve));
      raw.uncork();
      return client;
    }

    async function sessionOf(traffic: Traffic): Promise<Buffer> {
      const client = await dialTls(traffic.port, { maxVersion: 'TLSv1.2' });
      const session = client.tls.getSession()!;
      client.tls.destroy();
      return session;
    }

    test('wait for the line of the proxy protocol', async (t) => {
      const { traffic, backend } = await start(t, 'SSL', 'TCP', { listener: { proxyProtocol: true } });
      const session = await sessionOf(traffic);
      await (await backend.accept()).take('\r\n');
      await eager(traffic, session, 'hello\r\n');
      const instance = await backend.accept();
      assert.match(await instance.take('\r\n'), /^PROXY TCP4 /);
      assert.equal(await instance.take('\r\n'), 'hello\r\n');
    });

    test('reach the next instance when the first refuses', async (t) => {
      const refusing = await refusingPort();
      t.after(() => refusing.release());
      const { traffic, backend } = await start(t, 'SSL', 'TCP', { otherBackends: [refusing.port] });
      const session = await sessionOf(traffic);
      await backend.accept();
      for (let each = 0; each < 4; each++) {
        await eager(traffic, session, `hello ${each}\r\n`);
        assert.equal(await (await backend.accept()).take('\r\n'), `hello ${each}\r\n`);
      }
      assert.ok(traffic.count('backendConnectionErrors') > 0);
    });

    test('are a request', async (t) => {
      const { traffic, backend } = await start(t, 'HTTPS', 'HTTP');
      backend.serve(() => OK);
      const session = await sessionOf(traffic);
      const client = await eager(traffic, session, GET + GET);
      for (let each = 0; each < 2; each++) assert.equal((await readMessage(client)).body, 'ok');
    });
  });
}

test('a connection of TLS that has very much to say lets the others have their turn', async (t) => {
  const listener = { instanceProtocol: 'TCP', tls: servedTls() } as const;
  const { traffic, backend } = await setUp(t, { transport: 'handle', protocol: 'SSL', listener });
  const client = await dialTls(traffic.port);
  const instance = await backend.accept();
  client.send(BODY);
  let [most, before] = [0, 0];
  while (instance.received.length < BODY.length) {
    const now = traffic.count('receivedBytes');
    most = Math.max(most, now - before);
    before = now;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(most <= BUFFERS.turn + READ_AT_ONCE, `${most} bytes in one turn`);
  client.end();
  await instance.shutDown();
});
