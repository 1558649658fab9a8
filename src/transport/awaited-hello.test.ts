/** What is set up for a client before its hello is whole: nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { test, type TestContext } from 'node:test';
import { helloHeader, inRecords, smallestHello } from '../../test/support/hellos.ts';
import { dial, type Peer } from '../../test/support/peers.ts';
import { turns } from '../../test/support/recorder.ts';
import { clientHello, servedTls } from '../../test/support/tls.ts';
import { FakeClock } from '../kit/clock.ts';
import { HANDSHAKE_TIMEOUT_MS, HANDSHAKE_TURN } from '../model/limits.ts';
import { makeServerContext } from '../traffic/listener-tls.ts';
import { NOBODY } from './connection-common.ts';
import { HandleTransport } from './handle-transport.ts';
import { nodeInternals } from './node-internals.ts';
import type { ConnectionOwner, ServerTls } from './transport.ts';

/** Keeps a connection open as long as its client does. */
const UNTIL_THE_END: ConnectionOwner = { ...NOBODY, onEnd: (connection) => connection.destroy() };

/** A listener, how often TLS was set up for a client of it, and how handshakes ended. */
async function listen(t: TestContext, { wrapFails, costMs = 0 }: { wrapFails?: Error; costMs?: number } = {}) {
  const clock = new FakeClock();
  const internals = nodeInternals()!;
  const failures: unknown[] = [];
  const seen = { wrapped: 0, ended: [] as string[], failures };
  const events = { onFailure: (error: unknown) => void failures.push(error), onAcceptError: assert.fail };
  const wrapTls: typeof internals.wrapTls = (...given) => {
    seen.wrapped++;
    clock.advance(costMs);
    if (wrapFails !== undefined) throw wrapFails;
    return internals.wrapTls(...given);
  };
  const transport = new HandleTransport({ ...internals, wrapTls }, events, clock);
  const tls: ServerTls = {
    context: makeServerContext(servedTls()),
    admits: () => true,
    onHandshake: (info, error) => void seen.ended.push(error ?? info?.protocol ?? ''),
  };
  const listening = await transport.listen('127.0.0.1', 0, (connection) => (connection.owner = UNTIL_THE_END), tls);
  t.after(() => listening.close());
  return { transport, port: listening.port, clock, seen };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turns(1);
}

const PARTS: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  'a byte': Buffer.from([22]),
  'what announces a record': Buffer.from([22, 3, 1, 0x40, 0]),
  'what announces a hello of 128 KB': inRecords(helloHeader(131_072), 4),
  'a hello but for its last byte': smallestHello().subarray(0, -1),
  'the beginning of a hello of SSL 2': Buffer.from([0x80, 0xff, 1, 3, 0]),
};

for (const [what, bytes] of Object.entries(PARTS)) {
  test(`TLS is not set up for a client that has sent ${what}, and its time runs all the same`, async (t) => {
    const { transport, port, clock, seen } = await listen(t);
    const client = await dial(port);
    client.send(bytes);
    await until(() => transport.limit.open === 1);
    // What it has sent has been read when others, who came later, have been served.
    const other = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(other, 'secureConnect');
    other.destroy();
    await until(() => transport.limit.open === 1);
    assert.equal(seen.wrapped, 1, 'for the other');
    clock.advance(HANDSHAKE_TIMEOUT_MS);
    await client.shutDown();
    assert.deepEqual(seen.ended, ['TLSv1.2', 'handshake timed out']);
    assert.equal(transport.limit.open, 0);
    assert.deepEqual(seen.failures, []);
  });
}

test('a connection counts once, whoever has its socket', async (t) => {
  const { transport, port, seen } = await listen(t);
  const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(client, 'secureConnect');
  await until(() => seen.ended.length === 1);
  assert.equal(transport.limit.open, 1);
  client.destroy();
  await until(() => transport.limit.open === 0);
  assert.equal(seen.wrapped, 1);
});

test('a defect while TLS is set up ends that connection, is reported, and leaves the others alone', async (t) => {
  const defect = new Error('no TLS today');
  const { transport, port, seen } = await listen(t, { wrapFails: defect });
  const waiting = await dial(port);
  const client = await dial(port);
  client.send(smallestHello());
  await client.shutDown();
  assert.deepEqual(seen.failures, [defect]);
  assert.equal(transport.limit.open, 1);
  waiting.reset();
  await until(() => transport.limit.open === 0);
});

const AT_ONCE = 100;

/** Clients that have all been accepted, and have sent their hellos, before any of these is read. */
async function crowd(t: TestContext, port: number, transport: HandleTransport): Promise<Peer[]> {
  const hello = await clientHello();
  const clients = await Promise.all(Array.from({ length: AT_ONCE }, () => dial(port)));
  t.after(() => clients.forEach((client) => client.reset()));
  await until(() => transport.limit.open === AT_ONCE);
  for (const client of clients) client.send(hello);
  return clients;
}

test('however many hellos come at once, few handshakes begin in a turn of the event loop', async (t) => {
  const { transport, port, seen } = await listen(t, { costMs: HANDSHAKE_TURN.shortestMs / 2 });
  const clients = await crowd(t, port, transport);
  let most = 0;
  while (seen.wrapped < AT_ONCE) {
    const before = seen.wrapped;
    await turns(1);
    most = Math.max(most, seen.wrapped - before);
  }
  // Two in their turn, and two of the next one where this test is not the first to be called in it.
  assert.ok(most <= 4, `${most} of ${AT_ONCE} in one turn`);
  // Each of them is answered.
  await Promise.all(clients.map((client) => client.until(() => client.received.length > 0, 'an answer')));
  assert.deepEqual(seen.failures, []);
});

test('who goes while it waits for its turn is told of, and TLS is not set up for it', async (t) => {
  const { transport, port, seen } = await listen(t, { costMs: 10 * HANDSHAKE_TURN.longestMs });
  const clients = await crowd(t, port, transport);
  for (const { socket } of clients) socket.end();
  await until(() => seen.ended.length === AT_ONCE);
  assert.deepEqual(new Set(seen.ended), new Set(['the client went away']));
  assert.ok(seen.wrapped < AT_ONCE / 2, `set up for ${seen.wrapped}`);
  await until(() => transport.limit.open === 0);
  assert.equal(transport.handshakeTurns.length, 0);
});
