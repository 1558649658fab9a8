/** Layer 4: bytes both ways, unmodified. */
import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { CONNECT_TIMEOUT_MS } from '../../src/model/limits.ts';
import { SeededRandom } from '../../src/kit/random.ts';
import { TARGET_STATE } from '../../src/traffic/target-table.ts';
import { refusingPort, silentPort, type Peer } from '../support/peers.ts';
import { standstill } from '../support/standstill.ts';
import { setUp, TRANSPORTS, type SetUp, type SetUpOptions } from '../support/traffic.ts';

const IDLE_MS = 1000;
const MiB = 1024 * 1024;

/** Takes over what arrives at `peer`: counted and hashed, not kept. */
function digest(peer: Peer): { hash: Hash; count: number; done: Promise<void> } {
  const digest = { hash: createHash('sha256'), count: 0, done: peer.shutDown() };
  peer.socket.removeAllListeners('data');
  peer.socket.on('data', (chunk: Buffer) => {
    digest.hash.update(chunk);
    digest.count += chunk.length;
  });
  return digest;
}

for (const transport of TRANSPORTS) {
  const start = (t: TestContext, options: SetUpOptions = {}): Promise<SetUp> =>
    setUp(t, { transport, protocol: 'TCP', settings: { idleTimeoutMs: IDLE_MS }, ...options });

  /** A client and the instance that its connection was given to; one byte has gone all the way. */
  async function joined(t: TestContext, options?: SetUpOptions): Promise<SetUp & { client: Peer; instance: Peer }> {
    const around = await start(t, options);
    const client = await around.traffic.dial();
    const instance = await around.backend.accept();
    client.send('!');
    await instance.take('!');
    return { ...around, client, instance };
  }

  describe(`a TCP listener over the ${transport} transport`, () => {
    test('passes bytes on as they are, whoever speaks first', async (t) => {
      const { client, instance, traffic } = await joined(t);
      instance.send('220 hello\r\n');
      assert.equal(await client.take('\n'), '220 hello\r\n');
      const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
      client.send(all);
      assert.equal(await instance.takeBytes(256), all);
      instance.send(all);
      assert.equal(await client.takeBytes(256), all);
      assert.equal(traffic.outstanding(0), 1);
      assert.equal(traffic.count('receivedBytes'), 256 + 1);
      assert.equal(traffic.count('sentBytes'), 256 + 11);
      assert.equal(traffic.count('requests'), 1);
    });

    test('gives connections to the healthy instances in turn', async (t) => {
      const { traffic, backends } = await start(t, { backendCount: 4 });
      traffic.setState(2, TARGET_STATE.outOfService);
      for (let round = 0; round < 3; round++) for (let i = 0; i < 3; i++) await traffic.dial();
      for (const slot of [0, 1, 3]) for (let i = 0; i < 3; i++) await backends[slot]!.accept();
      assert.deepEqual(
        backends.map(({ peers }) => peers.length),
        [3, 3, 0, 3],
      );
      assert.deepEqual(
        [0, 1, 2, 3].map((slot) => traffic.outstanding(slot)),
        [3, 3, 0, 3],
      );
    });

    test('tries the next instance when connecting fails, and counts each failure', async (t) => {
      const refusing = await Promise.all([refusingPort(), refusingPort()]);
      t.after(async () => {
        for (const each of refusing) await each.release();
      });
      const { traffic, backend } = await start(t, { otherBackends: refusing.map(({ port }) => port) });
      for (let i = 0; i < 3; i++) {
        const client = await traffic.dial();
        client.send('hello');
        assert.equal(await (await backend.accept()).take('hello'), 'hello');
      }
      assert.ok(traffic.count('backendConnectionErrors') >= 2);
      assert.deepEqual(
        [0, 1, 2].map((slot) => traffic.outstanding(slot)),
        [0, 0, 3],
      );
    });

    test('closes the client when no instance is left, or none is in service', async (t) => {
      const refusing = await refusingPort();
      t.after(() => refusing.release());
      const { traffic } = await start(t, { otherBackends: [refusing.port], backendCount: 0 });
      const client = await traffic.dial();
      await client.shutDown();
      traffic.setState(0, TARGET_STATE.outOfService);
      const other = await traffic.dial();
      await other.shutDown();
      assert.equal(traffic.count('backendConnectionErrors'), 1);
      assert.equal(traffic.count('clientConnectionsActive'), 0);
      assert.equal(traffic.count('requests'), 2);
    });

    test('gives an instance that does not answer to the connecting a limited time, then tries the next', async (t) => {
      const { traffic, backend } = await start(t, { settings: { idleTimeoutMs: 60_000 } });
      const silent = await silentPort();
      t.after(() => silent.release());
      const listener = traffic.listeners[0]!;
      const target = { ...listener.targets[0]!, slot: 1, port: silent.port };
      await traffic.apply({ listeners: [{ ...listener, targets: [target, listener.targets[0]!] }] });
      traffic.setState(1, TARGET_STATE.inService);
      const clients = [await traffic.dial(), await traffic.dial()];
      for (const client of clients) client.send('hello');
      const first = await backend.accept();
      await first.take('hello');
      while (traffic.outstanding(1) !== 1) await new Promise((resolve) => setImmediate(resolve));
      traffic.pass(CONNECT_TIMEOUT_MS);
      const second = await backend.accept();
      assert.equal(await second.take('hello'), 'hello');
      assert.equal(traffic.count('backendConnectionErrors'), 1);
    });

    test('keeps the half-close of the client: the whole answer still comes', async (t) => {
      const { client, instance, traffic } = await joined(t);
      client.send('request');
      client.end();
      await instance.take('request');
      await instance.shutDown();
      instance.send('the whole ');
      await client.take('the whole ');
      instance.send('answer');
      instance.end();
      await client.close();
      assert.equal(client.received, 'answer');
      assert.equal(client.error, undefined);
      assert.equal(traffic.outstanding(0), 0);
    });

    test('keeps the half-close of the back end: the client can go on', async (t) => {
      const { client, instance, traffic } = await joined(t);
      instance.send('greeting');
      instance.end();
      assert.equal(await client.take('greeting'), 'greeting');
      await client.shutDown();
      client.send('more');
      assert.equal(await instance.take('more'), 'more');
      client.end();
      await instance.close();
      assert.equal(instance.error, undefined);
      assert.equal(traffic.outstanding(0), 0);
      assert.equal(traffic.count('clientConnectionsActive'), 0);
    });

    test('passes on a client that sends and ends before the instance is connected', async (t) => {
      const { traffic, backend } = await start(t);
      const client = await traffic.dial();
      client.send('all of it');
      client.end();
      const instance = await backend.accept();
      await instance.shutDown();
      assert.equal(instance.received, 'all of it');
      instance.send('answer');
      instance.end();
      await client.close();
      assert.equal(client.received, 'answer');
    });

    test('passes on a reset, both ways', async (t) => {
      const one = await joined(t);
      one.client.reset();
      assert.equal(await one.instance.close(), 'ECONNRESET');
      const other = await joined(t);
      other.instance.reset();
      assert.equal(await other.client.close(), 'ECONNRESET');
      for (const { traffic } of [one, other]) assert.equal(traffic.outstanding(0), 0);
    });

    test('passes on a reset when one direction has ended already', async (t) => {
      const one = await joined(t);
      one.client.end();
      await one.instance.shutDown();
      one.instance.reset();
      assert.equal(await one.client.close(), 'ECONNRESET');
      assert.equal(one.traffic.outstanding(0), 0);
    });

    test('closes both sides when nothing has moved for the idle timeout, not earlier', async (t) => {
      const { client, instance, traffic } = await joined(t);
      for (const [from, to] of [
        [client, instance],
        [instance, client],
        [client, instance],
      ] as const) {
        from.send('x');
        await to.take('x');
        traffic.pass(IDLE_MS - 200);
      }
      assert.equal(traffic.outstanding(0), 1);
      traffic.pass(200);
      await client.shutDown();
      await instance.shutDown();
      assert.equal(traffic.outstanding(0), 0);
    });

    test('gives one on which nobody says anything the idle timeout, not the time that connecting may take', async (t) => {
      const { traffic, backend } = await start(t, { settings: { idleTimeoutMs: 10 * CONNECT_TIMEOUT_MS } });
      const client = await traffic.dial();
      await backend.accept();
      await traffic.counted('latencyCount', 1);
      traffic.pass(9 * CONNECT_TIMEOUT_MS);
      assert.equal(traffic.count('clientConnectionsActive'), 1);
      traffic.pass(CONNECT_TIMEOUT_MS);
      await client.shutDown();
    });

    test('closes half-closed connections at the idle timeout too', async (t) => {
      const { client, instance, traffic } = await joined(t);
      client.end();
      await instance.shutDown();
      traffic.pass(IDLE_MS);
      await client.shutDown();
      assert.equal(traffic.outstanding(0), 0);
    });

    for (const reader of ['client', 'instance'] as const) {
      test(`stops reading from one side while the other (${reader}) does not read, and then goes on`, async (t) => {
        const { client, instance, traffic } = await joined(t);
        const [slow, fast] = reader === 'client' ? [client, instance] : [instance, client];
        slow.pause();
        const chunk = Buffer.alloc(MiB, 'x');
        const before = process.memoryUsage().arrayBuffers;
        for (let i = 0; i < 64; i++) fast.send(chunk);
        const left = await standstill(() => fast.socket.writableLength);
        assert.ok(left > 32 * MiB, `the sender has been stopped: ${left} left`);
        const grown = process.memoryUsage().arrayBuffers - before;
        assert.ok(grown < 16 * MiB, `memory has grown by ${grown}`);
        const taken = digest(slow);
        fast.end();
        slow.resume();
        await taken.done;
        assert.equal(taken.count, 64 * MiB);
        assert.equal(traffic.outstanding(0), 1);
      });
    }

    test('is cut at the idle timeout where a side does not read at all', async (t) => {
      const { client, instance, traffic } = await joined(t);
      client.pause();
      for (let i = 0; i < 32; i++) instance.send(Buffer.alloc(MiB));
      await standstill(() => instance.socket.writableLength);
      traffic.pass(IDLE_MS);
      await instance.shutDown();
      assert.equal(traffic.outstanding(0), 0);
    });

    test('carries much both ways at once, and nothing is lost, doubled or out of order', async (t) => {
      const { client, instance } = await joined(t);
      const up = new SeededRandom(1).bytes(MiB);
      const down = new SeededRandom(2).bytes(MiB);
      const got = { up: digest(instance), down: digest(client) };
      const sent = { up: createHash('sha256'), down: createHash('sha256') };
      for (let i = 0; i < 24; i++) {
        const cut = (i * 37_991) % MiB;
        for (const [peer, bytes, hash] of [
          [client, up.subarray(cut), sent.up],
          [instance, down.subarray(cut), sent.down],
        ] as const) {
          hash.update(bytes);
          if (!peer.socket.write(bytes)) await new Promise((resolve) => peer.socket.once('drain', resolve));
        }
      }
      client.end();
      instance.end();
      await Promise.all([got.up.done, got.down.done]);
      assert.equal(got.up.hash.digest('hex'), sent.up.digest('hex'));
      assert.equal(got.down.hash.digest('hex'), sent.down.digest('hex'));
    });

    test('goes back and forth between small and large reads without losing a byte', async (t) => {
      const { client, instance } = await joined(t);
      const got = digest(instance);
      const sent = createHash('sha256');
      const random = new SeededRandom(3);
      let count = 0;
      for (let i = 0; i < 400; i++) {
        const bytes = random.bytes(i % 40 < 30 ? 1 + random.below(3000) : 100_000 + random.below(300_000));
        sent.update(bytes);
        count += bytes.length;
        client.send(bytes);
        if (i % 3 === 0) while (got.count < count) await new Promise((resolve) => setImmediate(resolve));
      }
      client.end();
      await got.done;
      assert.equal(got.hash.digest('hex'), sent.digest('hex'));
    });
  });
}
