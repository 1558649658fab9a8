/** Responses that last: much at first, and then now and then a little. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BulkBufferPool } from '../../src/transport/bulk-buffer.ts';
import { setUp } from '../support/traffic.ts';

const MUCH = `${'x'.repeat(100_000)}!`;
const EVENTS = Array.from({ length: 40 }, (_, n) => `event ${n}`);

const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`;

for (const [framing, fields, framed] of [
  ['in chunks', 'Transfer-Encoding: chunked\r\n', chunk],
  ['without a length', 'Connection: close\r\n', (data: string) => data],
] as const) {
  test(`a stream ${framing} that says little for a while gives its large buffer back, and goes on`, async (t) => {
    const end = framed(MUCH).slice(framed(MUCH).indexOf('!'));
    const { traffic, backend } = await setUp(t, { transport: 'handle' });
    const take = t.mock.method(BulkBufferPool.prototype, 'take');
    const release = t.mock.method(BulkBufferPool.prototype, 'release');
    const client = await traffic.dial();
    client.send('GET /events HTTP/1.1\r\nHost: h\r\n\r\n');
    const instance = await backend.accept();
    await instance.take('\r\n\r\n');
    instance.send(`HTTP/1.1 200 OK\r\n${fields}\r\n${framed(MUCH)}`);
    const begun = await client.take(end);
    assert.equal(begun.match(/x/g)?.length, MUCH.length - 1);
    assert.equal(take.mock.callCount(), 1);
    for (const event of EVENTS) {
      instance.send(framed(event));
      assert.equal(await client.take(framed(event)), framed(event));
    }
    assert.equal(take.mock.callCount(), 1);
    assert.equal(release.mock.callCount(), 1);
    instance.send(framed(MUCH));
    await client.take(end);
    assert.equal(take.mock.callCount(), 2, 'and takes one again when there is much');
  });
}
