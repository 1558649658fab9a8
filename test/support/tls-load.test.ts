import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createServer } from 'node:tls';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { SITE } from './tls.ts';
import { Timeline, TlsLoad } from './tls-load.ts';

const CIPHERS = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'] as const;

test('what may have been in force: from the call that sets it to the end of the one that replaces it', async () => {
  const timeline = new Timeline();
  const now = (): number => systemClock.monotonicMs();
  await timeline.swap('a', async () => undefined);
  const withA = now();
  let during = 0;
  await sleep(systemClock, 2);
  await timeline.swap('b', async () => {
    during = now();
    await sleep(systemClock, 2);
  });
  await sleep(systemClock, 2);
  const withB = now();
  assert.deepEqual(timeline.during(withA, withA), new Set(['a']));
  assert.deepEqual(timeline.during(during, during), new Set(['a', 'b']));
  assert.deepEqual(timeline.during(withA, withB), new Set(['a', 'b']));
  assert.deepEqual(timeline.during(withB, Infinity), new Set(['b']));
});

test('a server that agrees on what is not in force is found out, and so is one that fails requests', async (t: TestContext) => {
  const { certificate: cert, privateKey: key } = SITE;
  const server = createServer({ cert, key, ciphers: CIPHERS[1], maxVersion: 'TLSv1.2' }, (socket) => {
    socket.on('error', () => undefined).resume();
    socket.end('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n');
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const timeline = new Timeline();
  await timeline.swap(CIPHERS[0], async () => undefined);
  const { port } = server.address() as AddressInfo;
  const load = new TlsLoad({ host: '127.0.0.1', port, ciphers: CIPHERS, clients: 1 });
  while (load.failures.size < 3 || load.refused === 0) await sleep(systemClock, 5);
  await load.stop();
  const wrong = load.wrong(timeline);
  assert.ok(wrong.includes(`any cipher: agreed on ${CIPHERS[1]}, with ${CIPHERS[0]} in force`));
  assert.ok(wrong.includes(`one cipher: agreed on nothing, with ${CIPHERS[0]} in force`));
  assert.ok([...load.failures.keys()].some((failure) => failure.startsWith('any cipher: not a whole answer')));
  assert.equal(load.answered.get('any cipher') ?? 0, 0);
});
