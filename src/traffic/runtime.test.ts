import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { readMessage } from '../../test/support/http-reader.ts';
import { reservePort, type Peer, type ScriptedServer } from '../../test/support/peers.ts';
import { setUp, TRANSPORTS, type SetUp, type SetUpOptions } from '../../test/support/traffic.ts';
import { systemClock } from '../kit/clock.ts';
import { makeCounters } from './counters.ts';
import type { CompiledLoadBalancer } from './snapshot.ts';
import { TARGET_STATE } from './target-table.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const DRAINING_MS = 10_000;

function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

async function soon(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

interface InFlight {
  readonly client: Peer;
  readonly instance: Peer;
}

/** A client whose request has reached `backend`. */
async function inFlight({ traffic }: SetUp, backend: ScriptedServer): Promise<InFlight> {
  const client = await traffic.dial();
  client.send(GET);
  const instance = await backend.accept();
  await readMessage(instance);
  return { client, instance };
}

/** A client that has been answered and keeps its connection, and the pooled one behind it. */
async function idle(around: SetUp, backend: ScriptedServer): Promise<InFlight> {
  const { client, instance } = await inFlight(around, backend);
  instance.send(ok('first'));
  await readMessage(client);
  return { client, instance };
}

async function answer({ client, instance }: InFlight, body: string): Promise<string> {
  instance.send(ok(body));
  const { head, body: got } = await readMessage(client);
  assert.equal(got, body);
  return head;
}

async function assertRefused(traffic: SetUp['traffic']): Promise<void> {
  await assert.rejects(traffic.dial(), { code: 'ECONNREFUSED' });
}

for (const transport of TRANSPORTS) {
  const start = (
    t: TestContext,
    settings: Partial<CompiledLoadBalancer> = {},
    options: SetUpOptions = {},
  ): Promise<SetUp> => setUp(t, { transport, settings, ...options });

  describe(`a load balancer that is taken away, over the ${transport} transport`, () => {
    test('without draining is gone at once: what is in flight is cut, idle connections end', async (t) => {
      const around = await start(t);
      const { traffic, backend } = around;
      const waiting = await inFlight(around, backend);
      const answering = await inFlight(around, backend);
      answering.instance.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome');
      await answering.client.take('some');
      const resting = await idle(around, backend);
      await traffic.remove();
      for (const { client } of [waiting, answering]) assert.equal(await client.close(), 'ECONNRESET');
      await resting.client.shutDown();
      assert.equal(resting.client.error, undefined);
      for (const { instance } of [waiting, answering, resting]) await instance.shutDown();
      await assertRefused(traffic);
      assert.equal(traffic.outstanding(0), 0);
    });

    test('with draining accepts nothing more, but lets finish what is in flight', async (t) => {
      const around = await start(t, { drainingTimeoutMs: DRAINING_MS });
      const { traffic, backend } = around;
      const resting = await idle(around, backend);
      resting.client.send(GET);
      await readMessage(resting.instance);
      const fresh = await inFlight(around, backend);
      const half = await traffic.dial();
      half.send('GET / HT');
      const unused = await traffic.dial();
      await traffic.counted('clientConnectionsActive', 4);
      await traffic.counted('receivedBytes', 3 * GET.length + 'GET / HT'.length);
      await traffic.remove();
      await unused.shutDown();
      await assertRefused(traffic);
      for (const each of [resting, fresh]) {
        assert.match(await answer(each, 'done'), /\r\nConnection: close\r\n/);
        await each.client.shutDown();
        await each.instance.shutDown();
      }
      half.send('TP/1.1\r\n\r\n');
      const last = await backend.accept();
      await readMessage(last);
      assert.match(await answer({ client: half, instance: last }, 'last'), /\r\nConnection: close\r\n/);
      await half.shutDown();
      assert.equal(traffic.outstanding(0), 0);
    });

    test('and is made anew knows what is in flight, and when that is over', async (t) => {
      const around = await start(t, { drainingTimeoutMs: DRAINING_MS }, { backendCount: 2 });
      const { traffic, backends } = around;
      const busy = await inFlight(around, backends[0]!);
      for (const [index, backend] of backends.entries()) backend.serve(() => ok(String(index)));
      await traffic.remove();
      await traffic.apply({ counters: makeCounters(1) });
      const client = await traffic.dial();
      const served = async (): Promise<string> => {
        client.send(GET);
        return (await readMessage(client)).body;
      };
      assert.deepEqual([await served(), await served()], ['1', '1']);
      busy.instance.send('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      await readMessage(busy.client);
      assert.deepEqual(new Set([await served(), await served()]), new Set(['0', '1']));
    });

    test('with draining cuts what is left when the time is over, by the value that was in force before', async (t) => {
      const around = await start(t, { drainingTimeoutMs: DRAINING_MS });
      const { traffic, backend } = around;
      const { client, instance } = await inFlight(around, backend);
      await traffic.apply({ listeners: [], drainingTimeoutMs: 0 });
      traffic.pass(DRAINING_MS - 1000);
      await soon();
      assert.equal(client.closed, false);
      traffic.pass(1000);
      assert.equal(await client.close(), 'ECONNRESET');
      await instance.shutDown();
    });

    test('with draining lets TCP connections go on until the time is over', async (t) => {
      const { traffic, backend } = await start(t, { drainingTimeoutMs: DRAINING_MS }, { protocol: 'TCP' });
      const client = await traffic.dial();
      const instance = await backend.accept();
      client.send('before');
      await instance.take('before');
      await traffic.remove();
      await assertRefused(traffic);
      client.send('after');
      assert.equal(await instance.take('after'), 'after');
      traffic.pass(DRAINING_MS);
      assert.equal(await client.close(), 'ECONNRESET');
      assert.equal(await instance.close(), 'ECONNRESET');
      assert.equal(traffic.outstanding(0), 0);
    });
  });

  describe(`a changed configuration, over the ${transport} transport`, () => {
    test('leaves the connections of an unchanged listener alone', async (t) => {
      const around = await start(t, {}, { backendCount: 2 });
      const { traffic, backends } = around;
      traffic.setState(1, TARGET_STATE.outOfService);
      const busy = await inFlight(around, backends[0]!);
      const resting = await idle(around, backends[0]!);
      for (let i = 0; i < 5; i++) await traffic.apply({ idleTimeoutMs: 1000 * (i + 1), name: `again-${i}` });
      await answer(busy, 'still');
      resting.client.send(GET);
      await Promise.race([resting.instance.take('\r\n\r\n'), busy.instance.take('\r\n\r\n')]);
      assert.equal(backends[0]!.peers.length, 2, 'the pool is left alone too');
      assert.equal(traffic.count('clientConnections'), 2);
    });

    test('holds for the next request on an open connection', async (t) => {
      const around = await start(t, { idleTimeoutMs: 60_000 });
      const { traffic, backend } = around;
      const { client } = await idle(around, backend);
      await traffic.apply({ idleTimeoutMs: 1000 });
      client.send(GET);
      await readMessage(backend.peers[0]!);
      traffic.pass(1000);
      assert.match(await client.take('\r\n\r\n'), /^HTTP\/1\.1 504 /);
    });

    test('that takes an instance away sends it nothing more, and lets finish what is in flight', async (t) => {
      const around = await start(t, {}, { backendCount: 2 });
      const { traffic, backends } = around;
      traffic.setState(1, TARGET_STATE.outOfService);
      const busy = await inFlight(around, backends[0]!);
      const resting = await idle(around, backends[0]!);
      traffic.setState(1, TARGET_STATE.inService);
      const [listener] = traffic.listeners;
      await traffic.apply({ listeners: [{ ...listener!, targets: listener!.targets.slice(1) }] });
      await resting.instance.shutDown();
      resting.client.send(GET);
      const other = await backends[1]!.accept();
      await readMessage(other);
      await answer({ client: resting.client, instance: other }, 'other');
      await answer(busy, 'finished');
      await busy.instance.shutDown();
      assert.equal(traffic.outstanding(0), 0);
    });

    test('that moves an instance to another port uses the new one only', async (t) => {
      const around = await start(t, {}, { backendCount: 2 });
      const { traffic, backends } = around;
      const [listener] = traffic.listeners;
      const [target] = listener!.targets;
      await traffic.apply({ listeners: [{ ...listener!, targets: [target!] }] });
      const { client, instance } = await idle(around, backends[0]!);
      await traffic.apply({ listeners: [{ ...listener!, targets: [{ ...target!, port: backends[1]!.port }] }] });
      await instance.shutDown();
      client.send(GET);
      const moved = await backends[1]!.accept();
      await readMessage(moved);
      await answer({ client, instance: moved }, 'moved');
    });

    test('opens and closes listeners beside the one that stays', async (t) => {
      const around = await start(t);
      const { traffic, backend } = around;
      const busy = await inFlight(around, backend);
      const reserved = await reservePort();
      const [listener] = traffic.listeners;
      await traffic.apply({ listeners: [listener!, { ...listener!, port: reserved.port }] });
      await reserved.release();
      const client = await traffic.dial(reserved.port);
      client.send(GET);
      const instance = await backend.accept();
      assert.match(await instance.take('\r\n\r\n'), new RegExp(`X-Forwarded-Port: ${reserved.port}\r\n`));
      await traffic.apply({});
      assert.equal(await client.close(), 'ECONNRESET');
      await assert.rejects(traffic.dial(reserved.port), { code: 'ECONNREFUSED' });
      await answer(busy, 'undisturbed');
    });

    test('of the protocol of a port takes effect on new connections, the old ones drain', async (t) => {
      const around = await start(t, { drainingTimeoutMs: DRAINING_MS });
      const { traffic, backend } = around;
      const busy = await inFlight(around, backend);
      const [listener] = traffic.listeners;
      await traffic.apply({ listeners: [{ ...listener!, protocol: 'TCP', instanceProtocol: 'TCP' }] });
      const client = await traffic.dial();
      client.send('no http');
      assert.equal(await (await backend.accept()).take('no http'), 'no http');
      assert.match(await answer(busy, 'http'), /\r\nConnection: close\r\n/);
    });

    test('says which listener cannot be bound, serves the others, and tries again next time', async (t) => {
      const { traffic, backend } = await start(t);
      const [listener] = traffic.listeners;
      const taken = { ...listener!, port: backend.port };
      await assert.rejects(traffic.apply({ listeners: [listener!, taken] }), /EADDRINUSE/);
      backend.serve(() => ok('served'));
      const client = await traffic.dial();
      client.send(GET);
      assert.equal((await readMessage(client)).body, 'served');
      await assert.rejects(traffic.apply({ listeners: [listener!, taken] }), /EADDRINUSE/);
      await traffic.apply({ listeners: [listener!] });
    });
  });

  describe(`an instance, over the ${transport} transport,`, () => {
    for (const [name, state] of [
      ['that is out of service', TARGET_STATE.outOfService],
      ['that drains', TARGET_STATE.draining],
    ] as const) {
      test(`${name} gets no new request, finishes its old ones, and is used again when it is back`, async (t) => {
        const around = await start(t, {}, { backendCount: 2 });
        const { traffic, backends } = around;
        traffic.setState(1, TARGET_STATE.outOfService);
        const busy = await inFlight(around, backends[0]!);
        const resting = await idle(around, backends[0]!);
        traffic.setState(0, state);
        traffic.setState(1, TARGET_STATE.inService);
        resting.client.send(GET);
        const other = await backends[1]!.accept();
        await readMessage(other);
        await answer({ client: resting.client, instance: other }, 'other');
        await answer(busy, 'finished');
        traffic.setState(1, TARGET_STATE.outOfService);
        traffic.setState(0, TARGET_STATE.inService);
        busy.client.send(GET);
        await Promise.race(backends[0]!.peers.map((peer) => readMessage(peer)));
        assert.equal(backends[0]!.peers.length, 2, 'over the connections that it had');
      });
    }

    test('that is cut loses what is in flight at once', async (t) => {
      const around = await start(t);
      const { traffic, backend } = around;
      const waiting = await inFlight(around, backend);
      const answering = await inFlight(around, backend);
      answering.instance.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n');
      await answering.client.take('some\r\n');
      const resting = await idle(around, backend);
      traffic.setState(0, TARGET_STATE.outOfService);
      traffic.cut(0);
      for (const { instance } of [waiting, answering, resting]) await instance.shutDown();
      assert.equal(await answering.client.close(), 'ECONNRESET');
      assert.match(await waiting.client.take('\r\n\r\n'), /^HTTP\/1\.1 504 GATEWAY_TIMEOUT\r\n/);
      resting.client.send(GET);
      assert.match(await resting.client.take('\r\n\r\n'), /^HTTP\/1\.1 503 /);
      assert.equal(traffic.outstanding(0), 0);
      assert.equal(traffic.count('backendConnectionsActive'), 0);
    });

    test('that is cut loses its TCP connections, and those of the others go on', async (t) => {
      const { traffic, backends } = await start(t, {}, { protocol: 'TCP', backendCount: 2 });
      const clients = [await traffic.dial(), await traffic.dial()];
      for (const client of clients) client.send('hello');
      const instances = [await backends[0]!.accept(), await backends[1]!.accept()];
      for (const instance of instances) await instance.take('hello');
      traffic.cut(0);
      assert.equal(await instances[0]!.close(), 'ECONNRESET');
      await Promise.race(clients.map((client) => client.close()));
      const left = clients.find((client) => !client.closed)!;
      left.send('more');
      assert.equal(await instances[1]!.take('more'), 'more');
      assert.equal(traffic.outstanding(0), 0);
      assert.equal(traffic.outstanding(1), 1);
    });

    test('that is slow gets no more while the others have less to do', async (t) => {
      const around = await start(t, {}, { backendCount: 2 });
      const { traffic, backends } = around;
      traffic.setState(1, TARGET_STATE.outOfService);
      await inFlight(around, backends[0]!);
      traffic.setState(1, TARGET_STATE.inService);
      backends[1]!.serve(() => ok('fast'));
      const client = await traffic.dial();
      for (let i = 0; i < 20; i++) {
        client.send(GET);
        assert.equal((await readMessage(client)).body, 'fast');
      }
      assert.equal(backends[0]!.peers.length, 1);
    });
  });

  describe(`zones, over the ${transport} transport:`, () => {
    test('without cross-zone balancing a client stays in the zone that it was given', async (t) => {
      const zones = ['a', 'b', 'b'];
      const { traffic, backends } = await start(t, { crossZone: false }, { backendCount: 3, zones });
      for (const [index, backend] of backends.entries()) backend.serve(() => ok(zones[index]!));
      for (const expected of ['a', 'b', 'a', 'b']) {
        const client = await traffic.dial();
        for (let i = 0; i < 4; i++) {
          client.send(GET);
          assert.equal((await readMessage(client)).body, expected);
        }
      }
    });

    test('an instance that moves to another one serves there', async (t) => {
      const { traffic, backends } = await start(t, { crossZone: false }, { backendCount: 3, zones: ['a', 'b', 'b'] });
      for (const [index, backend] of backends.entries()) backend.serve(() => ok(String(index)));
      const { targets } = traffic.listeners[0]!;
      await traffic.change({ targets: targets.map((each) => (each.slot === 1 ? { ...each, zone: 'a' } : each)) });
      const served: string[] = [];
      for (let i = 0; i < 4; i++) {
        const client = await traffic.dial();
        client.send(GET);
        served.push((await readMessage(client)).body);
      }
      assert.deepEqual(served.sort(), ['0', '1', '2', '2']);
    });

    test('a zone that dies loses its clients to the others', async (t) => {
      const { traffic, backends } = await start(t, { crossZone: false }, { backendCount: 2, zones: ['a', 'b'] });
      for (const [index, backend] of backends.entries()) backend.serve(() => ok('ab'[index]!));
      const client = await traffic.dial();
      client.send(GET);
      assert.equal((await readMessage(client)).body, 'a');
      traffic.setState(0, TARGET_STATE.outOfService);
      client.send(GET);
      assert.equal((await readMessage(client)).body, 'b');
    });
  });

  describe(`a cap on connections that is set while some rest, over the ${transport} transport,`, () => {
    /** So many requests that were in flight at the same time. */
    async function together(around: SetUp, count: number): Promise<InFlight[]> {
      const all: InFlight[] = [];
      for (let i = 0; i < count; i++) all.push(await inFlight(around, around.backend));
      return all;
    }

    test('ends those over it', async (t) => {
      const around = await start(t);
      const all = await together(around, 3);
      for (const each of all) await answer(each, 'done');
      await around.traffic.apply({ maxConnectionsPerTarget: 1 });
      await Promise.race(all.map(({ instance }) => instance.shutDown()));
      await around.traffic.counted('backendConnectionsActive', 1);
    });

    test('ends all of them where there are several threads: the others could not use them', async (t) => {
      const around = await start(t, { counters: makeCounters(2) });
      const all = await together(around, 2);
      for (const each of all) await answer(each, 'done');
      await around.traffic.apply({ maxConnectionsPerTarget: 5 });
      for (const { instance } of all) await instance.shutDown();
    });

    test('is kept to by those that are done with what they served', async (t) => {
      const around = await start(t);
      const all = await together(around, 3);
      await around.traffic.apply({ maxConnectionsPerTarget: 2 });
      for (const each of all) await answer(each, 'done');
      await around.traffic.counted('backendConnectionsActive', 2);
      await all[0]!.instance.shutDown();
    });
  });

  describe(`connections in advance, over the ${transport} transport:`, () => {
    test('each healthy instance without a connection gets one, which serves the next request', async (t) => {
      const { traffic, backends } = await start(t, { preconnect: true }, { backendCount: 2 });
      traffic.setState(1, TARGET_STATE.outOfService);
      traffic.pass(3000);
      const instance = await backends[0]!.accept();
      await soon();
      traffic.pass(3000);
      assert.equal(traffic.count('backendConnections'), 1);
      const client = await traffic.dial();
      client.send(GET);
      await readMessage(instance);
      await answer({ client, instance }, 'ready');
      assert.equal(backends[1]!.peers.length, 0);
    });

    test('none are made where they are not wanted', async (t) => {
      const { traffic, backend } = await start(t);
      traffic.pass(5000);
      await soon();
      assert.equal(backend.peers.length, 0);
    });

    test('one that was on its way when its instance was taken away is not kept', async (t) => {
      const { traffic, backend } = await start(t, { preconnect: true });
      const [listener] = traffic.listeners;
      traffic.pass(1000);
      await traffic.apply({ listeners: [{ ...listener!, targets: [] }] });
      await (await backend.accept()).shutDown();
      assert.equal(traffic.count('backendConnectionsActive'), 0);
    });
  });

  describe(`an instance that goes out of service, over the ${transport} transport,`, () => {
    test('loses its pooled connections, and keeps what is in flight', async (t) => {
      const around = await start(t);
      const { traffic, backend } = around;
      const busy = await inFlight(around, backend);
      const resting = await idle(around, backend);
      traffic.setState(0, TARGET_STATE.outOfService);
      traffic.pass(1000);
      await resting.instance.shutDown();
      await traffic.counted('backendConnectionsActive', 1);
      assert.match(await answer(busy, 'late'), /^HTTP\/1.1 200 /);
      traffic.pass(1000);
      await busy.instance.shutDown();
    });
  });

  describe(`a thread that stops, over the ${transport} transport,`, () => {
    test('accepts nothing more, lets finish what is in flight, and is done then', async (t) => {
      const around = await start(t, {}, { clock: systemClock });
      const { traffic, backend } = around;
      const busy = await inFlight(around, backend);
      const resting = await idle(around, backend);
      const stopped = traffic.stop(60_000);
      await resting.client.shutDown();
      await assertRefused(traffic);
      assert.match(await answer(busy, 'finished'), /\r\nConnection: close\r\n/);
      await busy.client.shutDown();
      await stopped;
    });

    test('cuts at its deadline what has not finished', async (t) => {
      const around = await start(t, {}, { clock: systemClock });
      const { traffic, backend } = around;
      const busy = await inFlight(around, backend);
      await traffic.stop(50);
      assert.equal(await busy.client.close(), 'ECONNRESET');
      assert.equal(traffic.outstanding(0), 0);
    });
  });
}
