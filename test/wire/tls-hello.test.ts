/** A ClientHello is answered however it arrives; what is none is refused as OpenSSL refuses it, and never waited behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { Duplex } from 'node:stream';
import { HANDSHAKE_TIMEOUT_MS, SMALL_HELLO } from '../../src/model/limits.ts';
import { HANDSHAKE_COUNTERS } from '../../src/traffic/counters.ts';
import { HANDSHAKE_FAILURES, HANDSHAKE_KINDS } from '../../src/traffic/handshake-counters.ts';
import { helloHeader, inRecords, messageOf, paddedHello, smallestHello, smallestSsl2Hello } from '../support/hellos.ts';
import { readMessage } from '../support/http-reader.ts';
import { issue } from '../support/issued.ts';
import type { Peer } from '../support/peers.ts';
import { dialTls, servedTls } from '../support/tls.ts';
import { setUp, TRANSPORTS, type SetUp, type Traffic } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n';
/** What a server begins its answer with, in TLS 1.2. */
const ANSWER = '\x16\x03\x03';
const MAX_RECORD = 2 ** 14;
/** The smallest hello asks for a key exchange by RSA. */
const RSA = issue({ key: 'rsa-2048' });
const TLS_13 = { policy: ['Protocol-TLSv1.2', 'Protocol-TLSv1.3', 'ECDHE-ECDSA-AES128-GCM-SHA256'] };

const AT_ONCE = 64;

/** One that has its answer, and does not go on. */
async function waitingClient(traffic: Traffic): Promise<Peer> {
  const client = await traffic.dial();
  client.send(smallestHello());
  await client.take(ANSWER);
  return client;
}

/** Failed handshakes, by kind. */
function failures({ cells }: Traffic): Record<string, number> {
  const first = HANDSHAKE_COUNTERS + 2 * HANDSHAKE_KINDS.length;
  return Object.fromEntries(
    HANDSHAKE_FAILURES.map((kind, index) => [kind, cells[first + index]!] as const).filter(([, count]) => count > 0),
  );
}

/** The first message of a client, and a way to send it in another form, behind which everything goes on as ever. */
async function dialWithHello(
  port: number,
  send: (hello: Buffer, bytes: (piece: Buffer) => Promise<void>) => Promise<void>,
) {
  const raw = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(raw, 'connect');
  const write = (piece: Buffer): Promise<void> =>
    new Promise((resolve) => void raw.write(piece, () => setImmediate(resolve)));
  let first = true;
  const forward = async (chunk: Buffer, done: () => void): Promise<void> => {
    const isHello = first;
    first = false;
    await (isHello ? send(chunk, write) : write(chunk));
    done();
  };
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => void forward(chunk, done),
    destroy: (error, done) => done(raw.destroy() && error),
  });
  raw.on('error', () => undefined);
  raw.on('data', (chunk: Buffer) => void socket.push(chunk));
  raw.on('end', () => void socket.push(null));
  return dialTls(port, { socket });
}

for (const transport of TRANSPORTS) {
  async function start(t: TestContext, tls = servedTls()): Promise<SetUp> {
    const around = await setUp(t, { transport, protocol: 'HTTPS', listener: { instanceProtocol: 'HTTP', tls } });
    around.backend.serve(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    return around;
  }

  describe(`a hello over the ${transport} transport`, () => {
    for (const [version, tls] of [
      ['TLSv1.2', servedTls()],
      ['TLSv1.3', servedTls(TLS_13)],
    ] as const) {
      for (const bytes of [1, 3, 4, 100]) {
        test(`in records of ${bytes} bytes is a hello like any other, with ${version}`, async (t) => {
          const { traffic } = await start(t, tls);
          const client = await dialWithHello(traffic.port, (hello, write) => write(inRecords(messageOf(hello), bytes)));
          assert.equal(client.tls.getProtocol(), version);
          client.send(GET);
          assert.equal((await readMessage(client)).body, 'ok');
          client.socket.destroy();
        });
      }

      test(`in single bytes is a hello like any other, with ${version}`, async (t) => {
        const { traffic } = await start(t, tls);
        const client = await dialWithHello(traffic.port, async (hello, write) => {
          for (const byte of hello) await write(Buffer.from([byte]));
        });
        assert.equal(client.tls.getProtocol(), version);
        client.send(GET);
        assert.equal((await readMessage(client)).body, 'ok');
        client.socket.destroy();
      });
    }

    test('is answered, the smallest too, and the one in the form of SSL 2 as OpenSSL likes it', async (t) => {
      const { traffic } = await start(t, servedTls({ issued: RSA }));
      const client = await traffic.dial();
      client.send(smallestHello());
      await client.take(ANSWER);
      client.socket.destroy();
      const old = await traffic.dial();
      old.send(smallestSsl2Hello());
      await old.takeBytes(1);
      old.reset();
    });

    test('that is longer than what is kept is answered all the same', async (t) => {
      const { traffic } = await start(t, servedTls({ issued: RSA }));
      const client = await traffic.dial();
      client.send(inRecords(paddedHello(smallestHello(), 40_000), MAX_RECORD));
      await client.take(ANSWER);
      client.socket.destroy();
    });

    test('and all that follows must come in the time that begins with the connection', async (t) => {
      const { traffic } = await start(t, servedTls({ issued: RSA }));
      const [client, silent] = [await traffic.dial(), await traffic.dial()];
      const hello = smallestHello();
      client.send(hello.subarray(0, 20));
      // Those who came before have been accepted when this one is served.
      (await dialTls(traffic.port)).socket.destroy();
      traffic.pass(HANDSHAKE_TIMEOUT_MS * 0.9);
      client.send(hello.subarray(20));
      await client.take(ANSWER);
      traffic.pass(HANDSHAKE_TIMEOUT_MS * 0.1);
      await Promise.all([client.shutDown(), silent.shutDown()]);
      assert.deepEqual(failures(traffic), { timeout: 2 });
    });

    test('that is small waits among so many: past them those who came first give way, and others are served', async (t) => {
      const { traffic } = await start(t, servedTls({ issued: RSA }));
      const first = await Promise.all(Array.from({ length: 8 }, () => waitingClient(traffic)));
      for (let left = SMALL_HELLO.maxWaiting; left > 0; left -= AT_ONCE)
        await Promise.all(Array.from({ length: AT_ONCE }, () => waitingClient(traffic)));
      await Promise.all(first.map((client) => client.shutDown()));
      assert.deepEqual(failures(traffic), { crowded_out: first.length });
      const client = await dialTls(traffic.port);
      client.send(GET);
      assert.equal((await readMessage(client)).body, 'ok');
      client.socket.destroy();
    });

    test('that ends in its middle, or with the connection, is a client that went away', async (t) => {
      const { traffic } = await start(t, servedTls({ issued: RSA }));
      for (const bytes of [Buffer.alloc(0), smallestHello().subarray(0, 20), smallestHello()]) {
        const client = await traffic.dial();
        client.send(bytes);
        client.end();
        await client.shutDown();
      }
      assert.deepEqual(failures(traffic), { closed: 3 });
    });
  });

  describe(`what is no hello, over the ${transport} transport,`, () => {
    const cases: Readonly<Record<string, readonly [Buffer, string]>> = {
      'plain HTTP': [Buffer.from(GET), 'not_tls'],
      'a request to a proxy': [Buffer.from('CONNECT www.example.test:443 HTTP/1.1\r\n\r\n'), 'not_tls'],
      'the preface of HTTP/2': [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'not_tls'],
      'a version that never was': [Buffer.from([22, 9, 9, 0, 50]), 'not_tls'],
      'a record that is too long': [Buffer.from([22, 3, 1, 0xff, 0xff]), 'other'],
      'a record that is a little too long': [Buffer.from([22, 3, 1, 0x40, 1]), 'other'],
      'an alert that ends it': [Buffer.from([21, 3, 3, 0, 2, 2, 40]), 'other'],
      'an alert that is a warning': [Buffer.from([21, 3, 3, 0, 2, 1, 90]), 'other'],
      'an empty change of ciphers, behind which OpenSSL would wait': [Buffer.from([20, 3, 3, 0, 0]), 'not_tls'],
      data: [Buffer.from([23, 3, 3, 0, 3, 1, 2, 3]), 'other'],
      'another message': [inRecords(Buffer.from([2, 0, 0, 50]), 4), 'other'],
      'a hello that is longer than any': [inRecords(helloHeader(2 ** 24 - 1), 4), 'other'],
    };
    for (const [what, [bytes, failure]] of Object.entries(cases)) {
      test(`${what}: ended at once, counted as ${failure}`, async (t) => {
        const { traffic } = await start(t);
        const client = await traffic.dial();
        client.send(bytes);
        await client.shutDown();
        assert.deepEqual(failures(traffic), { [failure]: 1 });
      });
    }
  });
}
