/** docs/faults.md, rows 26, 37 and 44: what goes wrong in TLS, on either side. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { HANDSHAKE_TIMEOUT_MS } from '../../src/model/limits.ts';
import { TARGET_STATE } from '../../src/traffic/target-table.ts';
import { AT_CAPACITY, fault, GET, OK, type Scene } from '../support/faults.ts';
import { issue } from '../support/issued.ts';
import { dial, ScriptedServer } from '../support/peers.ts';
import { dialTls, INSTANCE, publicKey, servedTls, startTlsBackend } from '../support/tls.ts';
import type { SetUpOptions } from '../support/traffic.ts';

const OTHER = issue({ commonName: 'another' });

/** A first instance that answers a hello with something else. */
async function noTlsFirst(t: TestContext): Promise<SetUpOptions> {
  const bad = await ScriptedServer.start();
  bad.server.on('connection', (socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  t.after(() => bad.stop());
  return { otherBackends: [bad.port] };
}

/** A first instance with a key that is not the one it should have. */
async function wrongKeyFirst(t: TestContext): Promise<SetUpOptions> {
  const wrong = await startTlsBackend(OTHER);
  t.after(async () => {
    for (const { received } of wrong.peers) assert.equal(received, '', 'it has seen no byte of a request');
    await wrong.stop();
  });
  return { otherBackends: [wrong.port], listener: { backendPublicKeys: [publicKey(INSTANCE)] } };
}

for (const [what, first, told] of [
  ['a TLS error', noTlsFirst, 'tlsFailed'],
  ['the wrong public key', wrongKeyFirst, 'publicKeyRefused'],
] as const) {
  fault(
    26,
    `a back end with ${what}: reported, the request goes elsewhere, 503 when none is left`,
    ['HTTPS'],
    async (scene) => {
      const client = await scene.dial();
      await scene.servedAnew(client);
      scene.traffic.setState(1, TARGET_STATE.outOfService);
      client.send(GET);
      assert.equal(await client.take('\r\n\r\n'), AT_CAPACITY);
      assert.deepEqual(
        scene.traffic.reports.map(({ type, slot }) => [type, slot]),
        [
          [told, 0],
          [told, 0],
        ],
      );
      return {
        metric: { requests: 2, backend2xx: 1, elb5xx: 1, backendConnectionErrors: 2, retries: 1 },
        log: [{ instance: 1, elb: 200, backend: 200 }, { elb: 503 }],
      };
    },
    first,
  );

  fault(
    26,
    `a back end with ${what}: reported, the connection goes elsewhere, closed when none is left`,
    ['SSL'],
    async (scene) => {
      const { client, instance } = await scene.joined();
      client.end();
      await instance.shutDown();
      instance.end();
      await client.shutDown();
      scene.traffic.setState(1, TARGET_STATE.outOfService);
      await (await scene.dial()).shutDown();
      assert.deepEqual(
        scene.traffic.reports.map(({ type, slot }) => [type, slot]),
        [
          [told, 0],
          [told, 0],
        ],
      );
      return { metric: { requests: 2, backendConnectionErrors: 2 }, log: [{ instance: 1 }, {}] };
    },
    first,
  );
}

/** Somebody is served, over a new connection. */
async function served(scene: Scene): Promise<void> {
  const client = await scene.dial();
  client.send(GET);
  const { peers } = scene.backend;
  const asked = () => peers.find(({ received }) => received.endsWith('\r\n\r\n'));
  while (asked() === undefined) await new Promise((resolve) => setImmediate(resolve));
  asked()!.send(OK);
  assert.equal(await client.take('ok'), OK);
  client.end();
  if (scene.layer === 'SSL') asked()!.end();
  await client.shutDown();
}

fault(
  37,
  'renegotiation in a loop: the connection is dropped, nobody else is hurt',
  ['HTTPS', 'SSL'],
  async (scene) => {
    for (let each = 0; each < 3; each++) {
      const { tls } = await dialTls(scene.traffic.port, { maxVersion: 'TLSv1.2' });
      const done: (Error | null)[] = [];
      await new Promise<void>((resolve) => {
        for (const event of ['error', 'end', 'close']) tls.on(event, () => resolve());
        for (let again = 0; again < 3; again++) tls.renegotiate({}, (error) => done.push(error));
      });
      assert.ok(!done.includes(null), 'none was done');
      tls.destroy();
    }
    await served(scene);
    // A connection of layer 4 counts, and is logged, from its handshake on; a request has to be one.
    return scene.layer === 'HTTPS'
      ? { metric: { requests: 1, backend2xx: 1 }, log: [{ instance: 0, elb: 200, backend: 200 }] }
      : { metric: { requests: 4 }, log: Array.from({ length: 4 }, () => ({ instance: 0 })) };
  },
);

fault(37, 'broken TLS: dropped and counted, and it is no line of the access log', ['HTTPS', 'SSL'], async (scene) => {
  const broken = [Buffer.from(GET), Buffer.alloc(100), Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]), Buffer.alloc(0)];
  for (const bytes of broken) {
    const client = await dial(scene.traffic.port);
    client.send(bytes);
    const ended = Promise.race([client.shutDown(), client.close()]);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    scene.traffic.pass(HANDSHAKE_TIMEOUT_MS);
    await ended;
    client.reset();
  }
  await served(scene);
  const one = scene.layer === 'HTTPS' ? { instance: 0, elb: 200, backend: 200 } : { instance: 0 };
  const metric = scene.layer === 'HTTPS' ? { requests: 1, backend2xx: 1 } : { requests: 1 };
  return { metric: { ...metric, handshakeFailures: broken.length }, log: [one] };
});

fault(37, 'an unknown SNI: the default certificate', ['HTTPS', 'SSL'], async (scene) => {
  for (const servername of ['nobody.example.test', 'www.example.test', `${'a'.repeat(63)}.${'b'.repeat(63)}.test`]) {
    const client = await dialTls(scene.traffic.port, { servername });
    assert.equal(client.tls.getPeerCertificate().subject.CN, 'www.example.test');
    const instance = scene.layer === 'SSL' ? await scene.backend.accept() : undefined;
    client.socket.destroy();
    instance?.end();
  }
  await served(scene);
  return scene.layer === 'HTTPS'
    ? { metric: { requests: 1, backend2xx: 1 }, log: [{ instance: 0, elb: 200, backend: 200 }] }
    : { metric: { requests: 4 }, log: Array.from({ length: 4 }, () => ({ instance: 0 })) };
});

const EXPIRED = issue({ notBeforeMs: Date.UTC(2020, 0, 1), notAfterMs: Date.UTC(2021, 0, 1) });

fault(
  44,
  'an expired certificate is served',
  ['HTTPS', 'SSL'],
  async (scene) => {
    const client = await dialTls(scene.traffic.port);
    assert.equal(client.tls.getPeerCertificate().valid_to, 'Jan  1 00:00:00 2021 GMT');
    const instance = scene.layer === 'SSL' ? await scene.backend.accept() : undefined;
    client.socket.destroy();
    instance?.end();
    await served(scene);
    return scene.layer === 'HTTPS'
      ? { metric: { requests: 1, backend2xx: 1 }, log: [{ instance: 0, elb: 200, backend: 200 }] }
      : { metric: { requests: 2 }, log: [{ instance: 0 }, { instance: 0 }] };
  },
  () => Promise.resolve({ listener: { tls: servedTls({ issued: EXPIRED }) } }),
);
