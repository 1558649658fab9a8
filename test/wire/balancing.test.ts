/** Which instance a request or connection goes to: balancing, zones, slow start. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { TARGET_STATE } from '../../src/traffic/target-table.ts';
import { readMessage } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { setUp, TRANSPORTS, type SetUp, type SetUpOptions } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

interface Named extends SetUp {
  /** The number of the instance that answers a request on that connection. */
  readonly ask: (client: Peer) => Promise<string>;
}

for (const transport of TRANSPORTS) {
  /** Instances that answer with their number. */
  async function named(t: TestContext, options: SetUpOptions): Promise<Named> {
    const around = await setUp(t, { transport, ...options });
    for (const [number, backend] of around.backends.entries()) {
      backend.serve(() => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${number}`);
    }
    const ask = async (client: Peer): Promise<string> => {
      client.send(GET);
      return (await readMessage(client)).body;
    };
    return { ...around, ask };
  }

  /** Who answers `count` requests, each over a connection of its own unless one is given. */
  async function answers({ traffic, ask }: Named, count: number, client?: Peer): Promise<string[]> {
    const seen: string[] = [];
    for (let i = 0; i < count; i++) seen.push(await ask(client ?? (await traffic.dial())));
    return seen;
  }

  function tally(seen: readonly string[]): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const each of seen) counts[each] = (counts[each] ?? 0) + 1;
    return counts;
  }

  describe(`requests over the ${transport} transport`, () => {
    test('are routed each on its own, also those of one connection: ties in turn', async (t) => {
      const around = await named(t, { backendCount: 3 });
      const seen = await answers(around, 9, await around.traffic.dial());
      assert.deepEqual(tally(seen), { 0: 3, 1: 3, 2: 3 });
      assert.deepEqual(seen.slice(0, 3), seen.slice(3, 6));
    });

    test('go to the instance with the fewest outstanding', async (t) => {
      const { traffic, backends } = await setUp(t, { transport, backendCount: 2 });
      const busy: Peer[] = [];
      for (let i = 0; i < 2; i++) {
        const client = await traffic.dial();
        client.send(GET);
        busy.push(client);
      }
      const slow = await backends[0]!.accept();
      await readMessage(slow);
      const quick = await backends[1]!.accept();
      // The first instance keeps its request; the second is free again each time.
      for (let i = 0; i < 4; i++) {
        await readMessage(quick);
        quick.send(OK);
        await readMessage(busy[1]!);
        assert.deepEqual([traffic.outstanding(0), traffic.outstanding(1)], [1, 0]);
        busy[1]!.send(GET);
      }
      await readMessage(quick);
      slow.send(OK);
      quick.send(OK);
      for (const client of busy) await readMessage(client);
    });

    test('go to healthy instances only', async (t) => {
      const around = await named(t, { backendCount: 3 });
      around.traffic.setState(0, TARGET_STATE.outOfService);
      around.traffic.setState(1, TARGET_STATE.draining);
      assert.deepEqual(tally(await answers(around, 6)), { 2: 6 });
      around.traffic.setState(0, TARGET_STATE.inService);
      assert.deepEqual(tally(await answers(around, 6)), { 0: 3, 2: 3 });
    });

    test('go to an instance that comes into service by a share that grows, with slow start', async (t) => {
      const around = await named(t, { backendCount: 2, settings: { slowStartMs: 100_000 } });
      around.traffic.setState(1, TARGET_STATE.outOfService);
      assert.deepEqual(tally(await answers(around, 2)), { 0: 2 });
      around.traffic.setState(1, TARGET_STATE.inService);
      const client = await around.traffic.dial();
      assert.deepEqual(tally(await answers(around, 8, client)), { 0: 8 });
      // Steps shorter than the idle timeout of the client's connection.
      around.traffic.pass(49_900);
      assert.deepEqual(tally(await answers(around, 40, client)), { 0: 30, 1: 10 });
      around.traffic.pass(49_900);
      await answers(around, 4, client);
      assert.deepEqual(tally(await answers(around, 40, client)), { 0: 20, 1: 20 });
    });
  });

  describe(`connections of a TCP listener over the ${transport} transport`, () => {
    test('go to healthy instances in turn, whatever is open there', async (t) => {
      const { traffic, backends } = await setUp(t, { transport, protocol: 'TCP', backendCount: 3 });
      traffic.setState(1, TARGET_STATE.outOfService);
      for (let round = 1; round <= 3; round++) {
        for (const backend of [backends[0]!, backends[2]!]) {
          const client = await traffic.dial();
          client.send('x');
          await (await backend.accept()).take('x');
        }
      }
      assert.deepEqual(
        [0, 1, 2].map((slot) => traffic.outstanding(slot)),
        [3, 0, 3],
      );
    });
  });

  describe(`zones over the ${transport} transport`, () => {
    const ZONES = { backendCount: 4, zones: ['a', 'a', 'b', 'c'] } as const;

    test('share evenly among all instances with cross-zone balancing', async (t) => {
      const around = await named(t, { ...ZONES, settings: { crossZone: true } });
      assert.deepEqual(tally(await answers(around, 24)), { 0: 6, 1: 6, 2: 6, 3: 6 });
    });

    test('are given to client connections in turn without it: the instances of a zone share its part', async (t) => {
      const around = await named(t, { ...ZONES, settings: { crossZone: false } });
      assert.deepEqual(tally(await answers(around, 24)), { 0: 4, 1: 4, 2: 8, 3: 8 });
    });

    test('keep a client connection inside them', async (t) => {
      const around = await named(t, { ...ZONES, settings: { crossZone: false } });
      const zoneOf = (instance: string) => ZONES.zones[Number(instance)];
      for (let i = 0; i < 3; i++) {
        const seen = await answers(around, 6, await around.traffic.dial());
        assert.equal(new Set(seen.map(zoneOf)).size, 1);
      }
    });

    test('are left out without a healthy instance', async (t) => {
      const around = await named(t, { ...ZONES, settings: { crossZone: false } });
      around.traffic.setState(2, TARGET_STATE.outOfService);
      assert.deepEqual(tally(await answers(around, 24)), { 0: 6, 1: 6, 3: 12 });
    });

    test('that lose their last healthy instance hand their connections on', async (t) => {
      const around = await named(t, { ...ZONES, settings: { crossZone: false } });
      const clients = await Promise.all([0, 1, 2].map(() => around.traffic.dial()));
      for (const client of clients) await around.ask(client);
      for (const slot of [2, 3]) around.traffic.setState(slot, TARGET_STATE.outOfService);
      for (const client of clients) assert.ok(['0', '1'].includes(await around.ask(client)));
    });

    test('keep their connections when another one is taken away, whose connections are given others', async (t) => {
      const around = await named(t, { ...ZONES, settings: { crossZone: false } });
      const { traffic } = around;
      const zoneOf = (instance: string) => ZONES.zones[Number(instance)]!;
      const clients: Peer[] = [];
      for (let i = 0; i < 3; i++) clients.push(await traffic.dial());
      const before = [];
      for (const client of clients) before.push(zoneOf(await around.ask(client)));
      assert.deepEqual(before, ['a', 'b', 'c']);
      const listeners = traffic.listeners.map((listener) => ({
        ...listener,
        targets: listener.targets.filter(({ zone }) => zone !== 'a'),
      }));
      await traffic.apply({ zones: ['b', 'c'], listeners });
      for (const [i, client] of clients.entries()) {
        const after = new Set((await answers(around, 4, client)).map(zoneOf));
        assert.equal(after.size, 1);
        if (before[i] !== 'a') assert.deepEqual([...after], [before[i]]);
      }
    });

    test('are given to those who are connected, too, when cross-zone balancing ends', async (t) => {
      const around = await named(t, { ...ZONES, settings: { crossZone: true } });
      const { traffic } = around;
      const clients: Peer[] = [];
      for (let i = 0; i < 6; i++) clients.push(await traffic.dial());
      for (const client of clients) await around.ask(client);
      await traffic.apply({ crossZone: false });
      const seen: string[] = [];
      for (const client of clients) seen.push(...(await answers(around, 2, client)));
      assert.deepEqual(tally(seen), { 0: 2, 1: 2, 2: 4, 3: 4 });
    });

    test('follow a change of the attribute at once', async (t) => {
      const around = await named(t, { ...ZONES, settings: { crossZone: false } });
      await around.traffic.apply({ crossZone: true });
      assert.deepEqual(tally(await answers(around, 24)), { 0: 6, 1: 6, 2: 6, 3: 6 });
    });
  });
}
