/**
 * What clients do slowly or oddly beside the table of faults, whose rows stand in test/faults. Refused heads and bodies
 * stand in refusals.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { LINGER_MS } from '../../src/model/limits.ts';
import { DESYNC_COUNTERS } from '../../src/traffic/counters.ts';
import { REASON, REASONS, type ReasonName } from '../../src/wire/desync.ts';
import { readMessage } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { standstill } from '../support/standstill.ts';
import { setUp, TRANSPORTS, type SetUp, type Traffic } from '../support/traffic.ts';

const IDLE_MS = 1000;
const TIMED_OUT = 'HTTP/1.1 408 REQUEST_TIMEOUT\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n';
const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function soon(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function assertAnsweredAndEnded(client: Peer, answer: string): Promise<void> {
  await client.shutDown();
  assert.equal(client.received, answer);
}

/** How many requests were not compliant. */
function desyncCounts({ cells }: Traffic): number {
  return cells.slice(DESYNC_COUNTERS, DESYNC_COUNTERS + REASONS.length).reduce((sum, count) => sum + count, 0);
}

for (const transport of TRANSPORTS) {
  const start = (t: TestContext): Promise<SetUp> => setUp(t, { transport, settings: { idleTimeoutMs: IDLE_MS } });

  /** A client whose request, with or without the rest of its body, has reached the back end. */
  async function asked(t: TestContext, request = GET): Promise<SetUp & { client: Peer; instance: Peer }> {
    const around = await start(t);
    const client = await around.traffic.dial();
    client.send(request);
    const instance = await around.backend.accept();
    await instance.take(request.slice(-4));
    return { ...around, client, instance };
  }

  describe(`over the ${transport} transport, a client`, () => {
    test('that sends nothing is closed at the idle timeout without a word', async (t) => {
      const { traffic } = await start(t);
      const client = await traffic.dial();
      await traffic.counted('clientConnectionsActive', 1);
      traffic.pass(IDLE_MS);
      await assertAnsweredAndEnded(client, '');
      assert.equal(traffic.count('requests'), 0);
      assert.equal(traffic.count('elb4xx'), 0);
    });

    test('that sends nothing after a response, or empty lines only, is closed at the idle timeout without a word', async (t) => {
      for (const more of ['', '\r\n', '\r', '\r\n\r\n']) {
        const { traffic, client, instance } = await asked(t);
        instance.send(OK);
        await readMessage(client);
        if (more !== '') await client.trickle(more);
        await traffic.counted('receivedBytes', GET.length + more.length);
        traffic.pass(IDLE_MS);
        await assertAnsweredAndEnded(client, '');
        assert.equal(traffic.count('elb4xx'), 0);
      }
    });

    test('whose pipelined head does not get complete has the idle timeout for it', async (t) => {
      const { traffic, client, instance } = await asked(t);
      client.send('GET /2');
      await traffic.counted('receivedBytes', GET.length + 'GET /2'.length);
      instance.send(OK);
      await readMessage(client);
      traffic.pass(IDLE_MS);
      await assertAnsweredAndEnded(client, TIMED_OUT);
    });

    test('that has waited for nearly the idle timeout has all of it again, for the rest of a head and for an answer', async (t) => {
      for (const parts of [[GET], [GET.slice(0, 8), GET.slice(8)]]) {
        const { traffic, client, instance, backend } = await asked(t);
        instance.send(OK);
        await readMessage(client);
        let sent = GET.length;
        for (const part of parts) {
          traffic.pass(IDLE_MS - 200);
          assert.equal(traffic.count('elb4xx'), 0);
          client.send(part);
          await traffic.counted('receivedBytes', (sent += part.length));
        }
        // Its connection has not been let go as well, where it waited no longer than this one.
        const asks = parts.length === 1 ? instance : await backend.accept();
        await asks.take('\r\n\r\n');
        traffic.pass(IDLE_MS - 200);
        assert.equal(traffic.count('elb5xx'), 0);
        asks.send(OK);
        assert.equal((await readMessage(client)).body, 'ok');
      }
    });

    test('that sends its body slowly is given time as long as something moves', async (t) => {
      const { traffic, client, instance } = await asked(
        t,
        'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123',
      );
      for (const byte of '456789') {
        traffic.pass(IDLE_MS - 200);
        client.send(byte);
        await instance.take(byte);
      }
      instance.send(OK);
      assert.equal((await readMessage(client)).body, 'ok');
    });

    test('that stalls in its body when the response has begun is cut, so that it does not take that for the whole', async (t) => {
      const { traffic, client, instance } = await asked(
        t,
        'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123',
      );
      instance.send('HTTP/1.1 200 OK\r\n\r\nsome');
      await client.take('some');
      traffic.pass(IDLE_MS);
      assert.equal(await client.close(), 'ECONNRESET');
      await instance.shutDown();
    });

    test('that goes away before the response takes the request with it, whatever comes back', async (t) => {
      const { traffic, client, instance, backend } = await asked(t);
      client.reset();
      await instance.shutDown();
      instance.send(OK);
      assert.equal(traffic.outstanding(0), 0);
      const other = await traffic.dial();
      other.send(GET);
      const fresh = await backend.accept();
      await fresh.take('\r\n\r\n');
      fresh.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh');
      assert.equal((await readMessage(other)).body, 'fresh');
    });

    test('that shuts down its side in a head gets 400', async (t) => {
      for (const part of [
        'GET / HT',
        'GET / HTTP/1.1\r\n',
        'GET / HTTP/1.1\r\nHost: h\r\n',
        'GET / HTTP/1.1\r\nHost: h\r\n\r',
      ]) {
        const { traffic, backend } = await start(t);
        const client = await traffic.dial();
        client.send(part);
        client.end();
        await client.close();
        assert.equal(client.received, 'HTTP/1.1 400 BAD_REQUEST\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n');
        assert.equal(backend.peers.length, 0);
        await traffic.counted('clientConnectionsActive', 0);
      }
    });

    test('that shuts down its side in a head is counted by what is unfinished of it, once', async (t) => {
      const heads: readonly (readonly [part: string, reason: ReasonName])[] = [
        ['GET /', 'NonCrLfLineTermination'],
        ['GET / HTTP/1.1\r\nHost: h', 'PartialHeaderLine'],
        ['GET / HTTP/1.1\r\nHost: h\r\n', 'MissingLastEmptyLine'],
        ['GET / HTTP/1.1\nHost: h\n', 'MissingLastEmptyLine'],
        ['GET / HTTP/1.1\r\nContent_Length: 5\r\nHost: h', 'PartialHeaderLine'],
        ['GET / HTTP/1.1\r\nA: \0\r\nHost: h', 'BadHeader'],
      ];
      for (const desyncMitigationMode of ['monitor', 'defensive', 'strictest'] as const) {
        const { traffic } = await setUp(t, { transport, settings: { desyncMitigationMode } });
        for (const [index, [part, reason]] of heads.entries()) {
          const cell = DESYNC_COUNTERS + REASON[reason];
          const before = traffic.cells[cell]!;
          const client = await traffic.dial();
          client.send(part);
          client.end();
          await client.close();
          assert.match(client.received, /^HTTP\/1\.1 400 /);
          assert.equal(traffic.cells[cell], before + 1, part);
          assert.equal(desyncCounts(traffic), index + 1);
        }
      }
    });

    test('whose request is Compliant is counted nowhere, though it is written anew', async (t) => {
      const { traffic, backend } = await start(t);
      backend.serve(({ body }) => OK.replace('ok', body));
      const client = await traffic.dial();
      for (const framing of [
        'Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
        'Content-Length: 02\r\n\r\nhi',
      ]) {
        client.send(`POST / HTTP/1.1\r\nHost: h\r\n${framing}`);
        assert.equal((await readMessage(client)).body, 'hi');
      }
      assert.equal(desyncCounts(traffic), 0);
    });

    test('that does not read its responses gets no more requests served', async (t) => {
      const { traffic, backend } = await start(t);
      const size = 300_000;
      backend.serve(() => `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`);
      const client = await traffic.dial();
      client.pause();
      client.send(GET.repeat(200));
      await standstill(() => traffic.count('backend2xx'));
      assert.ok(
        traffic.count('backend2xx') < 100,
        `${traffic.count('backend2xx')} responses for a client that reads none`,
      );
      client.resume();
      await client.until(() => client.received.length > 200 * size, '200 responses');
    });

    test('that floods with pipelined requests is read no faster than it is served', async (t) => {
      const { traffic, client, instance } = await asked(t, GET.repeat(2));
      const flood = Buffer.from(GET.repeat(1000));
      for (let i = 0; i < 500; i++) client.send(flood);
      await standstill(() => client.socket.writableLength);
      assert.ok(traffic.count('receivedBytes') < 300_000, `${traffic.count('receivedBytes')} bytes taken`);
      assert.equal(instance.received.split('GET').length - 1, 0);
    });

    test('that is answered an error is read a while longer, so that the answer arrives, and no longer', async (t) => {
      const { traffic } = await setUp(t, { transport });
      const client = await traffic.dial();
      client.send('BAD\r\n\r\n');
      await assertAnsweredAndEnded(
        client,
        'HTTP/1.1 400 BAD_REQUEST\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n',
      );
      client.send(GET);
      await soon();
      assert.equal(traffic.count('clientConnectionsActive'), 1);
      traffic.pass(LINGER_MS);
      assert.equal(traffic.count('clientConnectionsActive'), 0);
    });

    test('that has shut down its side when it is answered an error is gone at once', async (t) => {
      const { traffic, client, instance } = await asked(t);
      client.end();
      await soon();
      instance.end();
      await client.close();
      assert.match(client.received, /^HTTP\/1\.1 504 /);
      await traffic.counted('clientConnectionsActive', 0);
    });

    test('that is gone by the time its request is read is not asked for at an instance', async (t) => {
      const { traffic, backend } = await start(t);
      const heads: string[] = [];
      backend.serve(({ head }) => {
        heads.push(head);
        return OK;
      });
      const others = await Promise.all(Array.from({ length: 20 }, () => traffic.dial()));
      for (const other of others) other.send(GET);
      for (const other of others) await readMessage(other);
      const connections = backend.peers.length;
      for (let i = 0; i < 50; i++) {
        const client = await traffic.dial();
        client.send(GET);
        client.reset();
        await client.close();
      }
      await soon();
      assert.equal(heads.length, others.length);
      assert.equal(backend.peers.length, connections);
      for (const head of heads) assert.match(head, /X-Forwarded-For: 127\.0\.0\.1\r/);
    });
  });
}
