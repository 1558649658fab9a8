/** TLS to instances: pooled and resumed connections, public keys, and instances that fail at it. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import tls, { type Server, type TlsOptions, type TLSSocket } from 'node:tls';
import { CONNECT_TIMEOUT_MS, MAX_RENEGOTIATIONS } from '../../src/model/limits.ts';
import type { CompiledListener } from '../../src/traffic/snapshot.ts';
import { readMessage, type Message } from '../support/http-reader.ts';
import { issue } from '../support/issued.ts';
import { ScriptedServer, type Peer } from '../support/peers.ts';
import { answerOfOld, INSTANCE, publicKey, startTlsBackend } from '../support/tls.ts';
import { setUp, TRANSPORTS, type SetUp, type SetUpOptions, type Traffic } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const OTHER = issue({ commonName: 'another' });
const RSA = issue({ key: 'rsa-2048' });

async function ask(client: Peer): Promise<Message> {
  client.send(GET);
  return readMessage(client);
}

/** The handshakes that the back end has seen: was each one resumed? */
function resumptions({ peers }: ScriptedServer): boolean[] {
  return peers.map(({ socket }) => (socket as TLSSocket).isSessionReused());
}

// Node's own bound on renegotiations would end them in the instance.
Object.assign(tls, { CLIENT_RENEG_LIMIT: 100 });

/** Another handshake on the connection, asked for by the instance: is it done, or is the connection gone? */
async function renegotiates(instance: Peer): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = instance.socket as TLSSocket;
  socket.renegotiate({ requestCert: true, rejectUnauthorized: false }, (error) => resolve(error === null));
  return Promise.race([promise, instance.shutDown().then(() => false)]);
}

for (const transport of TRANSPORTS) {
  const start = (t: TestContext, options: SetUpOptions & { tls?: TlsOptions } = {}): Promise<SetUp> => {
    const { tls, listener, ...others } = options;
    const startBackend = () => startTlsBackend(INSTANCE, tls);
    const instanceProtocol = (options.protocol ?? 'HTTP') === 'HTTP' ? 'HTTPS' : 'SSL';
    return setUp(t, { transport, startBackend, listener: { instanceProtocol, ...listener }, ...others });
  };

  describe(`HTTPS to instances over the ${transport} transport`, () => {
    test('connections are pooled', async (t) => {
      const { traffic, backend } = await start(t);
      backend.serve(() => OK);
      for (let each = 0; each < 10; each++) {
        const client = await traffic.dial();
        assert.equal((await ask(client)).body, 'ok');
        client.socket.destroy();
      }
      assert.equal(backend.peers.length, 1);
    });

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      test(`a further connection resumes the session of one before (${version})`, async (t) => {
        const { traffic, backend } = await start(t, { tls: { minVersion: version, maxVersion: version } });
        backend.serve(() => OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
        const client = await traffic.dial();
        for (let each = 0; each < 4; each++) assert.equal((await ask(client)).body, 'ok');
        assert.deepEqual(resumptions(backend), [false, true, true, true]);
      });
    }

    test('each of several instances is offered its own session', async (t) => {
      const others = await Promise.all([startTlsBackend(OTHER), startTlsBackend(OTHER)]);
      for (const each of others) t.after(() => each.stop());
      const { traffic, backend } = await start(t, { otherBackends: others.map(({ port }) => port) });
      const instances = [backend, ...others];
      for (const each of instances) each.serve(() => OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
      const client = await traffic.dial();
      for (let each = 0; each < 9; each++) assert.equal((await ask(client)).body, 'ok');
      for (const each of instances) assert.deepEqual(resumptions(each), [false, true, true]);
    });

    test('an instance that has forgotten its sessions is spoken to anew', async (t) => {
      const { traffic, backend } = await start(t, { tls: { ticketKeys: Buffer.alloc(48, 1) } });
      backend.serve(() => OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
      const client = await traffic.dial();
      assert.equal((await ask(client)).body, 'ok');
      (backend.server as Server).setTicketKeys(Buffer.alloc(48, 2));
      assert.equal((await ask(client)).body, 'ok');
      assert.deepEqual(resumptions(backend), [false, false]);
    });

    test('an instance with TLS 1.0 and a certificate that nobody trusts is talked to', async (t) => {
      const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' } as const;
      const { traffic, backend } = await start(t, { tls: old });
      backend.serve(() => OK);
      assert.equal((await ask(await traffic.dial())).body, 'ok');
      assert.equal((backend.peers[0]!.socket as TLSSocket).getProtocol(), 'TLSv1');
    });

    test('an instance whose only cipher OpenSSL does not offer by itself any more is talked to', async (t) => {
      const { certificate: cert, privateKey: key } = RSA;
      const tls: TlsOptions = { cert, key, maxVersion: 'TLSv1.2', ciphers: 'CAMELLIA128-SHA:@SECLEVEL=0' };
      const { traffic, backend } = await start(t, { tls });
      backend.serve(() => OK);
      assert.equal((await ask(await traffic.dial())).body, 'ok');
      assert.equal((backend.peers[0]!.socket as TLSSocket).getCipher().name, 'CAMELLIA128-SHA');
    });

    for (const [what, backendPublicKeys, record] of [
      ['is talked to', undefined, 22],
      ['gets an alert where a key is asked for', [publicKey(RSA)], 21],
    ] as const) {
      test(`an instance that knows nothing of secure renegotiation (RFC 5746) ${what}`, async (t) => {
        const old = await ScriptedServer.start();
        t.after(() => old.stop());
        const listener = backendPublicKeys === undefined ? {} : { backendPublicKeys };
        const { traffic } = await start(t, { otherBackends: [old.port], backendCount: 0, listener });
        (await traffic.dial()).send(GET);
        const instance = await old.accept();
        const [, , , high, low] = Buffer.from(await instance.takeBytes(5), 'latin1');
        await instance.takeBytes(high! * 256 + low!);
        instance.send(answerOfOld(RSA));
        assert.equal(
          (await instance.takeBytes(1)).charCodeAt(0),
          record,
          'type of the record: handshake (22), alert (21)',
        );
      });
    }

    test('an instance may ask for another handshake in the middle of an exchange, and has each request once', async (t) => {
      const { traffic, backend } = await start(t, { tls: { maxVersion: 'TLSv1.2' } });
      const client = await traffic.dial();
      client.send(GET);
      const instance = await backend.accept();
      for (let each = 0; each < 2 * MAX_RENEGOTIATIONS; each++) {
        if (each > 0) client.send(GET);
        await readMessage(instance);
        assert.ok(await renegotiates(instance));
        instance.send(OK);
        assert.equal((await readMessage(client)).body, 'ok');
      }
      assert.equal(instance.received, '');
      assert.equal(backend.peers.length, 1);
    });

    test('an instance that asks for handshakes without end, or for one though it was asked for its key, loses the connection', async (t) => {
      for (const listener of [{}, { backendPublicKeys: [publicKey(INSTANCE)] }]) {
        const { traffic, backend } = await start(t, { tls: { maxVersion: 'TLSv1.2' }, listener });
        const client = await traffic.dial();
        client.send(GET);
        const instance = await backend.accept();
        await readMessage(instance);
        let done = 0;
        while (await renegotiates(instance)) done++;
        assert.equal(done, listener.backendPublicKeys === undefined ? MAX_RENEGOTIATIONS : 0);
        assert.match((await readMessage(client)).startLine, /^HTTP\/1\.1 504 /);
      }
    });

    test('a body that ends with the connection is whole', async (t) => {
      const { traffic, backend } = await start(t);
      const client = await traffic.dial();
      client.send(GET);
      const instance = await backend.accept();
      await readMessage(instance);
      instance.send('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end');
      instance.end();
      assert.equal((await readMessage(client)).body, 'to the end');
    });

    /** Back ends that spoil the handshake in their own ways, before one that is fine. */
    const spoilers: Readonly<Record<string, (peer: Peer, traffic: Traffic) => void>> = {
      'answers with something else': (peer) => peer.send('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'closes in the middle': (peer) => peer.socket.destroy(),
      'resets in the middle': (peer) => peer.reset(),
      'answers with an alert': (peer) => peer.send(Buffer.from([21, 3, 3, 0, 2, 2, 40])),
      'answers nothing': (_peer, traffic) => traffic.pass(CONNECT_TIMEOUT_MS),
    };
    for (const [what, spoil] of Object.entries(spoilers)) {
      test(`an instance that ${what} instead of a handshake costs no request`, async (t) => {
        const bad = await ScriptedServer.start();
        t.after(() => bad.stop());
        const { traffic, backend } = await start(t, { otherBackends: [bad.port] });
        backend.serve(() => OK);
        const client = await traffic.dial();
        let spoiled = 0;
        void (async () => {
          for (;;) {
            const peer = await bad.accept();
            await peer.until(() => peer.received !== '', 'a hello');
            spoil(peer, traffic);
            spoiled++;
          }
        })();
        for (let each = 0; each < 4; each++) assert.match((await ask(client)).startLine, /^HTTP\/1\.1 200/);
        assert.ok(spoiled > 0);
        assert.equal(traffic.count('backendConnectionErrors'), spoiled);
        assert.deepEqual(traffic.refusedKeys, []);
      });
    }

    test('an instance that speaks no TLS is told of when a client was to be served, not for what is opened in advance', async (t) => {
      const bad = await ScriptedServer.start();
      t.after(() => bad.stop());
      bad.server.on('connection', (socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      );
      const { traffic } = await start(t, {
        otherBackends: [bad.port],
        backendCount: 0,
        settings: { preconnect: true },
      });
      traffic.pass(1000);
      await traffic.counted('backendConnectionErrors', 1);
      assert.deepEqual(traffic.reports, []);
      assert.match((await ask(await traffic.dial())).startLine, /^HTTP\/1\.1 503/);
      assert.deepEqual(traffic.reports, [{ type: 'tlsFailed', slot: 0 }]);
    });

    test('with one right key among several the instance is used', async (t) => {
      const backendPublicKeys = [publicKey(OTHER), publicKey(INSTANCE)];
      const { traffic, backend } = await start(t, { listener: { backendPublicKeys } });
      backend.serve(() => OK);
      assert.equal((await ask(await traffic.dial())).body, 'ok');
      assert.deepEqual(traffic.refusedKeys, []);
    });

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      test(`a resumed session is of the key that it began with (${version})`, async (t) => {
        const tls = { minVersion: version, maxVersion: version };
        const { traffic, backend } = await start(t, { tls, listener: { backendPublicKeys: [publicKey(INSTANCE)] } });
        backend.serve(() => OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
        const client = await traffic.dial();
        for (let each = 0; each < 4; each++) assert.equal((await ask(client)).body, 'ok');
        assert.deepEqual(resumptions(backend), [false, true, true, true]);
      });
    }

    test('an instance with another key sees no byte of a request, which goes elsewhere', async (t) => {
      const wrong = await startTlsBackend(OTHER);
      t.after(() => wrong.stop());
      const options = { otherBackends: [wrong.port], listener: { backendPublicKeys: [publicKey(INSTANCE)] } };
      const { traffic, backend } = await start(t, options);
      backend.serve(() => OK);
      const client = await traffic.dial();
      for (let each = 0; each < 4; each++) assert.equal((await ask(client)).body, 'ok');
      assert.ok(traffic.refusedKeys.length > 0);
      assert.deepEqual(new Set(traffic.refusedKeys), new Set([0]));
      for (const { received } of wrong.peers) assert.equal(received, '');
    });

    test('where no instance has a right key, or none could, the answer is 503', async (t) => {
      for (const backendPublicKeys of [[publicKey(OTHER)], []]) {
        const { traffic, backend } = await start(t, { listener: { backendPublicKeys } });
        assert.match((await ask(await traffic.dial())).startLine, /^HTTP\/1\.1 503 /);
        assert.deepEqual(traffic.refusedKeys, [0]);
        assert.ok(backend.peers.every(({ received }) => received === ''));
      }
    });

    test('a session of a right key does not let a wrong one in', async (t) => {
      const ticketKeys = Buffer.alloc(48, 1);
      const listener = { backendPublicKeys: [publicKey(INSTANCE)] };
      const { traffic, backend } = await start(t, { tls: { ticketKeys, maxVersion: 'TLSv1.2' }, listener });
      backend.serve(() => OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
      const client = await traffic.dial();
      assert.equal((await ask(client)).body, 'ok');
      const { certificate: cert, privateKey: key } = OTHER;
      // The thief has the certificate of its own, and new ticket keys: the old session is of no use to it.
      (backend.server as Server).setSecureContext({
        cert,
        key,
        ticketKeys: Buffer.alloc(48, 2),
        maxVersion: 'TLSv1.2',
      });
      assert.match((await ask(client)).startLine, /^HTTP\/1\.1 503 /);
      assert.deepEqual(traffic.refusedKeys, [0]);
    });

    test('keys are rotated without one request lost', async (t) => {
      const { traffic, backend } = await start(t, { listener: { backendPublicKeys: [publicKey(INSTANCE)] } });
      let served = 0;
      backend.serve(() => {
        served++;
        return served % 7 === 0 ? OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n') : OK;
      });
      let on = true;
      const failed: string[] = [];
      const clients = Array.from({ length: 4 }, async () => {
        const client = await traffic.dial();
        while (on) {
          const { startLine } = await ask(client);
          if (startLine !== 'HTTP/1.1 200 OK') failed.push(startLine);
        }
      });
      const more = async () => {
        const until = served + 100;
        while (served < until) await new Promise((resolve) => setImmediate(resolve));
      };
      await more();
      await traffic.change(keys(publicKey(INSTANCE), publicKey(OTHER)));
      await more();
      const { certificate: cert, privateKey: key } = OTHER;
      (backend.server as Server).setSecureContext({ cert, key });
      await more();
      await traffic.change(keys(publicKey(OTHER)));
      await more();
      on = false;
      await Promise.all(clients);
      assert.deepEqual(failed, []);
      assert.deepEqual(traffic.refusedKeys, []);
    });

    function keys(...backendPublicKeys: string[]): Partial<CompiledListener> {
      return { backendPublicKeys };
    }
  });

  describe(`SSL to instances over the ${transport} transport`, () => {
    test('an instance with another key sees no byte of a connection, which goes elsewhere', async (t) => {
      const wrong = await startTlsBackend(OTHER);
      t.after(() => wrong.stop());
      const listener = { backendPublicKeys: [publicKey(INSTANCE)] };
      const { traffic, backend } = await start(t, { protocol: 'TCP', otherBackends: [wrong.port], listener });
      for (let each = 0; each < 4; each++) {
        const client = await traffic.dial();
        client.send('hello');
        const instance = await backend.accept();
        await instance.take('hello');
        client.end();
        await instance.shutDown();
        instance.end();
        await client.shutDown();
      }
      assert.ok(traffic.refusedKeys.length > 0);
      for (const { received } of wrong.peers) assert.equal(received, '');
    });

    test('a second handshake tells the instance nothing again', async (t) => {
      const { traffic, backend } = await start(t, {
        protocol: 'TCP',
        tls: { maxVersion: 'TLSv1.2' },
        listener: { proxyProtocol: true },
      });
      const client = await traffic.dial();
      client.send('before');
      const instance = await backend.accept();
      assert.match(await instance.take('before'), /^PROXY TCP4 [^\r\n]+\r\nbefore$/);
      assert.ok(await renegotiates(instance));
      client.send('after');
      assert.equal(await instance.take('after'), 'after');
    });

    test('where no instance has a right key the connection is closed', async (t) => {
      const { traffic } = await start(t, { protocol: 'TCP', listener: { backendPublicKeys: [publicKey(OTHER)] } });
      const client = await traffic.dial();
      client.send('hello');
      await client.shutDown();
      assert.equal(client.received, '');
      assert.deepEqual(traffic.refusedKeys, [0]);
    });
  });
}
