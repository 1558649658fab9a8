import assert from 'node:assert/strict';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import net, { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { TEST_CERTIFICATE, TEST_PRIVATE_KEY } from '../../test/support/certificate.ts';
import { issue } from '../../test/support/issued.ts';
import { answerOfOld } from '../../test/support/tls.ts';
import { FakeClock, systemClock } from '../kit/clock.ts';
import { readPublicKey } from '../model/public-key.ts';
import { createProbe, type ProbeTarget } from './probe.ts';
import type { ProbeResult } from './threshold-counter.ts';

const RSA = issue({ key: 'rsa-2048' });
const servers: Server[] = [];
const sockets = new Set<Socket>();
after(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

/** A listening instance that does `behave` with each connection. */
async function listen(server: Server, behave: (socket: Socket) => void, event = 'connection'): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  server.on('tlsClientError', () => undefined);
  server.on(event, (socket: Socket) => behave(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const instance = (behave: (socket: Socket) => void): Promise<number> => listen(createServer(), behave);
const tlsInstance = (behave: (socket: Socket) => void, options = {}): Promise<number> =>
  listen(createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_PRIVATE_KEY, ...options }), behave, 'secureConnection');

function probe(protocol: ProbeTarget['protocol'], port: number, over: Partial<ProbeTarget> = {}, clock = systemClock) {
  const path = protocol === 'HTTP' || protocol === 'HTTPS' ? '/ping' : '';
  const target = { protocol, address: '127.0.0.1', port, path, timeoutMs: 5000, ...over };
  return new Promise<ProbeResult>((resolve) => createProbe(clock)(target, resolve));
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** An HTTP instance that answers `text` to a complete head, and hands the head over. */
const answer =
  (text: string, onHead: (head: string) => void = () => undefined) =>
  (socket: Socket): void => {
    let head = '';
    socket.on('data', (bytes: Buffer) => {
      head += bytes.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      onHead(head);
      socket.write(text);
    });
  };

test('a TCP check is good when the instance accepts', async () => {
  const result = await probe('TCP', await instance(() => undefined));
  assert.equal(result.good, true);
  assert.equal(result.cause, 'connected');
  assert.ok(result.elapsedMs >= 0 && result.elapsedMs < 5000);
});

test('a refused connection is bad, for every kind of check', async () => {
  const port = await freePort();
  for (const protocol of ['TCP', 'SSL', 'HTTP', 'HTTPS'] as const) {
    const { good, cause } = await probe(protocol, port);
    assert.deepEqual({ good, cause }, { good: false, cause: 'connection refused' });
  }
});

test('an HTTP check sends what a Classic Load Balancer sends, and is good with a 200', async () => {
  let head = '';
  const port = await instance(answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', (sent) => (head = sent)));
  const { good, cause } = await probe('HTTP', port, { path: '/ping?deep=1' });
  assert.deepEqual({ good, cause }, { good: true, cause: 'status 200' });
  const lines = [`Host: 127.0.0.1:${port}`, 'User-Agent: ELB-HealthChecker/1.0', 'Accept: */*', 'Connection: close'];
  assert.equal(head, ['GET /ping?deep=1 HTTP/1.1', ...lines, '', ''].join('\r\n'));
});

test('an IPv6 address stands in brackets in the Host header', async () => {
  let head = '';
  const server = createServer(answer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', (sent) => (head = sent)));
  servers.push(server);
  server.listen(0, '::1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  assert.equal((await probe('HTTP', port, { address: '::1' })).good, true);
  assert.ok(head.includes(`\r\nHost: [::1]:${port}\r\n`), head);
});

test('an HTTP check is bad with another status, a reset, an early close and no HTTP at all', async () => {
  const cases: readonly [string, (socket: Socket) => void][] = [
    ['status 500', answer('HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n')],
    ['connection reset', (socket) => socket.once('data', () => socket.resetAndDestroy())],
    ['connection closed without an answer', (socket) => socket.once('data', () => socket.end())],
    ['not an HTTP response', (socket) => socket.write('220 mail.example ESMTP\r\n\r\n')],
    [
      'connection closed within the body',
      (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort')),
    ],
  ];
  for (const [cause, behave] of cases) {
    const result = await probe('HTTP', await instance(behave));
    assert.deepEqual({ good: result.good, cause: result.cause }, { good: false, cause });
  }
});

test('a 200 that is not complete within the timeout is bad', async () => {
  const clock = new FakeClock();
  const port = await instance((socket) =>
    socket.once('data', () =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot yet', () => clock.advance(2000)),
    ),
  );
  const result = await probe('HTTP', port, { timeoutMs: 2000 }, clock);
  assert.deepEqual(result, {
    good: false,
    cause: 'timeout waiting for the response',
    elapsedMs: 2000,
    inconclusive: false,
  });
});

test('an instance that accepts and says nothing to TLS times out in the handshake', async () => {
  const clock = new FakeClock();
  const port = await instance((socket) => socket.once('data', () => clock.advance(2000)));
  assert.equal((await probe('SSL', port, { timeoutMs: 2000 }, clock)).cause, 'timeout in the TLS handshake');
});

test('SSL and HTTPS checks accept any certificate and old protocol versions', async () => {
  const body = answer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' };
  for (const options of [{}, old]) {
    const port = await tlsInstance(body, options);
    const ssl = await probe('SSL', port);
    assert.deepEqual([ssl.good, ssl.cause], [true, 'TLS handshake completed']);
    const https = await probe('HTTPS', port);
    assert.deepEqual([https.good, https.cause], [true, 'status 200']);
  }
});

test('SSL and HTTPS checks go on with an instance that knows nothing of secure renegotiation (RFC 5746)', async () => {
  const answers: number[] = [];
  const port = await instance((socket) => {
    socket.once('data', () => {
      socket.write(answerOfOld(RSA));
      socket.once('data', (bytes: Buffer) => {
        answers.push(bytes[0]!);
        socket.destroy();
      });
    });
  });
  for (const protocol of ['SSL', 'HTTPS'] as const) await probe(protocol, port);
  assert.deepEqual(answers, [22, 22], 'types of records: handshake, no alert');
  const keyCheck = { instancePort: 443, port, publicKeys: ['AAAA'] };
  assert.match((await probe('SSL', port, { keyCheck })).cause, /^TLS: .*renegotiation/, 'not where a key is asked for');
});

test('the public key of an instance is looked at where one is asked for', async () => {
  const body = answer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  const port = await tlsInstance(body);
  const key = readPublicKey(TEST_CERTIFICATE)!;
  for (const protocol of ['SSL', 'HTTPS'] as const) {
    const ask = (publicKeys: string[]) => probe(protocol, port, { keyCheck: { instancePort: 443, port, publicKeys } });
    const right = await ask(['AAAA', key]);
    assert.deepEqual([right.good, right.publicKeys], [true, [{ instancePort: 443, accepted: true }]]);
    const any = await probe(protocol, port, { keyCheck: { instancePort: 443, port, publicKeys: undefined } });
    assert.deepEqual([any.good, any.publicKeys], [true, [{ instancePort: 443, accepted: true }]]);
    for (const keys of [['AAAA'], []]) {
      const { good, cause, publicKeys } = await ask(keys);
      assert.deepEqual([good, cause], [false, 'public key refused']);
      assert.deepEqual(publicKeys, [{ instancePort: 443, accepted: false }]);
    }
  }
});

test('a TLS handshake that fails says how', async () => {
  const noTls = await instance((socket) => socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')));
  const closing = await instance((socket) => socket.once('data', () => socket.end()));
  // handshake_failure (40), fatal
  const alerting = await instance((socket) =>
    socket.once('data', () => socket.write('\x15\x03\x03\0\x02\x02\x28', 'latin1')),
  );
  const results = [await probe('SSL', noTls), await probe('HTTPS', closing), await probe('SSL', alerting)] as const;
  assert.match(results[0].cause, /^TLS: (?:wrong version number|packet length too long)$/);
  assert.equal(results[1].cause, 'connection reset');
  assert.match(results[2].cause, /^TLS alert: .*handshake failure$/);
  assert.deepEqual(
    results.map(({ noTls }) => noTls),
    [true, false, true],
    'an end says nothing of TLS',
  );
});

test('a check says where it came to no connection, or with TLS to no handshake', async () => {
  const refused = await freePort();
  const noTls = await instance((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
  const ill = await instance(answer('HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n'));
  const mute = await instance((socket) => socket.once('data', () => socket.resetAndDestroy()));
  for (const protocol of ['TCP', 'SSL', 'HTTP', 'HTTPS'] as const)
    assert.equal((await probe(protocol, refused)).unreached, true);
  for (const protocol of ['SSL', 'HTTPS'] as const) assert.equal((await probe(protocol, noTls)).unreached, true);
  for (const port of [ill, mute]) assert.equal((await probe('HTTP', port)).unreached, undefined);
  assert.equal((await probe('TCP', ill)).unreached, undefined);
});

test('what is wrong with this machine is held against no instance', async (t) => {
  t.after(syncBuiltinESMExports);
  for (const [code, cause] of [
    ['EMFILE', 'weir has no free file descriptor'],
    ['EADDRNOTAVAIL', 'the machine has no free local port'],
  ]) {
    const failing = () => new net.Socket().destroy(Object.assign(new Error('none left'), { code }));
    const { mock } = t.mock.method(net, 'connect', failing);
    syncBuiltinESMExports();
    const result = await probe('TCP', 1);
    mock.restore();
    assert.deepEqual(
      [result.good, result.cause, result.inconclusive, result.unreached],
      [false, cause, true, undefined],
    );
  }
});

test('what cannot be probed is a bad result that says why', async () => {
  const result = await new Promise<ProbeResult>((resolve) =>
    createProbe(systemClock)({ problem: 'no address for db.example' }, resolve),
  );
  assert.deepEqual(result, { good: false, cause: 'no address for db.example', elapsedMs: 0, inconclusive: false });
});

test('an abandoned probe reports nothing and closes its connection', async () => {
  const server = createServer();
  const port = await listen(server, () => undefined);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const target = { protocol: 'HTTP', address: '127.0.0.1', port, path: '/', timeoutMs: 5000 } as const;
  const abandon = createProbe(systemClock)(target, () => assert.fail('reported'));
  const [socket] = await accepted;
  const closed = once(socket, 'close');
  socket.resume();
  abandon();
  await closed;
});

test('the connection of a good check is closed in order, without a reset', async () => {
  const server = createServer();
  const port = await listen(server, () => undefined);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  await probe('TCP', port);
  const [socket] = await accepted;
  const [hadError] = (await once(socket.resume(), 'close')) as [boolean];
  assert.equal(hadError, false);
});
