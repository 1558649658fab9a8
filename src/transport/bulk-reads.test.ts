import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as netConnect, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { ScriptedServer, type Peer } from '../../test/support/peers.ts';
import { Recorder, turns } from '../../test/support/recorder.ts';
import { systemClock } from '../kit/clock.ts';
import { BUFFERS } from '../model/limits.ts';
import { chooseTransport } from './choose.ts';
import type { Connection } from './transport.ts';

describe('bulk reads of the handle transport', () => {
  /** A stream in, through one connection, and out of another one. */
  async function passedThrough(
    t: TestContext,
  ): Promise<{ source: Socket; peer: Peer; reads: number[]; out: Connection }> {
    const { transport } = await chooseTransport(
      'handle',
      { onFailure: assert.fail, onAcceptError: assert.fail },
      systemClock,
    );
    const server = await ScriptedServer.start();
    t.after(() => server.stop());
    const drain = new Recorder();
    const out = transport.connect('127.0.0.1', server.port, drain);
    await drain.saw('connect');
    const peer = await server.accept();
    const reads: number[] = [];
    const listening = await transport.listen('127.0.0.1', 0, (connection) => {
      const owner = new Recorder();
      connection.owner = owner;
      connection.bulk = true;
      drain.onDrain = () => connection.resume();
      owner.onEnd = () => out.end();
      owner.data = (_connection, bytes, start, end) => {
        reads.push(end - start);
        if (connection.readingBulk) out.sendBulk(connection, start, end);
        else {
          transport.outbox.copy(bytes, start, end);
          out.send(transport.outbox);
        }
        if (out.pending) connection.pause();
        connection.bulk = reads.length % 7 !== 0;
      };
    });
    const source = netConnect(listening.port, '127.0.0.1');
    await once(source, 'connect');
    t.after(() => {
      source.destroy();
      listening.close();
      out.destroy();
    });
    return { source, peer, reads, out };
  }

  test('are larger than others, and come out as they went in, while the buffer changes all the time', async (t) => {
    const { source, peer, reads } = await passedThrough(t);
    const bytes = Buffer.from(Array.from({ length: 251 }, (_, i) => i));
    const stream = Buffer.alloc(251 * 60_000, bytes);
    peer.pause();
    source.end(stream);
    await turns(200);
    peer.resume();
    await peer.shutDown();
    assert.equal(peer.received.length, stream.length);
    assert.ok(Buffer.from(peer.received, 'latin1').equals(stream));
    assert.ok(Math.max(...reads) > BUFFERS.sharedRead);
    assert.ok(Math.max(...reads) <= BUFFERS.bulk);
  });
});
