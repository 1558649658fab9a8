import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setUp, TRANSPORTS } from '../support/traffic.ts';

for (const transport of TRANSPORTS) {
  describe(`an HTTP listener over the ${transport} transport`, () => {
    test('a request goes to the back end with the X-Forwarded headers, and its response comes back', async (t) => {
      const { backend, traffic } = await setUp(t, { transport });
      const client = await traffic.dial();
      client.send('GET /path?q=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n');
      const instance = await backend.accept();
      assert.equal(
        await instance.take('\r\n\r\n'),
        'GET /path?q=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n' +
          `X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: ${traffic.port}\r\n\r\n`,
      );
      instance.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello');
      assert.equal(await client.take('hello'), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello');
    });
  });
}
