import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Recorder } from '../../test/support/recorder.ts';
import { systemClock } from '../kit/clock.ts';
import { BUFFERS } from '../model/limits.ts';
import { chooseTransport } from './choose.ts';
import type { Connection } from './transport.ts';

test('a client is read from a little at first, and by whole buffers once it has filled that', async (t) => {
  const events = { onFailure: assert.fail, onAcceptError: assert.fail };
  const { transport } = await chooseTransport('handle', events, systemClock);
  const owner = new Recorder();
  const reads: number[] = [];
  owner.data = (_connection, _bytes, start, end) => reads.push(end - start);
  const { promise: accepted, resolve: accept } = Promise.withResolvers<Connection>();
  const listening = await transport.listen('127.0.0.1', 0, (connection) => {
    connection.owner = owner;
    connection.pause();
    accept(connection);
  });
  const client = connect(listening.port, '127.0.0.1');
  await once(client, 'connect');
  const connection = await accepted;
  t.after(() => {
    client.destroy();
    connection.destroy();
    listening.close();
  });
  /** All of it is there before the first byte is read. */
  const readsOf = async (bytes: number): Promise<number[]> => {
    reads.length = 0;
    connection.pause();
    await new Promise((resolve) => client.write(Buffer.alloc(bytes), resolve));
    connection.resume();
    await owner.until(() => reads.reduce((sum, read) => sum + read, 0) === bytes);
    return reads;
  };
  const { firstRead, sharedRead } = BUFFERS;
  assert.deepEqual(await readsOf(firstRead - 1), [firstRead - 1]);
  assert.deepEqual(await readsOf(firstRead + sharedRead + 1), [firstRead, sharedRead, 1]);
  assert.deepEqual(await readsOf(sharedRead), [sharedRead]);
});
