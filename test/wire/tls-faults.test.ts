/** Broken TLS of every kind hurts nobody else, throws nowhere, and leaves nothing behind (docs/faults.md 37). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { HANDSHAKE_TIMEOUT_MS } from '../../src/model/limits.ts';
import { HANDSHAKE_COUNTERS } from '../../src/traffic/counters.ts';
import { handshakeFailureCell } from '../../src/traffic/handshake-counters.ts';
import { SeededRandom } from '../../src/kit/random.ts';
import { readMessage } from '../support/http-reader.ts';
import { dial, type Peer } from '../support/peers.ts';
import { dialTls, servedTls } from '../support/tls.ts';
import { setUp, TRANSPORTS, type SetUp, type Traffic } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n';
const HALF_OPEN = 5000;
/** Of these: fewer than the backlog of a listener. */
const AT_ONCE = 250;
const MiB = 1024 * 1024;

/** Failed handshakes with that cause. */
function failures(traffic: Traffic, cause: string): number {
  return traffic.cells[HANDSHAKE_COUNTERS + handshakeFailureCell(cause)]!;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** The first bytes that a client of TLS sends. */
async function clientHello(): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const dialling = dialTls(port, { servername: 'www.example.test' });
  dialling.catch(() => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  server.close();
  await dialling.catch(() => undefined);
  return hello;
}

const HELLO = await clientHello();

for (const transport of TRANSPORTS) {
  /** An HTTPS listener whose instance answers `ok`, and a client that has been served already. */
  async function start(t: TestContext): Promise<SetUp & { witness: Peer }> {
    const listener = { instanceProtocol: 'HTTP', tls: servedTls() } as const;
    const around = await setUp(t, { transport, protocol: 'HTTPS', listener });
    around.backend.serve(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const witness = await dialTls(around.traffic.port);
    await served(witness);
    return { ...around, witness };
  }

  async function served(client: Peer): Promise<void> {
    client.send(GET);
    assert.equal((await readMessage(client)).body, 'ok');
  }

  /** Others are served as if nothing had happened: on connections that are up, and on new ones. */
  async function nobodyElseIsHurt({ traffic, witness }: { traffic: Traffic; witness: Peer }): Promise<void> {
    await served(witness);
    await served(await dialTls(traffic.port));
    assert.deepEqual(traffic.failures, []);
  }

  describe(`broken TLS over the ${transport} transport`, () => {
    const garbage: Readonly<Record<string, Buffer>> = {
      'plain HTTP': Buffer.from(GET),
      'the preface of HTTP/2': Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      'random bytes': new SeededRandom(1).bytes(5000),
      zeros: Buffer.alloc(100),
      'an alert': Buffer.from([21, 3, 3, 0, 2, 2, 40]),
      'a record of data': Buffer.from([23, 3, 3, 0, 5, 1, 2, 3, 4, 5]),
      'a record that is too long': Buffer.concat([Buffer.from([22, 3, 1, 0xff, 0xff]), Buffer.alloc(70_000, 1)]),
      'an empty record': Buffer.from([22, 3, 1, 0, 0]),
      'a hello of a version that never was': Buffer.concat([Buffer.from([22, 9, 9]), HELLO.subarray(3)]),
      'a hello of SSLv2': Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, ...Buffer.alloc(37)]),
    };
    for (const [what, bytes] of Object.entries(garbage)) {
      test(what, async (t) => {
        const around = await start(t);
        const client = await dial(around.traffic.port);
        client.send(bytes);
        // What could still become a record is waited for, but not for ever.
        if (what !== 'a record that is too long') around.traffic.pass(HANDSHAKE_TIMEOUT_MS);
        await Promise.race([client.shutDown(), client.close()]);
        await nobodyElseIsHurt(around);
      });
    }

    test('a hello cut at each of its bytes, and the client gone', async (t) => {
      const around = await start(t);
      for (let length = 0; length < HELLO.length; length += 7) {
        const client = await dial(around.traffic.port);
        client.send(HELLO.subarray(0, length));
        if (length % 2 === 0) client.reset();
        else client.end();
        await Promise.race([client.shutDown(), client.close()]);
      }
      await nobodyElseIsHurt(around);
    });

    test('a hello with each of its bytes changed', async (t) => {
      const around = await start(t);
      const clients: Peer[] = [];
      for (let at = 0; at < HELLO.length; at += 3) {
        const changed = Buffer.from(HELLO);
        changed[at] = changed[at]! ^ 0xff;
        const client = await dial(around.traffic.port);
        client.send(changed);
        clients.push(client);
      }
      await served(around.witness);
      for (const client of clients) client.reset();
      await nobodyElseIsHurt(around);
    });

    test('a hello in single bytes is a hello', async (t) => {
      const around = await start(t);
      const client = await dial(around.traffic.port);
      await client.trickle(HELLO.toString('latin1'));
      await client.take('\x16\x03\x03');
      client.reset();
      await nobodyElseIsHurt(around);
    });

    test('a client that vanishes right behind its hello, in the middle of the answer', async (t) => {
      const around = await start(t);
      for (let each = 0; each < 20; each++) {
        const client = await dial(around.traffic.port);
        client.send(HELLO);
        if (each % 2 === 0) await client.takeBytes(1);
        client.reset();
        await client.close();
      }
      await until(() => failures(around.traffic, 'ECONNRESET') === 20);
      await nobodyElseIsHurt(around);
    });

    test('a client that vanishes while bytes for it are on the way, before anybody has noticed', async (t) => {
      const listener = { instanceProtocol: 'TCP', tls: servedTls() } as const;
      const { traffic, backend } = await setUp(t, { transport, protocol: 'SSL', listener });
      for (let each = 0; each < 20; each++) {
        const raw = connect(traffic.port, '127.0.0.1');
        await once(raw, 'connect');
        await dialTls(traffic.port, { socket: raw });
        const instance = await backend.accept();
        // In one turn: which of the two is seen first is up to the kernel.
        if (each % 2 === 0) raw.resetAndDestroy();
        instance.send('for nobody');
        if (each % 2 === 1) raw.resetAndDestroy();
        await instance.close();
      }
      assert.equal(traffic.count('clientConnectionsActive'), 0);
    });

    test('garbage behind the handshake ends that connection alone', async (t) => {
      const around = await start(t);
      const raw = connect(around.traffic.port, '127.0.0.1');
      await once(raw, 'connect');
      const client = await dialTls(around.traffic.port, { socket: raw });
      await served(client);
      raw.write(Buffer.from([23, 3, 3, 0, 40, ...new SeededRandom(2).bytes(40)]));
      await Promise.race([client.shutDown(), client.close()]);
      await nobodyElseIsHurt(around);
    });

    test('renegotiation in a loop', async (t) => {
      const around = await start(t);
      for (let each = 0; each < 5; each++) {
        const { tls } = await dialTls(around.traffic.port, { maxVersion: 'TLSv1.2' });
        const done: (Error | null)[] = [];
        const refused = new Promise<void>((resolve) => {
          for (const event of ['error', 'end', 'close']) tls.on(event, () => resolve());
          for (let again = 0; again < 3; again++) tls.renegotiate({}, (error) => done.push(error));
        });
        await refused;
        assert.ok(!done.includes(null), 'none was done');
        tls.destroy();
      }
      await nobodyElseIsHurt(around);
    });

    test('a client that has no version or cipher in common, and one that trusts nobody', async (t) => {
      const around = await start(t);
      const { traffic } = around;
      await traffic.change({ tls: servedTls({ policy: ['Protocol-TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256'] }) });
      await assert.rejects(dialTls(traffic.port, { maxVersion: 'TLSv1.1' }));
      await assert.rejects(dialTls(traffic.port, { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384', maxVersion: 'TLSv1.2' }));
      await assert.rejects(dialTls(traffic.port, { rejectUnauthorized: true }), {
        code: /SELF_SIGNED|UNABLE_TO_VERIFY/,
      });
      assert.equal(failures(traffic, 'ERR_SSL_UNSUPPORTED_PROTOCOL'), 1);
      assert.equal(failures(traffic, 'ERR_SSL_NO_SHARED_CIPHER'), 1);
      await nobodyElseIsHurt(around);
    });

    test(`${HALF_OPEN} half-open handshakes: others are served, and all end at the time-out`, async (t) => {
      const around = await start(t);
      const { traffic } = around;
      const before = process.memoryUsage.rss();
      const sockets: Socket[] = [];
      while (sockets.length < HALF_OPEN) {
        const some = Array.from({ length: AT_ONCE }, () =>
          connect(traffic.port, '127.0.0.1').on('error', () => undefined),
        );
        await Promise.all(some.map((socket) => once(socket, 'connect')));
        // Half of them say nothing at all.
        for (const socket of some.slice(AT_ONCE / 2)) socket.write(HELLO);
        sockets.push(...some);
        await nobodyElseIsHurt(around);
      }
      await nobodyElseIsHurt(around);
      const grown = (process.memoryUsage.rss() - before) / MiB;
      t.diagnostic(`${HALF_OPEN} half-open handshakes, both ends in one process: ${grown.toFixed(0)} MiB more`);
      let open = sockets.length;
      // One whose hello had not been read yet is reset.
      for (const socket of sockets) socket.resume().once('close', () => open--);
      // A listener in a crowd has several sockets: who came last may have been accepted first.
      while (open > 0) {
        traffic.pass(HANDSHAKE_TIMEOUT_MS);
        await nobodyElseIsHurt(around);
      }
      assert.equal(failures(traffic, 'handshake timed out'), HALF_OPEN);
    });

    test('handshakes are counted by what they agreed on', async (t) => {
      const { traffic } = await start(t);
      const first = await dialTls(traffic.port, { maxVersion: 'TLSv1.2' });
      const session = first.tls.getSession()!;
      await served(first);
      await served(await dialTls(traffic.port, { maxVersion: 'TLSv1.2', session }));
      const agreed = traffic.cells.slice(HANDSHAKE_COUNTERS).filter((count) => count > 0);
      assert.deepEqual([...agreed], [2, 1], 'two full ones, the witness among them, and a resumed one');
    });
  });
}
