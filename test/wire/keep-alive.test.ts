/** How long a client's connection lives, and in what order it is answered. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readMessage } from '../support/http-reader.ts';
import { setUp, TRANSPORTS } from '../support/traffic.ts';

function get(path: string, fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: h\r\n${fields}\r\n`;
}

function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Name, request, kept? */
const REQUESTS: readonly (readonly [name: string, request: string, kept: boolean])[] = [
  ['HTTP/1.1 is kept by default', 'GET / HTTP/1.1\r\nHost: h\r\n\r\n', true],
  ['HTTP/1.1 with Connection: close ends', 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', false],
  ['close counts wherever it stands', 'GET / HTTP/1.1\r\nHost: h\r\nconnection: x,\tCLOSE ,keep-alive\r\n\r\n', false],
  [
    'close counts in a second Connection',
    'GET / HTTP/1.1\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n',
    false,
  ],
  ['an option that only looks like close does not', 'GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n', true],
  ['HTTP/1.0 ends by default', 'GET / HTTP/1.0\r\nHost: h\r\n\r\n', false],
  ['HTTP/1.0 with Connection: keep-alive is kept', 'GET / HTTP/1.0\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n', true],
  ['HTTP/1.0 with both ends', 'GET / HTTP/1.0\r\nHost: h\r\nConnection: Keep-Alive, close\r\n\r\n', false],
];

for (const transport of TRANSPORTS) {
  describe(`a client connection over the ${transport} transport`, () => {
    for (const [name, request, kept] of REQUESTS) {
      test(name, async (t) => {
        const { traffic, backend } = await setUp(t, { transport });
        backend.serve(({ startLine }) => ok(startLine.split(' ')[1]!));
        const client = await traffic.dial();
        client.send(request);
        const { head, body } = await readMessage(client);
        assert.equal(body, '/');
        if (!kept) {
          assert.match(head, /\r\nConnection: close\r\n/);
          await client.shutDown();
          return;
        }
        assert.equal(/\r\nConnection: keep-alive\r\n/.test(head), request.includes('HTTP/1.0'), head);
        client.send(get('/again'));
        assert.equal((await readMessage(client)).body, '/again');
      });
    }

    test('pipelined requests are sent on one after the other, and answered in order', async (t) => {
      const { traffic, backends } = await setUp(t, { transport, backendCount: 2 });
      const client = await traffic.dial();
      const paths = ['/a', '/b', '/c', '/d', '/e'];
      client.send(paths.map((path) => get(path)).join(''));
      for (const [turn, path] of paths.entries()) {
        const { peers } = backends[turn % 2]!;
        const instance = turn < 2 ? await backends[turn % 2]!.accept() : peers[0]!;
        assert.equal((await readMessage(instance)).startLine, `GET ${path} HTTP/1.1`);
        for (const each of backends) for (const peer of each.peers) assert.equal(peer.received, '', 'one at a time');
        instance.send(ok(path));
        assert.equal((await readMessage(client)).body, path);
      }
    });

    test('many pipelined requests with bodies, more than one read holds, are answered in order', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      backend.serve(({ body }) => ok(`${body.length} ${body.slice(0, 12)}`));
      const client = await traffic.dial();
      const bodies = Array.from({ length: 300 }, (_, i) =>
        `${i}:`.padEnd((i * 37) % 2000, String.fromCharCode(65 + (i % 26))),
      );
      client.send(
        bodies.map((body) => `PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`).join(''),
      );
      for (const body of bodies) assert.equal((await readMessage(client)).body, `${body.length} ${body.slice(0, 12)}`);
      assert.equal(traffic.count('requests'), 300);
    });

    test('requests behind one that ends the connection are not served', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      backend.serve(({ startLine }) => ok(startLine.split(' ')[1]!));
      const client = await traffic.dial();
      client.send(get('/last', 'Connection: close\r\n') + get('/never'));
      assert.equal((await readMessage(client)).body, '/last');
      await client.shutDown();
      assert.equal(client.received, '');
      assert.equal(traffic.count('requests'), 1);
    });

    test('a client that shuts down its side behind its requests gets all answers, then the end', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      backend.serve(({ startLine }) => ok(startLine.split(' ')[1]!));
      const client = await traffic.dial();
      client.send(get('/a') + get('/b') + get('/c'));
      client.end();
      for (const path of ['/a', '/b', '/c']) assert.equal((await readMessage(client)).body, path);
      await client.close();
      assert.equal(client.received, '');
    });

    test('no connection is answered before a request, and one that sends nothing is left in peace', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      backend.serve(() => ok('ok'));
      const idle = await traffic.dial();
      const busy = await traffic.dial();
      busy.send(get('/'));
      await readMessage(busy);
      assert.equal(idle.received, '');
      idle.send(get('/'));
      assert.equal((await readMessage(idle)).body, 'ok');
      assert.equal(traffic.count('clientConnectionsActive'), 2);
    });

    test('a back-end connection serves one client after the other', async (t) => {
      const { traffic, backend } = await setUp(t, { transport });
      backend.serve(({ startLine }) => ok(startLine.split(' ')[1]!));
      for (const path of ['/a', '/b', '/c']) {
        const client = await traffic.dial();
        client.send(get(path));
        assert.equal((await readMessage(client)).body, path);
        client.end();
        await client.close();
      }
      assert.equal(backend.peers.length, 1);
      assert.equal(traffic.count('clientConnections'), 3);
      assert.equal(traffic.count('backendConnections'), 1);
      assert.equal(traffic.outstanding(0), 0);
    });
  });
}
