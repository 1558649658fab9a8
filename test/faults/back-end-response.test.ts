/** docs/faults.md, rows 7 to 12 and 15 to 20: responses that are none, or say more than one thing. */
import assert from 'node:assert/strict';
import { HTTP_HEAD, MAX_INTERIM_RESPONSES } from '../../src/model/limits.ts';
import { BAD_GATEWAY, fault, GET, LAYER_7, lines, OK, type Scene, type Tells } from '../support/faults.ts';

const MiB = 1024 * 1024;

/** Each of them makes a 502, and its connection is not used again; the client's is. */
async function refuseAll(scene: Scene, responses: readonly string[]): Promise<Tells> {
  for (const response of responses) {
    const { client, instance } = await scene.asked();
    instance.send(response);
    assert.equal(await client.take('\r\n\r\n'), BAD_GATEWAY, response.slice(0, 200));
    await instance.shutDown();
    const fresh = await scene.servedAnew(client);
    fresh.end();
    await fresh.shutDown();
    assert.equal(client.received, '');
  }
  const count = responses.length;
  const [refused, served] = [
    { instance: 0, elb: 502 },
    { instance: 0, elb: 200, backend: 200 },
  ];
  return {
    metric: { requests: 2 * count, elb5xx: count, backend2xx: count },
    log: lines(count, refused).flatMap((line) => [line, served]),
  };
}

function refused(row: number, what: string, ...responses: readonly string[]): void {
  fault(row, `${what}: 502`, LAYER_7, (scene) => refuseAll(scene, responses));
}

refused(
  7,
  'bytes that are no HTTP',
  'SSH-2.0-OpenSSH_9.2\r\n',
  'HTTP/2 200\r\n\r\n',
  '<html>hello</html>',
  '\x15\x03\x01\x00\x02\x02\x46',
  'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n',
  'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\n \r\nContent-Length: 0\r\n\r\n',
);

refused(
  8,
  'a malformed status',
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 2000 OK\r\n\r\n',
  'HTTP/1.1 099 OK\r\n\r\n',
  'HTTP/1.1 2x0 OK\r\n\r\n',
  'HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 -20 OK\r\nContent-Length: 0\r\n\r\n',
);

fault(8, 'any three digits of a status from 100 to 999 go through', LAYER_7, async (scene) => {
  const { client, instance } = await scene.asked();
  let sent = 0;
  for (const status of [200, 203, 299, 300, 399, 400, 499, 500, 599, 600, 999]) {
    const interim = `HTTP/1.1 ${[100, 102, 199][sent % 3]} x\r\n\r\n`;
    const response = `HTTP/1.1 ${status} x\r\nContent-Length: 0\r\n\r\n`;
    if (sent++ > 0) {
      client.send(GET);
      await instance.take('\r\n\r\n');
    }
    instance.send(interim + response);
    assert.equal(await client.takeBytes(interim.length + response.length), interim + response);
  }
  const statuses = [200, 203, 299, 300, 399, 400, 499, 500, 599, 600, 999];
  return {
    metric: { requests: 11, backend2xx: 3, backend3xx: 2, backend4xx: 2, backend5xx: 2, backendOther: 2 },
    log: statuses.map((status) => ({ instance: 0, elb: status, backend: status })),
  };
});

refused(
  9,
  'two different Content-Length',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!',
  'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok',
);

fault(10, 'both framing headers: Content-Length dropped, chunked obeyed, not reused', LAYER_7, async (scene) => {
  const { client, instance } = await scene.asked();
  const framing = 'Content-Length: 3\r\nA: b\r\nTransfer-Encoding: chunked\r\n';
  instance.send(`HTTP/1.1 200 OK\r\n${framing}\r\n5\r\nhello\r\n0\r\n\r\n`);
  const whole = 'HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
  assert.equal(await client.takeBytes(whole.length), whole);
  await instance.shutDown();
  await scene.servedAnew(client);
  return { metric: { requests: 2, backend2xx: 2 }, log: lines(2, { instance: 0, elb: 200, backend: 200 }) };
});

refused(
  11,
  'a negative or empty Content-Length, or one that is no number',
  'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nContent-Length:\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok',
  `HTTP/1.1 200 OK\r\nContent-Length: ${'9'.repeat(20)}\r\n\r\nok`,
);

refused(
  12,
  'a bad chunk size, or chunked that is not last, before the head went out',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
);

fault(
  12,
  'a bad chunk after the head: the client is aborted, and takes nothing for the whole',
  LAYER_7,
  async (scene) => {
    const bad = ['zz\r\n', '3\nabc\r\n', '3\r\nabcd\r\n', '0\r\nA b\r\n\r\n', '0\r\n\rx', `0;${'x'.repeat(8192)}`];
    for (const bytes of bad) {
      const { client, instance } = await scene.asked();
      instance.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
      await client.take('3\r\nabc\r\n');
      instance.send(bytes);
      assert.equal(await client.close(), 'ECONNRESET');
      assert.doesNotMatch(client.received, /^0\r\n/m);
      await instance.shutDown();
    }
    const count = bad.length;
    return {
      metric: { requests: count, backend2xx: count },
      log: lines(count, { instance: 0, elb: 200, backend: 200 }),
    };
  },
);

fault(15, 'a body with 204, 304 or to HEAD: dropped, the connection not reused', LAYER_7, async (scene) => {
  const cases = [
    [GET, '204 No Content', ''],
    [GET, '304 Not Modified', 'Content-Length: 5\r\n'],
    [GET.replace('GET', 'HEAD'), '200 OK', 'Content-Length: 5\r\n'],
  ] as const;
  for (const [request, status, framing] of cases) {
    for (const when of ['with the head', 'after it'] as const) {
      const { client, instance } = await scene.asked(request);
      const head = `HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`;
      instance.send(when === 'with the head' ? `${head}hello` : head);
      assert.equal(await client.take('\r\n\r\n'), `HTTP/1.1 ${status}\r\n${framing}\r\n`);
      if (when === 'after it') instance.send('hello');
      await instance.shutDown();
      const fresh = await scene.servedAnew(client);
      fresh.end();
      await fresh.shutDown();
    }
  }
  const served = { instance: 0, elb: 200, backend: 200 };
  const of = (status: number) => [{ instance: 0, elb: status, backend: status }, served];
  return {
    metric: { requests: 12, backend2xx: 10, backend3xx: 2 },
    log: [204, 204, 304, 304, 200, 200].flatMap((status) => of(status)),
  };
});

refused(
  16,
  'NUL or bare CR in a header, an empty name, a blank behind one, a folded header',
  'HTTP/1.1 200 OK\r\nA: \x00\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA\x00: b\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\rX',
);

refused(
  17,
  'a 64 KB header, 3,000 headers, a head over 64 KB, with an end and without',
  `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(65_536)}\r\n\r\n`,
  `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(65_536)}`,
  `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(3000)}\r\n`,
  `HTTP/1.1 200 OK\r\n${`A: ${'b'.repeat(8000)}\r\n`.repeat(9)}\r\n`,
  `HTTP/1.1 200 ${'O'.repeat(2 * HTTP_HEAD.maxLineBytes)}`,
);

fault(17, 'a head without end takes bounded memory', LAYER_7, async (scene) => {
  const before = process.memoryUsage().arrayBuffers;
  const flood = Buffer.alloc(16 * MiB, 'b');
  const { client, instance } = await scene.asked();
  instance.send('HTTP/1.1 200 OK\r\n');
  instance.send(flood);
  assert.equal(await client.take('\r\n\r\n'), BAD_GATEWAY);
  const grown = process.memoryUsage().arrayBuffers - before - flood.length;
  assert.ok(grown < 4 * MiB, `${grown} bytes more`);
  return { metric: { requests: 1, elb5xx: 1 }, log: [{ instance: 0, elb: 502 }] };
});

fault(18, `1,000 interim responses: ${MAX_INTERIM_RESPONSES} relayed, then 502`, LAYER_7, async (scene) => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n';
  const relayed = interim.repeat(MAX_INTERIM_RESPONSES);
  for (const pieces of [1, 10]) {
    const { client, instance } = await scene.asked();
    for (let i = 0; i < pieces; i++) instance.send(interim.repeat(1000 / pieces));
    assert.equal(await client.takeBytes(relayed.length + BAD_GATEWAY.length), relayed + BAD_GATEWAY);
    await instance.shutDown();
  }
  const { client, instance } = await scene.asked();
  instance.send(relayed + OK);
  assert.equal(await client.takeBytes(relayed.length + OK.length), relayed + OK);
  return {
    metric: { requests: 3, elb5xx: 2, backend2xx: 1 },
    log: [...lines(2, { instance: 0, elb: 502 }), { instance: 0, elb: 200, backend: 200 }],
  };
});

fault(19, '103, then 200: both relayed', LAYER_7, async (scene) => {
  const { client, instance } = await scene.asked();
  const both = `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${OK}`;
  instance.send(both);
  assert.equal(await client.takeBytes(both.length), both);
  return { metric: { requests: 1, backend2xx: 1 }, log: [{ instance: 0, elb: 200, backend: 200 }] };
});

refused(
  20,
  '101 unasked',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
);
