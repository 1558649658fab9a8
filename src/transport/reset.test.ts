/** A connection that is reset is gone at once, whatever was under way on it, and its peer learns that it was cut. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../kit/clock.ts';
import { chooseTransport } from './choose.ts';
import { NOBODY } from './connection-common.ts';
import type { Connection, Transport } from './transport.ts';

/** More than the kernel takes from a sender whose peer does not read. */
const MUCH = 64 * 1024 * 1024;

/** A connection that was accepted, and its peer, which has not read anything. */
async function connected(test: TestContext, wanted: 'handle' | 'net') {
  const failures: unknown[] = [];
  const events = { onFailure: (error: unknown) => void failures.push(error), onAcceptError() {} };
  const { transport } = await chooseTransport(wanted, events, systemClock);
  assert.equal(transport.name, wanted);
  const accepted = Promise.withResolvers<Connection>();
  const listening = await transport.listen('127.0.0.1', 0, (connection) => {
    connection.owner = NOBODY;
    connection.pause();
    accepted.resolve(connection);
  });
  const peer = connect({ port: listening.port, host: '127.0.0.1', allowHalfOpen: true });
  peer.pause();
  await once(peer, 'connect');
  test.after(() => {
    peer.destroy();
    listening.close();
    assert.deepEqual(failures, []);
  });
  return { transport, connection: await accepted.promise, peer };
}

function send(transport: Transport, connection: Connection, bytes: Buffer): void {
  transport.outbox.copy(bytes, 0, bytes.length);
  connection.send(transport.outbox);
}

/** Reads until the connection is gone; resolves with the code of its error. */
async function fate(peer: Socket): Promise<string | undefined> {
  let code: string | undefined;
  peer.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
  peer.resume();
  // A half-open socket that is cut after its end notices when it sends.
  peer.on('end', () => peer.write('are you there?'));
  await new Promise((resolve) => peer.on('close', resolve));
  return code;
}

for (const wanted of ['handle', 'net'] as const) {
  describe(`a reset on the ${wanted} transport`, () => {
    it('cuts a connection', async (test) => {
      const { connection, peer } = await connected(test, wanted);
      connection.reset();
      assert.equal(await fate(peer), 'ECONNRESET');
    });

    it('cuts a connection that was ended a moment before', async (test) => {
      const { connection, peer } = await connected(test, wanted);
      connection.end();
      connection.reset();
      assert.match((await fate(peer)) ?? 'none', /^(?:ECONNRESET|EPIPE)$/);
    });

    it('cuts a connection that was ended with bytes on their way, and they never pass for all there were', async (test) => {
      const { transport, connection, peer } = await connected(test, wanted);
      send(transport, connection, Buffer.alloc(MUCH));
      assert.ok(connection.pending);
      connection.end();
      connection.reset();
      let ended = false;
      peer.on('end', () => (ended = true));
      assert.equal(await fate(peer), 'ECONNRESET');
      assert.ok(!ended);
    });

    it('cuts a connection that is being made', async (test) => {
      const { transport } = await connected(test, wanted);
      const connection = transport.connect('127.0.0.1', 1, NOBODY);
      connection.reset();
      assert.ok(connection.closed);
    });
  });
}
