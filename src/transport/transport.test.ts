/** What every connection of a transport promises the engine (transport.ts), on both transports. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { dial, ScriptedServer, type Peer } from '../../test/support/peers.ts';
import { Recorder, turns } from '../../test/support/recorder.ts';
import { sleep, systemClock } from '../kit/clock.ts';
import { BUFFERS } from '../model/limits.ts';
import { chooseTransport } from './choose.ts';
import { READ_ROOM, type Connection, type Transport } from './transport.ts';

const MiB = 1024 * 1024;

for (const wanted of ['handle', 'net'] as const) {
  interface Started {
    readonly transport: Transport;
    readonly failures: unknown[];
  }

  async function start(t: TestContext): Promise<Started> {
    const failures: unknown[] = [];
    const events = { onFailure: (error: unknown) => void failures.push(error), onAcceptError: assert.fail };
    const { transport } = await chooseTransport(wanted, events, systemClock);
    assert.equal(transport.name, wanted);
    t.after(() => assert.equal(transport.outbox.length, 0));
    return { transport, failures };
  }

  /** A connection that was accepted, its owner, and its peer. */
  async function accepted(
    t: TestContext,
    { transport }: Started,
    onConnection: (connection: Connection) => void = () => {},
  ): Promise<{ connection: Connection; owner: Recorder; peer: Peer }> {
    const owner = new Recorder();
    const arrived = Promise.withResolvers<Connection>();
    const listening = await transport.listen('127.0.0.1', 0, (connection) => {
      connection.owner = owner;
      onConnection(connection);
      arrived.resolve(connection);
    });
    const peer = await dial(listening.port);
    const connection = await arrived.promise;
    t.after(() => {
      listening.close();
      peer.socket.destroy();
      connection.destroy();
    });
    return { connection, owner, peer };
  }

  /** A connection that was asked for, its owner, and its peer. */
  async function connected(
    t: TestContext,
    { transport }: Started,
  ): Promise<{ connection: Connection; owner: Recorder; peer: Peer }> {
    const server = await ScriptedServer.start();
    t.after(() => server.stop());
    const owner = new Recorder();
    const connection = transport.connect('127.0.0.1', server.port, owner);
    assert.deepEqual(owner.events, [], 'not before connect has returned');
    await owner.saw('connect');
    t.after(() => connection.destroy());
    return { connection, owner, peer: await server.accept() };
  }

  function send(transport: Transport, connection: Connection, text: string | Buffer): void {
    if (typeof text === 'string') transport.outbox.text(text);
    else transport.outbox.copy(text, 0, text.length);
    connection.send(transport.outbox);
    assert.equal(transport.outbox.length, 0);
  }

  const SIDES = [
    ['that was accepted', accepted],
    ['that was asked for', connected],
  ] as const;

  for (const [name, make] of SIDES) {
    describe(`a connection ${name}, over the ${wanted} transport,`, () => {
      test('carries bytes both ways', async (t) => {
        const started = await start(t);
        const { connection, owner, peer } = await make(t, started);
        peer.send('hello');
        await owner.until(() => owner.received === 'hello');
        send(started.transport, connection, 'you');
        send(started.transport, connection, ' too');
        assert.equal(await peer.take('too'), 'you too');
        assert.deepEqual(started.failures, []);
      });

      test('hands over no more than a read holds at once, with room on both sides', async (t) => {
        const started = await start(t);
        const { owner, peer } = await make(t, started);
        let count = 0;
        owner.data = (_connection, bytes, start, end) => {
          assert.ok(end - start <= BUFFERS.sharedRead);
          for (let i = start; i < end; i++) assert.equal(bytes[i], (count + i - start) % 251);
          count += end - start;
          bytes.fill(0xee, start - READ_ROOM, start);
          bytes.fill(0xee, end, end + READ_ROOM);
        };
        const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
        peer.send(sent);
        await owner.until(() => count === sent.length);
        assert.deepEqual(started.failures, []);
      });

      test('keeps half-close: after the end of the peer it still sends, after its own it still reads', async (t) => {
        const started = await start(t);
        const { connection, owner, peer } = await make(t, started);
        peer.send('last');
        peer.end();
        await owner.saw('end');
        assert.equal(owner.received, 'last');
        send(started.transport, connection, 'answer');
        assert.equal(await peer.take('answer'), 'answer');
        const other = await make(t, started);
        other.connection.end();
        await other.peer.shutDown();
        other.peer.send('more');
        await other.owner.until(() => other.owner.received === 'more');
        assert.ok(!connection.closed && !other.connection.closed);
      });

      test('reads nothing while paused, and then what has come meanwhile', async (t) => {
        const started = await start(t);
        const { connection, owner, peer } = await make(t, started);
        connection.pause();
        peer.send('waiting');
        peer.end();
        await turns(10);
        assert.equal(owner.received, '');
        assert.ok(!owner.events.includes('end'));
        connection.resume();
        await owner.saw('end');
        assert.equal(owner.received, 'waiting');
      });

      test('is pending while the kernel does not take everything, and says when it has', async (t) => {
        const started = await start(t);
        const { connection, owner, peer } = await make(t, started);
        peer.pause();
        const chunk = Buffer.alloc(MiB, 'x');
        let sent = 0;
        do {
          for (; !connection.pending; sent += chunk.length) send(started.transport, connection, chunk);
          // What the kernel has not taken after a while it does not take before the peer reads.
          owner.events.length = 0;
          await sleep(systemClock, 100);
        } while (!connection.pending || owner.events.length > 0);
        send(started.transport, connection, 'the end');
        connection.end();
        peer.resume();
        await owner.saw('drain');
        assert.equal(connection.pending, false);
        await peer.shutDown();
        assert.equal(peer.received.length, sent + 'the end'.length);
        assert.ok(peer.received.endsWith('xthe end'));
        assert.equal(owner.events.filter((event) => event === 'drain').length, 1);
      });

      test('never shows a later message in an earlier one that is still on its way', async (t) => {
        const started = await start(t);
        const slow = await make(t, started);
        const fast = await make(t, started);
        slow.peer.pause();
        let slowly = 0;
        for (; !slow.connection.pending; slowly++) send(started.transport, slow.connection, 'a'.repeat(20_000));
        for (let i = 0; i < 20; i++) send(started.transport, fast.connection, 'b'.repeat(20_000));
        await fast.peer.until(() => fast.peer.received.length === 400_000, 'all');
        assert.doesNotMatch(fast.peer.received, /[^b]/);
        slow.peer.resume();
        await slow.peer.until(() => slow.peer.received.length === slowly * 20_000, 'all');
        assert.doesNotMatch(slow.peer.received, /[^a]/);
      });

      test('that finishes sends what there is, then closes, and its owner hears nothing more', async (t) => {
        const started = await start(t);
        const { connection, owner, peer } = await make(t, started);
        const before = owner.events.length;
        peer.pause();
        let sent = 0;
        for (; !connection.pending; sent += MiB) send(started.transport, connection, Buffer.alloc(MiB));
        connection.finish();
        peer.resume();
        await peer.shutDown();
        assert.equal(peer.received.length, sent);
        assert.equal(owner.received, '');
        assert.equal(owner.events.length, before);
      });

      test('that is destroyed or reset tells its owner nothing more, and takes nothing', async (t) => {
        const started = await start(t);
        for (const how of ['destroy', 'reset', 'finish'] as const) {
          const { connection, owner, peer } = await make(t, started);
          const before = owner.events.length;
          peer.send('too late');
          connection[how]();
          connection[how]();
          send(started.transport, connection, 'nothing');
          connection.pause();
          connection.resume();
          connection.end();
          await peer.shutDown();
          await turns(5);
          assert.equal(connection.closed, true);
          assert.equal(owner.received, '');
          assert.equal(owner.events.length, before);
          assert.equal(peer.received, '');
        }
      });

      test('that the peer resets tells so, once', async (t) => {
        const started = await start(t);
        const { connection, owner, peer } = await make(t, started);
        peer.reset();
        await owner.saw('close ECONNRESET');
        await turns(5);
        assert.equal(connection.closed, true);
        assert.equal(owner.events.filter((event) => event.startsWith('close')).length, 1);
      });

      test('that broke tells its owner after a send, never within it', async (t) => {
        const started = await start(t);
        const { connection, owner, peer } = await make(t, started);
        connection.pause();
        peer.reset();
        await peer.close();
        await turns(3);
        for (let i = 0; i < 10 && !connection.closed; i++) {
          const before = owner.events.length;
          send(started.transport, connection, 'anybody there?');
          assert.equal(owner.events.length, before);
          await turns(1);
        }
        // One that was asked for is heard out first.
        connection.resume();
        await owner.until(() => owner.events.some((event) => /^close (?:EPIPE|ECONNRESET)$/.test(event)));
      });

      test('can be handed over, in the middle of a read too', async (t) => {
        const started = await start(t);
        const { connection, owner, peer } = await make(t, started);
        const next = new Recorder();
        owner.data = () => (connection.owner = next);
        const before = owner.events.length;
        peer.send('one');
        await owner.until(() => connection.owner === next);
        peer.send('two');
        peer.end();
        await next.saw('end');
        assert.equal(next.received, 'two');
        assert.equal(owner.events.length, before);
      });

      for (const callback of ['onData', 'onEnd', 'onDrain', 'onClose'] as const) {
        test(`whose owner throws in ${callback} ends, is reported, and leaves the others alone`, async (t) => {
          const started = await start(t);
          const { connection, owner, peer } = await make(t, started);
          const other = await make(t, started);
          const defect = new Error(`a defect in ${callback}`);
          owner[callback] = () => {
            started.transport.outbox.text('half a message');
            throw defect;
          };
          if (callback === 'onData') peer.send('x');
          if (callback === 'onEnd') peer.end();
          if (callback === 'onClose') peer.reset();
          if (callback === 'onDrain') {
            peer.pause();
            while (!connection.pending) send(started.transport, connection, Buffer.alloc(MiB));
            peer.resume();
          }
          await peer.shutDown();
          while (started.failures.length === 0) await turns(1);
          assert.deepEqual(started.failures, [defect]);
          assert.equal(connection.closed, true);
          if (callback !== 'onClose') assert.equal(owner.events.at(-1), 'close ECONNRESET');
          send(started.transport, other.connection, 'whole');
          assert.equal(await other.peer.takeBytes(5), 'whole', 'what was left in the outbox reaches nobody');
        });
      }

      test('knows both of its ends', async (t) => {
        const started = await start(t);
        const { connection, peer } = await make(t, started);
        assert.equal(connection.remoteAddress, '127.0.0.1');
        assert.equal(connection.remotePort, peer.socket.localPort);
        assert.equal(connection.localAddress, '127.0.0.1');
        assert.equal(connection.localPort, peer.socket.remotePort);
      });
    });
  }
  test(`the ${wanted} transport reads nothing of a connection that was paused when it was accepted`, async (t) => {
    const started = await start(t);
    const { connection, owner, peer } = await accepted(t, started, (each) => each.pause());
    peer.send('early');
    await turns(10);
    assert.equal(owner.received, '');
    connection.resume();
    await owner.until(() => owner.received === 'early');
  });
}
