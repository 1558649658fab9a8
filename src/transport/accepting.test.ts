/** Who comes is accepted in good time, also where those who are there keep the thread busy. What is counted are turns of the event loop. */
import assert from 'node:assert/strict';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { dial, reservePort } from '../../test/support/peers.ts';
import { turns } from '../../test/support/recorder.ts';
import { systemClock } from '../kit/clock.ts';
import { DESCRIPTORS, LISTENING } from '../model/limits.ts';
import { chooseTransport } from './choose.ts';
import { NOBODY } from './connection-common.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { ExtraSockets } from './extra-sockets.ts';
import { Listener } from './listen.ts';
import type { Connection } from './transport.ts';

/** More of them in each turn than one socket accepts. */
const NEWCOMERS = 3;
/** More than all sockets that a listener may have. */
const CROWD = 2 * LISTENING.maxSockets;

/** A listener that closes what it accepts, as a thread has it; `meanwhile` is called for each connection. */
async function listen(
  t: TestContext,
  wanted: 'handle' | 'net',
  { port = 0, extra = new ExtraSockets(), maxConnections = Infinity, meanwhile = () => {} } = {},
) {
  const events = { onFailure: assert.fail, onAcceptError: assert.fail };
  const { transport } = await chooseTransport(wanted, events, systemClock, maxConnections);
  const accept = (connection: Connection): void => {
    each.accepted++;
    connection.owner = NOBODY;
    connection.destroy();
    meanwhile();
  };
  const listening = await transport.listen('127.0.0.1', port, accept, undefined, extra);
  t.after(() => listening.close());
  assert.ok(listening instanceof Listener);
  const each = { listening, extra, accepted: 0 };
  return each;
}

/** Clients come, so many in each turn of the event loop. */
async function come(t: TestContext, port: number, rounds: number, each = NEWCOMERS): Promise<void> {
  const sockets: Socket[] = [];
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  for (let round = 0; round < rounds; round++) {
    for (let client = 0; client < each; client++) sockets.push(connect(port, '127.0.0.1').on('error', () => {}));
    await turns(1);
  }
}

for (const wanted of ['handle', 'net'] as const) {
  test(`${wanted}: where several come in every turn, several are accepted in every turn`, async (t) => {
    const one = await listen(t, wanted);
    await come(t, one.listening.port, 200);
    const waiting = 200 * NEWCOMERS - one.accepted;
    // With one socket it would be two of three.
    assert.ok(waiting < (200 * NEWCOMERS) / 3, `${waiting} wait`);
  });

  test(`${wanted}: a listener that is not crowded keeps to one socket`, async (t) => {
    const one = await listen(t, wanted);
    for (let client = 0; client < 100; client++) {
      await come(t, one.listening.port, 1, 1);
      await turns(3);
    }
    assert.deepEqual([one.listening.sockets, one.extra.count], [1, 0]);
  });

  test(`${wanted}: what one thread needs all threads open, so that each is given its share`, async (t) => {
    const extra = new ExtraSockets(new Int32Array(new SharedArrayBuffer(8)), 1);
    const crowded = await listen(t, wanted, { extra });
    await come(t, crowded.listening.port, 100, CROWD);
    assert.equal(crowded.listening.sockets, LISTENING.maxSockets);
    const other = await listen(t, wanted, { extra, port: crowded.listening.port });
    await come(t, other.listening.port, 100);
    assert.equal(other.listening.sockets, LISTENING.maxSockets);
    while (crowded.accepted + other.accepted < 100 * (CROWD + NEWCOMERS)) await turns(1);
    const before = other.accepted;
    await come(t, other.listening.port, 100);
    const share = (other.accepted - before) / (100 * NEWCOMERS);
    assert.ok(share > 0.3 && share < 0.7, `${share} of all`);
  });

  test(`${wanted}: no socket is left when it stops, also of those that were being opened`, async (t) => {
    for (let opened = 0; opened < 3; opened++) {
      const one = await listen(t, wanted, {
        meanwhile: () => {
          if (one.extra.count > opened) one.listening.close();
        },
      });
      await come(t, one.listening.port, 50, CROWD);
      assert.equal(one.listening.closed, true);
      await turns(3);
      await assert.rejects(dial(one.listening.port), { code: 'ECONNREFUSED' });
    }
  });

  test(`${wanted}: more sockets take a bounded part of the descriptors`, async (t) => {
    const maxConnections = 2 / DESCRIPTORS.shareForListening;
    const one = await listen(t, wanted, { maxConnections });
    await come(t, one.listening.port, 100, CROWD);
    assert.equal(one.listening.sockets, 1 + 2);
  });
}

/** A listener whose sockets the test makes. */
async function listenWith(t: TestContext, make: () => Server, limit = new ConnectionLimit()) {
  const reserved = await reservePort();
  const { port } = reserved;
  const extra = new ExtraSockets();
  const serve = (server: Server): void => void server.on('connection', (socket) => socket.destroy());
  const listener = await Listener.open({ address: '127.0.0.1', port, extra, limit, make, serve });
  t.after(() => listener.close());
  await reserved.release();
  return { listener, extra };
}

test('where the system refuses another socket, the listener goes on with what it has, and asks no more', async (t) => {
  let asked = 0;
  const refusing = (): Server => {
    const server = createServer();
    if (asked++ === 0) return server;
    server.listen = () => {
      process.nextTick(() => server.emit('error', new Error('refused')));
      return server;
    };
    return server;
  };
  const limit = new ConnectionLimit();
  const { listener, extra } = await listenWith(t, refusing, limit);
  extra.wanted(0);
  for (let client = 0; client < 100; client++) {
    listener.accepted();
    await turns(1);
  }
  assert.deepEqual([asked, listener.sockets, limit.extraSockets], [2, 1, 0]);
  (await dial(listener.port)).socket.destroy();
});

test('descriptors of sockets are given back when the listener stops', async (t) => {
  const limit = new ConnectionLimit(20);
  const { listener, extra } = await listenWith(t, createServer, limit);
  for (let more = 0; more < LISTENING.maxSockets + 2; more++) {
    extra.wanted(extra.count);
    listener.accepted();
    await turns(2);
  }
  // A sixteenth of 20, and one that has begun.
  assert.deepEqual([listener.sockets, limit.extraSockets], [1 + 2, 2]);
  listener.close();
  listener.close();
  assert.deepEqual([limit.extraSockets, limit.mayListenMore], [0, true]);
});

test('two threads that are crowded at once ask for one socket more, and no thread for more than the most', () => {
  const cells = new Int32Array(new SharedArrayBuffer(4));
  const [one, two] = [new ExtraSockets(cells, 0), new ExtraSockets(cells, 0)];
  one.wanted(0);
  two.wanted(0);
  assert.deepEqual([one.count, two.count], [1, 1]);
  for (let extra = 1; extra < 20; extra++) two.wanted(extra);
  assert.equal(one.count, LISTENING.maxSockets - 1);
});
