/** When a request is sent a second time, and when it must not be. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { RETRY } from '../../src/model/limits.ts';
import { TARGET_STATE } from '../../src/traffic/target-table.ts';
import { readMessage } from '../support/http-reader.ts';
import { refusingPort, silentPort, type Peer, type ScriptedServer } from '../support/peers.ts';
import { setUp, TRANSPORTS, type SetUp, type SetUpOptions } from '../support/traffic.ts';

const TIMED_OUT = 'HTTP/1.1 504 GATEWAY_TIMEOUT\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n';
const AT_CAPACITY = /^HTTP\/1\.1 503 Service Unavailable: Back-end server is at capacity\r\n/;

function request(method: string, body = '', fields = ''): string {
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
  return `${method} / HTTP/1.1\r\nHost: h\r\n${length}${fields}\r\n${body}`;
}

function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** So many bytes, with what a request has besides. */
function longFields(bytes: number): string {
  const rest = bytes - request('GET').length;
  const field = (length: number): string => `A: ${'a'.repeat(length - 5)}\r\n`;
  return field(8192).repeat(Math.floor(rest / 8192) - 1) + field(8192 + (rest % 8192));
}

/** A load balancer whose first `count` back ends refuse connections. */
async function withRefusing(t: TestContext, count: number, options: SetUpOptions = {}): Promise<SetUp> {
  const refusing = await Promise.all(Array.from({ length: count }, () => refusingPort()));
  t.after(async () => {
    for (const each of refusing) await each.release();
  });
  return setUp(t, { ...options, otherBackends: refusing.map(({ port }) => port) });
}

/** A client, and the connection that the back end has kept open after serving it once. */
async function reusable(traffic: SetUp['traffic'], backend: ScriptedServer): Promise<{ client: Peer; pooled: Peer }> {
  const client = await traffic.dial();
  client.send(request('GET'));
  const pooled = await backend.accept();
  await readMessage(pooled);
  pooled.send(ok(''));
  await readMessage(client);
  return { client, pooled };
}

for (const transport of TRANSPORTS) {
  describe(`over the ${transport} transport, a request`, () => {
    for (const method of ['PUT', 'POST', 'PATCH']) {
      test(`${method} that never reached an instance goes to another one, each failure counted`, async (t) => {
        const { traffic, backend } = await withRefusing(t, 3, { transport });
        backend.serve(({ startLine, body }) => ok(`${startLine} ${body}`));
        const client = await traffic.dial();
        for (let i = 0; i < 4; i++) {
          client.send(request(method, 'some body'));
          assert.equal((await readMessage(client)).body, `${method} / HTTP/1.1 some body`);
        }
        assert.equal(traffic.count('backendConnectionErrors'), traffic.count('retries'));
        assert.ok(traffic.count('backendConnectionErrors') >= 3, 'the turn came to each of them');
        assert.equal(traffic.count('backend2xx'), 4);
        assert.equal(traffic.count('requests'), 4);
        for (let slot = 0; slot < 4; slot++) assert.equal(traffic.outstanding(slot), 0);
      });
    }

    test('that an instance is silent for goes to another one, however short the idle timeout: that has all of it', async (t) => {
      const silent = await silentPort();
      t.after(() => silent.release());
      const settings = { idleTimeoutMs: 1000 };
      const { traffic, backend } = await setUp(t, { transport, settings, otherBackends: [silent.port] });
      const clients = [await traffic.dial(), await traffic.dial()];
      for (const client of clients) client.send(request('GET'));
      const first = await backend.accept();
      await readMessage(first);
      first.send(ok('1'));
      await traffic.counted('backend2xx', 1);
      while (traffic.outstanding(0) === 0) await new Promise((resolve) => setImmediate(resolve));
      traffic.pass(1000);
      const isOver = () => backend.peers.length === 2 || first.received !== '' || traffic.count('elb5xx') > 0;
      while (!isOver()) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(traffic.count('elb5xx'), 0);
      const second = first.received === '' ? await backend.accept() : first;
      await readMessage(second);
      traffic.pass(800);
      second.send(ok('2'));
      const bodies = await Promise.all(clients.map(async (client) => (await readMessage(client)).body));
      assert.deepEqual(bodies.sort(), ['1', '2']);
      assert.equal(traffic.count('backendConnectionErrors'), 1);
    });

    test('that the only instance is silent for gets 504 at the idle timeout, which counts as a failure to connect', async (t) => {
      const silent = await silentPort();
      t.after(() => silent.release());
      const settings = { idleTimeoutMs: 1000 };
      const { traffic } = await setUp(t, { transport, settings, otherBackends: [silent.port], backendCount: 0 });
      const client = await traffic.dial();
      client.send(request('POST', 'some body'));
      while (traffic.outstanding(0) === 0) await new Promise((resolve) => setImmediate(resolve));
      traffic.pass(1000);
      assert.equal((await readMessage(client)).head, TIMED_OUT);
      assert.equal(traffic.count('backendConnectionErrors'), 1);
    });

    test('that all instances are silent for gets 504 when two of them have had the idle timeout', async (t) => {
      const silent = await Promise.all([silentPort(), silentPort(), silentPort()]);
      t.after(async () => {
        for (const each of silent) await each.release();
      });
      const options = {
        settings: { idleTimeoutMs: 1000 },
        otherBackends: silent.map(({ port }) => port),
        backendCount: 0,
      };
      const { traffic } = await setUp(t, { transport, ...options });
      const client = await traffic.dial();
      client.send(request('GET'));
      for (let failed = 0; failed < 2; failed++) {
        while (traffic.count('backendConnections') !== failed + 1)
          await new Promise((resolve) => setImmediate(resolve));
        assert.equal(traffic.count('elb5xx'), 0);
        traffic.pass(1000);
        assert.equal(traffic.count('backendConnectionErrors'), failed + 1);
      }
      assert.equal((await readMessage(client)).head, TIMED_OUT);
    });

    test('that no instance can be reached for gets 503, and its connection is kept', async (t) => {
      const { traffic } = await withRefusing(t, 3, { transport, backendCount: 0 });
      const client = await traffic.dial();
      for (let i = 1; i <= 2; i++) {
        client.send(request('GET'));
        assert.match((await readMessage(client)).head, AT_CAPACITY);
        assert.equal(traffic.count('backendConnectionErrors'), 3 * i);
      }
      assert.equal(traffic.count('elb5xx'), 2);
    });

    test('of which only a part is there goes on over a connection that another instance has kept open', async (t) => {
      const { traffic, backend } = await withRefusing(t, 1, { transport });
      const { client, pooled } = await reusable(traffic, backend);
      const body = 'x'.repeat(300_000);
      // One of the two goes to the instance that refuses first.
      for (let turn = 0; turn < 2; turn++) {
        client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`);
        client.send(body.slice(9));
        assert.equal((await readMessage(pooled)).body, body);
        pooled.send(ok(''));
        assert.match((await readMessage(client)).head, /^HTTP\/1\.1 200 /);
      }
      assert.ok(traffic.count('backendConnectionErrors') >= 1, 'the turn came to the one that refuses');
    });

    test('of which only a part is there goes to another instance with all of its body', async (t) => {
      const { traffic, backend } = await withRefusing(t, 2, { transport });
      const client = await traffic.dial();
      const body = 'x'.repeat(300_000);
      client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`);
      const instance = await backend.accept();
      client.send(body.slice(9));
      assert.equal((await readMessage(instance)).body, body);
      instance.send(ok('done'));
      assert.equal((await readMessage(client)).body, 'done');
    });

    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
      test(`${method} on a reused connection that breaks is sent once more, to another instance`, async (t) => {
        const { traffic, backends } = await setUp(t, { transport, backendCount: 2 });
        traffic.setState(1, TARGET_STATE.outOfService);
        const { client, pooled } = await reusable(traffic, backends[0]!);
        client.send(request(method, method === 'PUT' ? 'all of it' : ''));
        const first = await readMessage(pooled);
        traffic.setState(0, TARGET_STATE.outOfService);
        traffic.setState(1, TARGET_STATE.inService);
        // The other one has as much to do.
        (await traffic.dial()).send(request('GET'));
        await readMessage(await backends[1]!.accept());
        traffic.setState(0, TARGET_STATE.inService);
        pooled.end();
        const other = await backends[1]!.accept();
        assert.deepEqual(await readMessage(other), first);
        other.send(ok(''));
        assert.match((await readMessage(client)).startLine, / 200 /);
        assert.equal(traffic.count('retries'), 1);
        assert.equal(traffic.count('backendConnectionErrors'), 0);
      });
    }

    test('on a reused connection of the only instance there is goes to it over a new connection', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const { client, pooled } = await reusable(traffic, backend);
      client.send(request('GET'));
      await readMessage(pooled);
      pooled.reset();
      const fresh = await backend.accept();
      await readMessage(fresh);
      fresh.send(ok('fresh'));
      assert.equal((await readMessage(client)).body, 'fresh');
    });

    test('is sent again once, not twice', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const { client, pooled } = await reusable(traffic, backend);
      client.send(request('GET'));
      await readMessage(pooled);
      pooled.end();
      const fresh = await backend.accept();
      await readMessage(fresh);
      fresh.end();
      assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
      await client.shutDown();
      assert.equal(traffic.count('retries'), 1);
      assert.equal(backend.peers.length, 2);
    });

    test('is sent again as well as the one before it on its connection', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const { client, pooled } = await reusable(traffic, backend);
      let instance = pooled;
      for (let turn = 1; turn <= 2; turn++) {
        client.send(request('GET'));
        await readMessage(instance);
        instance.end();
        instance = await backend.accept();
        await readMessage(instance);
        instance.send(ok(`again ${turn}`));
        assert.equal((await readMessage(client)).body, `again ${turn}`);
      }
    });

    test('that an instance has had for a while is not sent again: it did not close as the connection was reused', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      for (const [afterMs, again] of [
        [RETRY.withinMs / 2, true],
        [RETRY.withinMs, false],
      ] as const) {
        const { client, pooled } = await reusable(traffic, backend);
        client.send(request('GET'));
        await readMessage(pooled);
        traffic.pass(afterMs);
        pooled.end();
        if (again) {
          const fresh = await backend.accept();
          await readMessage(fresh);
          fresh.send(ok('fresh').replace('\r\n', '\r\nConnection: close\r\n'));
          assert.equal((await readMessage(client)).body, 'fresh');
        } else assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
      }
      assert.equal(traffic.count('retries'), 1);
    });

    test('is not sent over another pooled connection, which may be as dead as the first', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const one = await traffic.dial();
      const two = await traffic.dial();
      for (const client of [one, two]) client.send(request('GET'));
      for (let i = 0; i < 2; i++) await readMessage(await backend.accept());
      for (const peer of backend.peers) peer.send(ok(''));
      for (const client of [one, two]) await readMessage(client);
      one.send(request('GET'));
      await Promise.race(backend.peers.map((peer) => readMessage(peer)));
      for (const peer of backend.peers.slice(0, 2)) if (peer.socket.bytesRead > 200) peer.end();
      const fresh = await backend.accept();
      await readMessage(fresh);
      fresh.send(ok('fresh'));
      assert.equal((await readMessage(one)).body, 'fresh');
    });

    const NEVER: readonly (readonly [name: string, request: string])[] = [
      ['POST', request('POST')],
      ['a method that nobody knows', request('PURGE')],
      ['get, which is not GET', request('get')],
      ['GET, too long to be kept,', request('GET', '', longFields(RETRY.maxReplayBytes))],
    ];
    for (const [name, sent] of NEVER) {
      test(`of ${name} is not sent again: 504`, async (t) => {
        const { traffic, backend } = await setUp(t, { transport, backendCount: 1 });
        const { client, pooled } = await reusable(traffic, backend);
        client.send(sent);
        await readMessage(pooled);
        pooled.end();
        assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
        await client.shutDown();
        assert.equal(backend.peers.length, 1);
        assert.equal(traffic.count('retries'), 0);
      });
    }

    test('with a body that is not kept whole is not sent again: 504', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const { client, pooled } = await reusable(traffic, backend);
      client.send('PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab');
      await pooled.take('ab');
      client.send('cd');
      await pooled.take('cd');
      pooled.end();
      assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
      assert.equal(backend.peers.length, 1);
    });

    test('of which a byte of the response has come is not sent again', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const { client, pooled } = await reusable(traffic, backend);
      client.send(request('GET'));
      await readMessage(pooled);
      pooled.send('H');
      await new Promise((resolve) => setImmediate(resolve));
      pooled.end();
      assert.match(await client.take('\r\n\r\n'), /^HTTP\/1\.1 502 Bad Gateway\r\n/);
      assert.equal(backend.peers.length, 1);
    });

    test('on a fresh connection that breaks is not sent again: 504', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      for (const breakOff of [(peer: Peer) => peer.end(), (peer: Peer) => peer.reset()]) {
        const client = await traffic.dial();
        client.send(request('GET'));
        const instance = await backend.accept();
        await readMessage(instance);
        breakOff(instance);
        assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
        await client.shutDown();
      }
      assert.equal(traffic.count('retries'), 0);
    });

    test('on a connection that was opened in advance is sent again only if that has waited for long', async (t) => {
      const { traffic, backend } = await setUp(t, { transport, settings: { preconnect: true } });
      for (const [waitedMs, again] of [
        [0, false],
        [6000, true],
      ] as const) {
        traffic.pass(1000);
        const ahead = await backend.accept();
        // It is known to be up, or the request would go over another one.
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        traffic.pass(waitedMs);
        const client = await traffic.dial();
        client.send(request('GET'));
        await readMessage(ahead);
        ahead.end();
        if (again) {
          const fresh = await backend.accept();
          await readMessage(fresh);
          fresh.send(ok('fresh'));
          assert.equal((await readMessage(client)).body, 'fresh');
        } else assert.equal(await client.take('\r\n\r\n'), TIMED_OUT);
      }
      assert.equal(traffic.count('retries'), 1);
    });

    test('finds a pooled connection that the back end has closed meanwhile gone, and a new one instead', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      const { client, pooled } = await reusable(traffic, backend);
      pooled.end();
      await pooled.shutDown();
      client.send(request('POST', 'x'));
      const fresh = await backend.accept();
      assert.equal((await readMessage(fresh)).body, 'x');
      fresh.send(ok('ok'));
      assert.equal((await readMessage(client)).body, 'ok');
    });
  });
}
