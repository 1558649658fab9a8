import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { overlaps, testBind } from './bind.ts';

test('a port that another program has is refused, also when both would share it, and is free after it is closed', async () => {
  for (const reusePort of [false, true]) {
    const server = createServer().listen({ host: '127.0.0.1', port: 0, reusePort });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const refusal = await testBind({ address: '127.0.0.1', port });
    assert.equal(refusal?.code, 'EADDRINUSE');
    assert.match(refusal.message, new RegExp(`^port ${port} on 127\\.0\\.0\\.1 is taken by another program`));
    server.close();
    await once(server, 'close');
    assert.equal(await testBind({ address: '127.0.0.1', port }), undefined);
    assert.equal(await testBind({ address: '127.0.0.1', port }), undefined, 'nothing is left behind');
  }
});

test('an address of another machine is refused by name', async () => {
  const refusal = await testBind({ address: '192.0.2.1', port: 8080 });
  assert.equal(refusal?.code, 'EADDRNOTAVAIL');
  assert.match(refusal.message, /192\.0\.2\.1 is no address of this machine/);
});

test('what cannot be bound together is known without trying', () => {
  const at = (address: string, port = 80) => ({ address, port });
  assert.equal(overlaps(at('127.0.0.1'), at('127.0.0.1')), true);
  assert.equal(overlaps(at('127.0.0.1'), at('127.0.0.1', 81)), false);
  assert.equal(overlaps(at('127.0.0.1'), at('127.0.0.2')), false);
  assert.equal(overlaps(at('0.0.0.0'), at('127.0.0.2')), true);
  assert.equal(overlaps(at('127.0.0.2'), at('0.0.0.0')), true);
  assert.equal(overlaps(at('0.0.0.0'), at('::1')), false);
  assert.equal(overlaps(at('::'), at('127.0.0.1')), true);
  assert.equal(overlaps(at('::'), at('0.0.0.0')), true);
});
