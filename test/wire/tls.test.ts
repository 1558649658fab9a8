/** HTTPS and SSL listeners: every pairing, what a handshake agrees on, and what happens when that changes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { isTls, layerOf, type Protocol } from '../../src/model/load-balancer.ts';
import type { CompiledListener } from '../../src/traffic/snapshot.ts';
import { readMessage, valueOf } from '../support/http-reader.ts';
import { issue } from '../support/issued.ts';
import { dial, type Peer } from '../support/peers.ts';
import { dialTls, servedTls, SITE, startTlsBackend, tapped, type TlsPeer } from '../support/tls.ts';
import { setUp, TRANSPORTS, type SetUp, type SetUpOptions } from '../support/traffic.ts';

const MiB = 1024 * 1024;
const PAIRINGS: readonly (readonly [front: Protocol, back: Protocol])[] = [
  ['HTTP', 'HTTP'],
  ['HTTP', 'HTTPS'],
  ['HTTPS', 'HTTP'],
  ['HTTPS', 'HTTPS'],
  ['TCP', 'TCP'],
  ['TCP', 'SSL'],
  ['SSL', 'TCP'],
  ['SSL', 'SSL'],
];
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n';

/** Text that shows where something is missing or doubled. */
function numbered(bytes: number): string {
  let text = '';
  for (let at = 0; text.length < bytes; at += 10) text += at.toString().padStart(9, '0') + '\n';
  return text.slice(0, bytes);
}

/** The client sends and ends its side, then the instance does: both get all of it. */
async function exchangeHalves(
  client: Peer,
  backend: SetUp['backend'],
  upBytes: number,
  downBytes: number,
): Promise<void> {
  const [up, down] = [numbered(upBytes), numbered(downBytes)];
  client.send(up);
  client.end();
  const instance = await backend.accept();
  await instance.shutDown();
  assert.ok(instance.received === up, 'what the client sent is whole');
  instance.send(down);
  instance.end();
  await client.shutDown();
  assert.ok(client.received === down, 'what the instance sent is whole');
}

/** The protocols of a pairing, and what TLS they need. */
function pairing(front: Protocol, back: Protocol, listener: Partial<CompiledListener> = {}): SetUpOptions {
  return {
    protocol: front,
    listener: { instanceProtocol: back, ...(isTls(front) ? { tls: servedTls() } : {}), ...listener },
    ...(isTls(back) ? { startBackend: () => startTlsBackend() } : {}),
  };
}

for (const transport of TRANSPORTS) {
  const start = (t: TestContext, front: Protocol, back: Protocol, listener: Partial<CompiledListener> = {}) =>
    setUp(t, { transport, ...pairing(front, back, listener) });

  describe(`pairings over the ${transport} transport`, () => {
    for (const [front, back] of PAIRINGS.filter(([front]) => layerOf(front) === 7)) {
      test(`${front} to ${back} carries requests and large bodies both ways`, async (t) => {
        const { traffic, backend } = await start(t, front, back);
        const client = isTls(front) ? await dialTls(traffic.port) : await traffic.dial();
        const [up, down] = [numbered(MiB + 1), numbered(2 * MiB + 1)];
        for (const chunked of [false, true]) {
          const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${up.length}`;
          const frame = (body: string) => (chunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body);
          client.send(`POST /up HTTP/1.1\r\nHost: www.example.test\r\n${framing}\r\n\r\n${frame(up)}`);
          const instance = chunked ? backend.peers[0]! : await backend.accept();
          const request = await readMessage(instance);
          assert.ok(request.body === up, 'the request body is whole');
          assert.equal(valueOf(request, 'x-forwarded-proto'), isTls(front) ? 'https' : 'http');
          assert.equal(valueOf(request, 'x-forwarded-port'), String(traffic.port));
          instance.send(`HTTP/1.1 200 OK\r\n${framing.replace(String(up.length), String(down.length))}\r\n\r\n`);
          instance.send(frame(down));
          const response = await readMessage(client);
          assert.ok(response.body === down, 'the response body is whole');
        }
        client.end();
        await client.close();
      });
    }

    for (const [front, back] of PAIRINGS.filter(([front]) => layerOf(front) === 4)) {
      test(`${front} to ${back} carries bytes both ways, with half-close kept`, async (t) => {
        const { traffic, backend } = await start(t, front, back);
        const client = isTls(front) ? await dialTls(traffic.port) : await traffic.dial();
        await exchangeHalves(client, backend, 2 * MiB + 1, 3 * MiB + 1);
      });
    }
  });

  describe(`the goodbye of TLS over the ${transport} transport`, () => {
    /** A client that can say goodbye (close_notify) and keep its side of the connection open below. */
    async function reserved(port: number) {
      const { raw, socket, recordTypes } = await tapped(port);
      const below = raw.end.bind(raw);
      raw.end = () => raw;
      return { client: await dialTls(port, { socket }), recordTypes, endBelow: () => void below() };
    }

    for (const back of ['TCP', 'SSL'] as const) {
      test(`SSL to ${back}: a goodbye alone is the end of that side, and the other one goes on`, async (t) => {
        const { traffic, backend } = await start(t, 'SSL', back);
        const { client, recordTypes } = await reserved(traffic.port);
        await exchangeHalves(client, backend, MiB + 1, MiB + 2);
        assert.equal(recordTypes().at(-1), 21, 'and there was a goodbye behind it');
      });
    }

    test('an end without a goodbye ends that side too', async (t) => {
      const { traffic, backend } = await start(t, 'SSL', 'TCP');
      const { client, endBelow } = await reserved(traffic.port);
      client.send('hello');
      const instance = await backend.accept();
      await instance.take('hello');
      endBelow();
      await instance.shutDown();
      instance.send('bye');
      instance.end();
      await client.shutDown();
      assert.equal(client.received, 'bye');
    });

    test('an instance that says goodbye first gets what the client still sends', async (t) => {
      const { traffic, backend } = await start(t, 'SSL', 'SSL');
      const client = await dialTls(traffic.port);
      const instance = await backend.accept();
      instance.send('welcome');
      instance.end();
      await client.shutDown();
      assert.equal(client.received, 'welcome');
      const up = numbered(MiB);
      client.send(up);
      client.end();
      await instance.shutDown();
      assert.ok(instance.received === up);
    });
  });

  describe(`an HTTPS listener over the ${transport} transport`, () => {
    const https = (t: TestContext, listener: Partial<CompiledListener> = {}): Promise<SetUp> =>
      start(t, 'HTTPS', 'HTTP', listener);

    /** A listener whose instance answers everything with `ok`. */
    async function answering(t: TestContext, listener: Partial<CompiledListener> = {}): Promise<SetUp> {
      const around = await https(t, listener);
      around.backend.serve(() => OK);
      return around;
    }

    async function get(client: Peer): Promise<void> {
      client.send(GET);
      assert.equal((await readMessage(client)).body, 'ok');
    }

    test('shows its certificate, whatever name the client asks for', async (t) => {
      const { traffic } = await answering(t);
      for (const options of [{}, { servername: 'www.example.test' }, { servername: 'unknown.example.test' }]) {
        const client = await dialTls(traffic.port, options);
        assert.equal(client.tls.getPeerX509Certificate()?.subject, 'CN=www.example.test');
        await get(client);
      }
    });

    test('sends the whole chain', async (t) => {
      const root = issue({ commonName: 'root', isAuthority: true });
      const between = issue({ commonName: 'between', isAuthority: true, issuer: root });
      const leaf = issue({ commonName: 'www.example.test', issuer: between });
      const bundle = { ...leaf, certificate: `${leaf.certificate}\n${between.certificate}\n${root.certificate}` };
      const { traffic } = await answering(t, { tls: servedTls({ issued: bundle }) });
      const trusting = { ca: root.certificate, rejectUnauthorized: true, servername: 'www.example.test' };
      const client = await dialTls(traffic.port, trusting);
      assert.equal(client.tls.authorized, true);
      await get(client);
    });

    test('serves many requests on a connection, and many connections at once', async (t) => {
      const { traffic } = await answering(t);
      const clients = await Promise.all(Array.from({ length: 20 }, () => dialTls(traffic.port)));
      for (let round = 0; round < 5; round++) await Promise.all(clients.map(get));
      assert.equal(traffic.count('requests'), 100);
    });

    test('says goodbye (close_notify) before it closes, or clients could not tell a response that was cut', async (t) => {
      const { traffic } = await answering(t);
      for (const request of [GET, GET.replace('Host', 'Connection: close\r\nHost')]) {
        const { socket, recordTypes } = await tapped(traffic.port);
        const client = await dialTls(traffic.port, { socket });
        const handshake = recordTypes().length;
        client.send(request);
        assert.equal((await readMessage(client)).body, 'ok');
        traffic.pass(60_000);
        await client.shutDown();
        assert.deepEqual(recordTypes().slice(handshake), [23, 21]);
      }
    });

    test('gives a response whole to a client that closes its side right behind the request', async (t) => {
      const { traffic, backend } = await https(t);
      const body = numbered(MiB);
      backend.serve(() => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      const client = await dialTls(traffic.port);
      client.send(GET);
      client.end();
      assert.ok((await readMessage(client)).body === body);
    });

    test('offers exactly the versions that its policy lists', async (t) => {
      const ciphers = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA'];
      const versions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
      const policies = [['TLSv1'], ['TLSv1', 'TLSv1.2'], ['TLSv1.2'], ['TLSv1.2', 'TLSv1.3'], ['TLSv1.3']];
      const { traffic } = await answering(t);
      for (const [seed, listed] of policies.entries()) {
        const policy = [...listed.map((version) => `Protocol-${version}`), ...ciphers];
        await traffic.change({ tls: servedTls({ policy, ticketSeed: seed }) });
        for (const version of versions) {
          const attempt = dialTls(traffic.port, { minVersion: version, maxVersion: version });
          if (listed.includes(version)) {
            const client = await attempt;
            assert.equal(client.tls.getProtocol(), version);
            await get(client);
          } else await assert.rejects(attempt, `${version} with ${listed.join()}`);
        }
      }
    });

    test('takes the first cipher of its policy, or the first of the client where the policy says nothing', async (t) => {
      const [strong, weak] = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'] as const;
      const policy = ['Protocol-TLSv1.2', strong, weak];
      const { traffic } = await answering(t);
      const chosen = async (client: string) => {
        const { tls } = await dialTls(traffic.port, { ciphers: client, maxVersion: 'TLSv1.2' });
        return tls.getCipher().name;
      };
      await traffic.change({ tls: servedTls({ policy: [...policy, 'Server-Defined-Cipher-Order'] }) });
      assert.equal(await chosen(`${weak}:${strong}`), strong);
      await traffic.change({ tls: servedTls({ policy }) });
      assert.equal(await chosen(`${weak}:${strong}`), weak);
      await assert.rejects(chosen('ECDHE-ECDSA-AES128-SHA256'), 'no cipher of the policy');
    });

    test('a changed certificate serves the next connection, and those that are up go on', async (t) => {
      const { traffic } = await answering(t);
      const before = await dialTls(traffic.port);
      await get(before);
      const issued = issue({ commonName: 'new.example.test' });
      await traffic.change({ tls: servedTls({ issued }) });
      const after = await dialTls(traffic.port);
      assert.equal(after.tls.getPeerX509Certificate()?.subject, 'CN=new.example.test');
      await get(after);
      await get(before);
    });

    test('what OpenSSL refuses leaves what was served before, and says so', async (t) => {
      const { traffic } = await answering(t);
      const issued = { ...SITE, privateKey: issue().privateKey };
      await assert.rejects(
        traffic.change({ tls: servedTls({ issued }) }),
        /TLS cannot be set up: .*key values mismatch/,
      );
      await get(await dialTls(traffic.port));
      await traffic.change({ tls: servedTls({ ticketSeed: 2 }) });
    });

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const policy = ['Protocol-TLSv1', 'Protocol-TLSv1.2', 'Protocol-TLSv1.3', 'ECDHE-ECDSA-AES128-GCM-SHA256'];
      const only: ConnectionOptions = { minVersion: version, maxVersion: version };

      test(`${version} resumes on another thread by ticket, and never under what has been replaced`, async (t) => {
        const tls = servedTls({ policy });
        const [one, two] = [await answering(t, { tls }), await answering(t, { tls })];
        const session = await sessionOf(await dialTls(one.traffic.port, only));
        const resumed = await dialTls(two.traffic.port, { ...only, session });
        assert.equal(resumed.tls.isSessionReused(), true, 'the other thread knows the ticket');
        await get(resumed);
        for (const changed of [
          servedTls({ policy, ticketSeed: 2 }),
          servedTls({ policy, issued: issue() }),
          servedTls({ policy: [...policy, 'ECDHE-ECDSA-AES256-GCM-SHA384'] }),
        ]) {
          await two.traffic.change({ tls: changed });
          const client = await dialTls(two.traffic.port, { ...only, session });
          assert.equal(client.tls.isSessionReused(), false);
          const next = await dialTls(two.traffic.port, { ...only, session: await sessionOf(client) });
          assert.equal(next.tls.isSessionReused(), true, 'a ticket from after the change is good');
          await get(next);
        }
      });
    }

    /** The session of a client that has had one answer: with TLS 1.3 it comes behind the handshake. */
    async function sessionOf(client: TlsPeer): Promise<Buffer> {
      const session = once(client.tls, 'session') as Promise<[Buffer]>;
      const early = client.tls.getProtocol() === 'TLSv1.3' ? undefined : client.tls.getSession();
      await get(client);
      return early ?? (await session)[0];
    }

    test('plain HTTP on its port gets no answer, and TLS on a plain port gets 400', async (t) => {
      const { traffic } = await answering(t);
      const plain = await dial(traffic.port);
      plain.send(GET);
      await plain.shutDown();
      assert.doesNotMatch(plain.received, /HTTP/);
      const http = await start(t, 'HTTP', 'HTTP');
      await assert.rejects(dialTls(http.traffic.port));
    });

    test('a handshake that ends after its listener is gone serves nobody', async (t) => {
      const { traffic } = await answering(t);
      const socket = connect(traffic.port, '127.0.0.1');
      await once(socket, 'connect');
      await traffic.remove();
      await assert.rejects(async () => {
        const client = await dialTls(traffic.port, { socket });
        client.send(GET);
        await readMessage(client);
      });
    });
  });
}
