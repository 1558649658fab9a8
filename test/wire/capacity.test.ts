/** The cap on connections of an instance, and the surge queue behind it. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { CONNECT_TIMEOUT_MS, SURGE_PATIENCE_MS, SURGE_QUEUE_LENGTH } from '../../src/model/limits.ts';
import { loadBalancerId } from '../../src/model/load-balancer.ts';
import { COOKIE_KEY_BYTES, sealCookie } from '../../src/traffic/stickiness-seal.ts';
import { TARGET_STATE } from '../../src/traffic/target-table.ts';
import { readMessage } from '../support/http-reader.ts';
import { silentPort, type Peer } from '../support/peers.ts';
import { setUp, TRANSPORTS, type SetUp } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const IDLE_MS = 1000;
const KEY = Buffer.alloc(COOKIE_KEY_BYTES, 1);

function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

for (const transport of TRANSPORTS) {
  /** An instance that may have one connection, and a client whose request has it. */
  async function atCapacity(t: TestContext): Promise<SetUp & { first: Peer; instance: Peer }> {
    const settings = { maxConnectionsPerTarget: 1, idleTimeoutMs: IDLE_MS };
    const around = await setUp(t, { transport, settings });
    const first = await around.traffic.dial();
    first.send(GET);
    const instance = await around.backend.accept();
    await readMessage(instance);
    return { ...around, first, instance };
  }

  async function queued({ traffic }: SetUp, count: number): Promise<void> {
    while (traffic.count('surgeQueueLength') !== count) await new Promise((resolve) => setImmediate(resolve));
  }

  describe(`over the ${transport} transport, an instance at its cap`, () => {
    test('serves who waits in the order in which they came, over the one connection', async (t) => {
      const around = await atCapacity(t);
      const { traffic, first, instance, backend } = around;
      const waiting: Peer[] = [];
      for (let i = 1; i <= 5; i++) {
        const client = await traffic.dial();
        client.send(`GET /${i} HTTP/1.1\r\nHost: h\r\n\r\n`);
        waiting.push(client);
        await queued(around, i);
      }
      instance.send(ok('first'));
      assert.equal((await readMessage(first)).body, 'first');
      for (const [turn, client] of waiting.entries()) {
        assert.equal((await readMessage(instance)).startLine, `GET /${turn + 1} HTTP/1.1`);
        assert.equal(traffic.count('surgeQueueLength'), 4 - turn);
        instance.send(ok(`${turn}`));
        assert.equal((await readMessage(client)).body, `${turn}`);
      }
      assert.equal(backend.peers.length, 1);
      assert.equal(traffic.outstanding(0), 0);
    });

    test('is not blamed for the time that a request waited: its latency begins when it is sent', async (t) => {
      const around = await atCapacity(t);
      const { traffic, first, instance } = around;
      const begunMs = traffic.clock.monotonicMs();
      const client = await traffic.dial();
      client.send(GET);
      await queued(around, 1);
      traffic.pass(600);
      instance.send(ok('first'));
      await readMessage(first);
      await readMessage(instance);
      traffic.pass(200);
      instance.send(ok('second'));
      await readMessage(client);
      const elapsedMs = traffic.clock.monotonicMs() - begunMs;
      assert.equal(traffic.count('latencySum').toFixed(6), (elapsedMs / 1000).toFixed(6), 'one after the other');
    });

    test('gets the whole of a body that went on arriving while its request waited', async (t) => {
      const around = await atCapacity(t);
      const { traffic, first, instance } = around;
      const body = Array.from({ length: 40_000 }, (_, i) => `${i},`).join('');
      const client = await traffic.dial();
      client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`);
      client.send(body.slice(0, 100_000));
      await queued(around, 1);
      client.send(body.slice(100_000));
      instance.send(ok('first'));
      await readMessage(first);
      assert.equal((await readMessage(instance)).body, body);
      instance.send(ok('second'));
      assert.equal((await readMessage(client)).body, 'second');
    });

    test('gets it over a new connection too', async (t) => {
      const around = await atCapacity(t);
      const { traffic, first, instance, backend } = around;
      const client = await traffic.dial();
      client.send('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
      await queued(around, 1);
      client.send('2\r\nde\r\n0\r\n\r\n');
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      await readMessage(first);
      const fresh = await backend.accept();
      assert.equal((await readMessage(fresh)).body, 'abcde');
      fresh.send(ok('second'));
      assert.equal((await readMessage(client)).body, 'second');
    });

    test('leaves those behind to wait when one of them goes away', async (t) => {
      const around = await atCapacity(t);
      const { traffic, first, instance } = around;
      const gone = await traffic.dial();
      gone.send(GET);
      await queued(around, 1);
      const stays = await traffic.dial();
      stays.send(GET);
      await queued(around, 2);
      gone.reset();
      await queued(around, 1);
      instance.send(ok('first'));
      await readMessage(first);
      await readMessage(instance);
      instance.send(ok('second'));
      assert.equal((await readMessage(stays)).body, 'second');
    });

    test('keeps nobody waiting who wants another instance: of another port, or of another zone', async (t) => {
      const settings = { maxConnectionsPerTarget: 1, idleTimeoutMs: IDLE_MS, crossZone: false };
      const around = await setUp(t, { transport, settings, backendCount: 2, zones: ['a', 'b'] });
      const { traffic, backends } = around;
      const taken = await Promise.all([traffic.dial(), traffic.dial()]);
      for (const client of taken) client.send(GET);
      const instances = await Promise.all(backends.map((backend) => backend.accept()));
      for (const instance of instances) await readMessage(instance);
      // Clients are given the zones in turn: one waits for each.
      const waiting = await Promise.all([traffic.dial(), traffic.dial()]);
      for (const [index, client] of waiting.entries()) {
        client.send(GET);
        await queued(around, index + 1);
      }
      for (const instance of instances.toReversed()) {
        instance.send(ok(''));
        await readMessage(instance);
        instance.send(ok(''));
      }
      for (const client of [...taken, ...waiting]) await readMessage(client);
    });

    test('has all of the idle timeout to answer a request that has waited', async (t) => {
      const around = await atCapacity(t);
      const { traffic, first, instance } = around;
      const client = await traffic.dial();
      client.send(GET);
      await queued(around, 1);
      traffic.pass(IDLE_MS / 2);
      instance.send(ok('first'));
      await readMessage(first);
      await readMessage(instance);
      traffic.pass(IDLE_MS / 2);
      instance.send(ok('second'));
      assert.equal((await readMessage(client)).body, 'second');
    });

    test('is sent a request again over a new connection, which takes the place of one that rests', async (t) => {
      const around = await atCapacity(t);
      const { traffic, first, instance, backend } = around;
      instance.send(ok(''));
      await readMessage(first);
      first.send(GET);
      await readMessage(instance);
      const client = await traffic.dial();
      client.send(GET);
      await queued(around, 1);
      instance.end();
      await queued(around, 2);
      traffic.pass(20);
      const second = await backend.accept();
      await readMessage(second);
      second.send(ok('other'));
      assert.equal((await readMessage(client)).body, 'other');
      const isOver = () => second.received !== '' || backend.peers.length === 3;
      while (!isOver()) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(second.received, '');
      await second.shutDown();
      const third = await backend.accept();
      await readMessage(third);
      third.send(ok('again'));
      assert.equal((await readMessage(first)).body, 'again');
    });

    test('serves the next request of a client whose first one could not be, in the place of that', async (t) => {
      const silent = await silentPort();
      t.after(() => silent.release());
      const around = await setUp(t, {
        transport,
        otherBackends: [silent.port],
        settings: { maxConnectionsPerTarget: 1 },
        listener: { stickiness: { kind: 'duration', keys: [KEY] } },
      });
      const { traffic, backend } = around;
      const get = (path: string, instanceId?: string): string => {
        const id = loadBalancerId('000000000000', 'us-east-1', 'test');
        const binding = instanceId && sealCookie(KEY, { loadBalancer: id, instancePort: 80, instanceId });
        return `GET ${path} HTTP/1.1\r\nHost: h\r\n${binding === undefined ? '' : `Cookie: AWSELB=${binding}\r\n`}\r\n`;
      };
      const busy = await traffic.dial();
      busy.send(get('/busy', 'i-1'));
      const instance = await backend.accept();
      await readMessage(instance);
      const client = await traffic.dial();
      client.send(get('/first', 'i-0') + get('/second'));
      await queued(around, 1);
      const other = await traffic.dial();
      other.send(get('/other', 'i-0'));
      await queued(around, 2);
      // The first request has tried the silent instance, for which the other client waits now; then its last hope goes.
      traffic.pass(CONNECT_TIMEOUT_MS);
      traffic.setState(1, TARGET_STATE.outOfService);
      traffic.pass(20);
      assert.match((await readMessage(client)).startLine, /^HTTP\/1\.1 503 /);
      traffic.setState(1, TARGET_STATE.inService);
      instance.send(ok('busy'));
      assert.equal((await readMessage(busy)).body, 'busy');
      for (let turn = 0; turn < 100 && instance.received === ''; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.match(instance.received, /^GET \/second /);
      instance.send(ok('second'));
      assert.equal((await readMessage(client)).body, 'second');
    });

    test('forgets who goes away with a part of its body still to come', async (t) => {
      const around = await atCapacity(t);
      const client = await around.traffic.dial();
      client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab');
      await queued(around, 1);
      client.reset();
      await queued(around, 0);
    });

    test('serves who ends its side while it waits: it may have said all that it has to say (fault 33)', async (t) => {
      const around = await atCapacity(t);
      const { traffic, first, instance } = around;
      const client = await traffic.dial();
      client.send('GET /ended HTTP/1.1\r\nHost: h\r\n\r\n');
      await queued(around, 1);
      client.end();
      instance.send(ok('first'));
      await readMessage(first);
      assert.match((await readMessage(instance)).startLine, /^GET \/ended /);
      instance.send(ok('ended'));
      assert.equal((await readMessage(client)).body, 'ended');
    });

    test('lets who waits too long go at the idle timeout: 504', async (t) => {
      const around = await atCapacity(t);
      const { traffic } = around;
      for (const request of [GET, 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab']) {
        const client = await traffic.dial();
        client.send(request);
        await queued(around, 1);
        traffic.pass(IDLE_MS);
        assert.match(await client.take('\r\n\r\n'), /^HTTP\/1\.1 504 GATEWAY_TIMEOUT\r\n/);
        await queued(around, 0);
      }
    });

    test(`lets ${SURGE_QUEUE_LENGTH} wait, and refuses the next: 503`, async (t) => {
      const around = await atCapacity(t);
      const { traffic, first, instance } = around;
      const waiting = await Promise.all(Array.from({ length: SURGE_QUEUE_LENGTH }, () => traffic.dial()));
      for (const client of waiting) client.send(GET);
      await queued(around, SURGE_QUEUE_LENGTH);
      const refused = await traffic.dial();
      refused.send(GET);
      assert.match(
        await refused.take('\r\n\r\n'),
        /^HTTP\/1\.1 503 Service Unavailable: Back-end server is at capacity\r\n/,
      );
      assert.equal(traffic.count('spillover'), 1);
      instance.send(ok(''));
      await readMessage(first);
      for (const client of waiting) {
        await readMessage(instance);
        instance.send(ok(''));
        await readMessage(client);
      }
      await queued(around, 0);
    });
  });
  describe(`instances without a cap over the ${transport} transport`, () => {
    const rush = SURGE_QUEUE_LENGTH + 50;

    test(`serve more than ${SURGE_QUEUE_LENGTH} requests that come in one moment`, async (t) => {
      // Each has room for so many connections that it has not accepted.
      const { traffic, backends } = await setUp(t, { transport, backendCount: 4 });
      for (const backend of backends) backend.serve(() => ok('all'));
      const clients = await Promise.all(Array.from({ length: rush }, () => traffic.dial()));
      await traffic.counted('clientConnectionsActive', rush);
      for (const client of clients) client.send(GET);
      for (const client of clients) assert.equal((await readMessage(client)).body, 'all');
      assert.equal(traffic.count('spillover'), 0);
    });

    for (const protocol of ['HTTP', 'TCP'] as const) {
      test(`that do not answer to the connecting: ${SURGE_QUEUE_LENGTH} wait, the next are refused soon (${protocol})`, async (t) => {
        const silent = await silentPort();
        t.after(() => silent.release());
        const around = await setUp(t, { transport, protocol, otherBackends: [silent.port], backendCount: 0 });
        const { traffic } = around;
        const clients = await Promise.all(Array.from({ length: SURGE_QUEUE_LENGTH + 1 }, () => traffic.dial()));
        for (const client of clients) client.send(GET);
        while (traffic.outstanding(0) <= SURGE_QUEUE_LENGTH) await new Promise((resolve) => setImmediate(resolve));
        assert.equal(traffic.count('surgeQueueLength'), SURGE_QUEUE_LENGTH);
        traffic.pass(SURGE_PATIENCE_MS);
        await traffic.counted('spillover', 1);
        assert.equal(traffic.outstanding(0), SURGE_QUEUE_LENGTH);
        assert.equal(traffic.count('elb5xx'), protocol === 'HTTP' ? 1 : 0);
      });
    }
  });

  describe(`TCP connections over the ${transport} transport, before an instance at its cap`, () => {
    /** An instance that may have one connection, and a client that has it. */
    async function taken(t: TestContext): Promise<SetUp & { first: Peer; instance: Peer }> {
      const settings = { maxConnectionsPerTarget: 1, idleTimeoutMs: IDLE_MS };
      const around = await setUp(t, { transport, protocol: 'TCP', settings });
      const first = await around.traffic.dial();
      return { ...around, first, instance: await around.backend.accept() };
    }

    test('wait in the order in which they came, what they have sent with them', async (t) => {
      const around = await taken(t);
      const { traffic, backend } = around;
      const waiting: Peer[] = [];
      for (let number = 1; number <= 5; number++) {
        const client = await traffic.dial();
        client.send(`${number}`);
        waiting.push(client);
        await queued(around, number);
      }
      around.first.end();
      around.instance.end();
      for (const [turn, client] of waiting.entries()) {
        const instance = await backend.accept();
        assert.equal(await instance.takeBytes(1), String(turn + 1));
        assert.equal(traffic.count('surgeQueueLength'), 4 - turn);
        client.end();
        instance.end();
      }
    });

    test('are read no further than once while they wait, however long that is', async (t) => {
      const around = await taken(t);
      const { traffic } = around;
      const client = await traffic.dial();
      client.send(Buffer.alloc(32 * 1024 * 1024));
      await queued(around, 1);
      for (let look = 0; look < 6; look++) {
        traffic.pass(20);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(traffic.count('receivedBytes') <= 64 * 1024, `${traffic.count('receivedBytes')} bytes taken`);
    });

    test('have all that they sent delivered, and their end too, when their turn comes', async (t) => {
      const around = await taken(t);
      const client = await around.traffic.dial();
      const text = Array.from({ length: 20_000 }, (_, i) => `${i},`).join('');
      client.send(text);
      client.end();
      await queued(around, 1);
      while (around.traffic.count('receivedBytes') === 0) await new Promise((resolve) => setImmediate(resolve));
      around.first.end();
      around.instance.end();
      const instance = await around.backend.accept();
      assert.equal(await instance.takeBytes(text.length), text);
      await instance.shutDown();
      instance.send('late');
      instance.end();
      assert.equal(await client.takeBytes(4), 'late');
    });

    test('leave the queue when they are closed, and are closed at the idle timeout', async (t) => {
      const around = await taken(t);
      const gone = await around.traffic.dial();
      await queued(around, 1);
      gone.reset();
      await queued(around, 0);
      const late = await around.traffic.dial();
      await queued(around, 1);
      around.traffic.pass(IDLE_MS);
      await late.shutDown();
      await queued(around, 0);
    });

    test(`are closed when ${SURGE_QUEUE_LENGTH} wait`, async (t) => {
      const around = await taken(t);
      const { traffic } = around;
      for (let number = 0; number < SURGE_QUEUE_LENGTH; number++) await traffic.dial();
      await queued(around, SURGE_QUEUE_LENGTH);
      const refused = await traffic.dial();
      await refused.shutDown();
      assert.equal(traffic.count('spillover'), 1);
      assert.equal(traffic.count('surgeQueueLength'), SURGE_QUEUE_LENGTH);
    });
  });
}
