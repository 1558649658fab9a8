import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../kit/clock.ts';
import { chooseTransport } from './choose.ts';
import { NOBODY } from './connection-common.ts';
import type { Connection } from './transport.ts';
import { ConnectionLimit, connectionsPerThread } from './connection-limit.ts';

test('threads share what the rest of the process does not need', () => {
  assert.equal(connectionsPerThread(1024, 1), 896);
  assert.equal(connectionsPerThread(1024, 2), 448);
  assert.equal(connectionsPerThread(1_048_576, 4), (1_048_576 - 4096) / 4);
  assert.equal(connectionsPerThread(120, 1), 56);
});

test('some are left to each thread where there are hardly any, and all where nobody tells', () => {
  assert.equal(connectionsPerThread(64, 8), 8);
  assert.equal(connectionsPerThread(undefined, 2), Infinity);
});

test('what serves clients that are there already may still be opened where no client is accepted any more', () => {
  const limit = new ConnectionLimit(100);
  limit.open = 74;
  assert.deepEqual([limit.mayAccept, limit.mayConnect], [true, true]);
  limit.open = 75;
  assert.deepEqual([limit.mayAccept, limit.mayConnect], [false, true]);
  limit.open = 100;
  assert.deepEqual([limit.mayAccept, limit.mayConnect], [false, false]);
});

test('listening sockets take descriptors from the connections, a part of them', () => {
  const limit = new ConnectionLimit(100);
  limit.extraSockets = 6;
  limit.open = 68;
  assert.deepEqual([limit.mayAccept, limit.mayListenMore], [true, true]);
  limit.extraSockets = 7;
  assert.deepEqual([limit.mayAccept, limit.mayListenMore], [false, false]);
  limit.open = 67;
  assert.deepEqual([limit.mayAccept, limit.mayListenMore], [true, false]);
  limit.open = 93;
  assert.equal(limit.mayConnect, false);
});

test('there is no limit unless one is given', () => {
  const limit = new ConnectionLimit();
  limit.open = 1e9;
  assert.deepEqual([limit.mayAccept, limit.mayConnect], [true, true]);
});

for (const wanted of ['handle', 'net'] as const) {
  test(`the ${wanted} transport turns away what is over the limit, tells so, and goes on when there is room`, async (t) => {
    const told: string[] = [];
    const events = { onFailure: (error: unknown) => t.assert.fail(String(error)), onAcceptError: told.push.bind(told) };
    const { transport } = await chooseTransport(wanted, events, systemClock, 4);
    const accepted: Connection[] = [];
    const waiting: (() => void)[] = [];
    const listening = await transport.listen('127.0.0.1', 0, (connection) => {
      connection.owner = NOBODY;
      accepted.push(connection);
      waiting.shift()?.();
    });
    t.after(() => listening.close());
    const dial = async (): Promise<Socket> => {
      const socket = connect(listening.port, '127.0.0.1').on('error', () => undefined);
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      return socket;
    };
    for (let each = 0; each < 3; each++) {
      const served = new Promise<void>((resolve) => waiting.push(resolve));
      await dial();
      await served;
    }
    await once((await dial()).resume(), 'close');
    assert.deepEqual(told, ['EMFILE']);
    const causes: string[] = [];
    const refused = Promise.withResolvers<void>();
    const owner = {
      ...NOBODY,
      onClose(_connection: Connection, code: string) {
        causes.push(code);
        refused.resolve();
      },
    };
    const made = transport.connect('127.0.0.1', listening.port, NOBODY);
    assert.ok(transport.connect('127.0.0.1', listening.port, owner) !== made);
    await refused.promise;
    assert.deepEqual(causes, ['EMFILE']);
    made.destroy();
    for (const connection of accepted) connection.destroy();
    const again = new Promise<void>((resolve) => waiting.push(resolve));
    while (accepted.length === 3) {
      await dial();
      await Promise.race([again, new Promise((resolve) => setImmediate(resolve))]);
    }
    for (const connection of accepted) connection.destroy();
  });
}
