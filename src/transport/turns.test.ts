/** Whoever has very much to say lets the others have their turn. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Recorder, turns } from '../../test/support/recorder.ts';
import { systemClock } from '../kit/clock.ts';
import { BUFFERS } from '../model/limits.ts';
import { chooseTransport } from './choose.ts';
import { HandleConnection } from './handle-connection.ts';
import { HandleTransport } from './handle-transport.ts';
import type { TcpHandle } from './node-internals.ts';

/** A connection whose socket never runs dry: libuv goes on reading for as long as it is not told to stop. */
async function inexhaustible(t: TestContext) {
  const events = { onFailure: assert.fail, onAcceptError: assert.fail };
  const { transport } = await chooseTransport('handle', events, systemClock);
  assert.ok(transport instanceof HandleTransport);
  const socket = {
    reading: false,
    useUserBuffer: () => {},
    readStart: () => void (socket.reading = true),
    readStop: () => void (socket.reading = false),
    close: () => void (socket.reading = false),
  };
  const connection = new HandleConnection(transport, socket as unknown as TcpHandle, new Recorder());
  connection.startReading();
  t.after(() => connection.destroy());
  /** Bytes read in one turn of the event loop. */
  const readOn = (): number => {
    let total = 0;
    for (let size: number; socket.reading; total += size) {
      size = connection.readingBulk ? connection.bulkBuffer!.area.length : BUFFERS.sharedRead;
      connection.received(size);
    }
    return total;
  };
  return { connection, socket, readOn };
}

for (const bulk of [false, true]) {
  test(`a connection whose ${bulk ? 'private' : 'shared'} buffer is filled again and again rests after its share`, async (t) => {
    const { connection, readOn } = await inexhaustible(t);
    connection.bulk = bulk;
    for (let turn = 0; turn < 3; turn++) {
      const taken = readOn();
      assert.ok(taken > 0 && taken <= BUFFERS.turn + BUFFERS.sharedRead, `${taken} bytes in turn ${turn}`);
      await turns(1);
    }
  });
}

test('a connection whose socket runs dry in between does not rest', async (t) => {
  const { connection, socket } = await inexhaustible(t);
  for (let total = 0; total < 10 * BUFFERS.turn; total += BUFFERS.sharedRead) {
    connection.received(BUFFERS.sharedRead);
    connection.received(1);
  }
  assert.ok(socket.reading);
});

test('a connection that is paused or gone while it rests is not woken', async (t) => {
  const { connection, socket, readOn } = await inexhaustible(t);
  readOn();
  connection.pause();
  await turns(2);
  assert.equal(socket.reading, false);
  connection.resume();
  assert.ok(readOn() > 0);
  connection.destroy();
  await turns(2);
  assert.equal(socket.reading, false);
});
