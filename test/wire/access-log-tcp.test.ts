/** What the access log says of connections of TCP listeners. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setUp } from '../support/traffic.ts';

/** Of a FakeClock at its start. */
const BEGIN = '2026-01-01T00:00:00.000000Z';

describe('access log of TCP', () => {
  it('has a line for every connection, with all its bytes', async (t) => {
    const { traffic, backend } = await setUp(t, { protocol: 'TCP', settings: { accessLog: 1 } });
    const client = await traffic.dial();
    const { localPort } = client.socket;
    const peer = await backend.accept();
    client.send('ping');
    await peer.take('ping');
    peer.send('pong!');
    await client.take('pong!');
    client.end();
    peer.end();
    await client.close();
    assert.deepEqual(traffic.takeLog(), [
      `${BEGIN} test 127.0.0.1:${localPort} 127.0.0.1:${backend.port} ` +
        '0.000000 0.000000 0.000000 - - 4 5 "- - - " "-" - -',
    ]);
  });

  it('says when the first bytes went each way, whatever followed', async (t) => {
    const { traffic, backend } = await setUp(t, { protocol: 'TCP', settings: { accessLog: 1 } });
    const client = await traffic.dial();
    const peer = await backend.accept();
    await traffic.counted('latencyCount', 1);
    for (const word of ['one', 'two', 'three']) {
      traffic.pass(900);
      client.send(word);
      await peer.take(word);
      peer.send(word);
      await client.take(word);
    }
    client.end();
    peer.end();
    await client.close();
    assert.match(traffic.takeLog()[0] ?? '', / 1\.000000 0\.000000 0\.000000 - - 11 11 "- - - " "-" - -$/);
  });

  it('says where there was no instance, and where the client has sent nothing', async (t) => {
    const { traffic, backend } = await setUp(t, { protocol: 'TCP', settings: { accessLog: 1 } });
    const silent = await traffic.dial();
    const peer = await backend.accept();
    silent.end();
    await peer.shutDown();
    peer.end();
    await silent.close();
    assert.match(traffic.takeLog()[0] ?? '', / -1 0\.000000 -1 - - 0 0 "- - - " "-" - -$/);
    traffic.setState(0, 0);
    const refused = await traffic.dial();
    await refused.shutDown();
    refused.end();
    await refused.close();
    assert.match(traffic.takeLog()[0] ?? '', / - -1 -1 -1 - - 0 0 "- - - " "-" - -$/);
  });
});

describe('access log of TCP, of a client that stands in line', () => {
  it('says when the first of what it had sent meanwhile was handed on', async (t) => {
    const { traffic, backend } = await setUp(t, {
      protocol: 'TCP',
      settings: { accessLog: 1, maxConnectionsPerTarget: 1 },
    });
    const first = await traffic.dial();
    const taken = await backend.accept();
    const client = await traffic.dial();
    const { localPort } = client.socket;
    client.send('ping');
    await traffic.counted('receivedBytes', 4);
    traffic.pass(1400);
    first.end();
    taken.end();
    const instance = await backend.accept();
    await instance.take('ping');
    client.end();
    instance.end();
    await client.close();
    const line = traffic.takeLog().find((each) => each.includes(` 127.0.0.1:${localPort} `));
    assert.match(line ?? '', / 1\.500000 0\.000000 -1 - - 4 0 "- - - " "-" - -$/);
  });
});
