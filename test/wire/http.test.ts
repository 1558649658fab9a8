import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { dial, ScriptedServer } from '../support/peers.ts';
import { Traffic, type TrafficOptions } from '../support/traffic.ts';

for (const transport of ['handle', 'net'] as const) {
  describe(`an HTTP listener over the ${transport} transport`, () => {
    async function setUp(options: Partial<TrafficOptions> = {}): Promise<{ backend: ScriptedServer; traffic: Traffic }> {
      const backend = await ScriptedServer.start();
      const traffic = await Traffic.start({ backends: [backend.port], transport, ...options });
      after(async () => {
        await traffic.stop();
        await backend.stop();
        assert.deepEqual(traffic.failures, []);
      });
      return { backend, traffic };
    }

    test('a request goes to the back end with the X-Forwarded headers, and its response comes back', async () => {
      const { backend, traffic } = await setUp();
      const client = await dial(traffic.port);
      client.send('GET /path?q=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n');
      const instance = await backend.accept();
      assert.equal(
        await instance.take('\r\n\r\n'),
        'GET /path?q=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n' +
          `X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: ${traffic.port}\r\n\r\n`,
      );
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello');
      assert.equal(await client.take('hello'), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello');
      client.socket.destroy();
    });

    test('a request and its response split at every byte are read alike', async () => {
      const { backend, traffic } = await setUp();
      const request = 'POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nA: b\r\n\r\n';
      const response = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
      const whole = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
      const client = await dial(traffic.port);
      for (let at = 1; at < request.length; at++) {
        client.send(request.slice(0, at));
        await new Promise((resolve) => setImmediate(resolve));
        client.send(request.slice(at));
        const instance = at === 1 ? await backend.accept() : backend.peers[0]!;
        const got = await instance.take('A: b\r\n\r\n');
        assert.equal(dechunk(got.slice(got.indexOf('\r\n\r\n') + 4)), 'abcdefg');
        const cut = at % response.length;
        instance.send(response.slice(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
        instance.send(response.slice(cut));
        const answer = await client.take('0\r\n\r\n');
        assert.ok(answer.startsWith(whole), answer);
        assert.equal(dechunk(answer.slice(whole.length)), 'hello');
      }
      client.socket.destroy();
    });
  });
}

function dechunk(body: string): string {
  let data = '';
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    if (!(size > 0)) return data;
    data += body.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 4 + size;
  }
}
