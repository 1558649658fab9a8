/** What a client gets of a back end's response, byte for byte. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { readMessage } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { setUp } from '../support/traffic.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const GET_1_0 = 'GET / HTTP/1.0\r\nHost: h\r\n\r\n';
const GET_1_0_KEPT = 'GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n';
const HEAD = 'HEAD / HTTP/1.1\r\nHost: h\r\n\r\n';

interface Answered {
  readonly client: Peer;
  readonly instance: Peer;
}

/** A client that has sent `request`, and the back end's end of it that has sent `response`. */
async function answered(t: TestContext, request: string, response: string): Promise<Answered> {
  const { traffic, backend } = await setUp(t);
  const client = await traffic.dial();
  client.send(request);
  const instance = await backend.accept();
  await instance.take('\r\n\r\n');
  instance.send(response);
  return { client, instance };
}

/** Is the connection that `peer` is the client of still good for a request? */
async function assertKept(client: Peer, instance: Peer): Promise<void> {
  client.send('GET /again HTTP/1.1\r\nHost: h\r\n\r\n');
  assert.match(await instance.take('\r\n\r\n'), /^GET \/again /);
  instance.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain');
  assert.equal(await client.take('again'), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain');
}

/** Name, request, response, what the client gets; both connections are kept. */
const KEPT: readonly (readonly [name: string, request: string, response: string, got: string])[] = [
  [
    'order, letter case, duplicates and inner white space of header lines are kept',
    GET,
    'HTTP/1.1 200 Oh yes\r\nset-COOKIE: a\r\nB:  1\t2 \r\nSet-Cookie: b\r\nEmpty:\r\nX: \x80\r\ncontent-length: 2\r\n\r\nok',
    'HTTP/1.1 200 Oh yes\r\nset-COOKIE: a\r\nB:  1\t2 \r\nSet-Cookie: b\r\nEmpty:\r\nX: \x80\r\ncontent-length: 2\r\n\r\nok',
  ],
  [
    'what concerns one connection only is removed',
    GET,
    'HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nProxy-Connection: x\r\n' +
      'Upgrade: h2c\r\nContent-Length: 2\r\nUpgrade: x\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'Connection cannot take away the framing',
    GET,
    'HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'a reason phrase may be missing',
    GET,
    'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'a reason phrase may be empty',
    GET,
    'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'any status from 200 to 999 goes through',
    GET,
    'HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'the second of two equal Content-Length is left out',
    GET,
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\nContent-Length: 02\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nok',
  ],
  [
    'chunks go on as chunks, extensions left out, trailers kept but for those that frame or route',
    GET,
    'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '3;ext="1"\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\nConnection: close\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nX-Sum: 7\r\n\r\n',
  ],
  [
    'a coding under chunked is the business of client and back end',
    GET,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  ],
  [
    'an HTTP/1.0 client that keeps its connection gets a length as it is, and is told that the connection is kept',
    GET_1_0_KEPT,
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
  ],
  [
    'a 204 has no body and no framing',
    GET,
    'HTTP/1.1 204 No Content\r\nA: b\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nA: b\r\n\r\n',
  ],
  [
    'a 304 has no body',
    GET,
    'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
  ],
  [
    'a 103 before the response is relayed',
    GET,
    'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'interim responses are not relayed to an HTTP/1.0 client, which has none',
    GET_1_0_KEPT,
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
  ],
  [
    'an interim response loses what says something about a body, a connection or an upgrade',
    GET,
    'HTTP/1.1 103 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close, X-H\r\nX-H: 1\r\nUpgrade: x\r\nL: y\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 103 x\r\nL: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'an empty body is complete with its head',
    GET,
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'an HTTP/1.0 back end that keeps its connection is kept',
    GET,
    'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ],
];

describe('a response that ends by itself', () => {
  for (const [name, request, response, expected] of KEPT) {
    test(name, async (t) => {
      const { client, instance } = await answered(t, request, response);
      assert.equal(await client.takeBytes(expected.length), expected);
      if (!request.includes('HTTP/1.0')) await assertKept(client, instance);
    });
  }
});

/** Name, request, response; what the client gets; is the client's connection kept? The back end's is not used again. */
const DROPPED: readonly (readonly [name: string, request: string, response: string, got: string, kept: boolean])[] = [
  [
    'to HEAD carries its headers and no body, whatever they announce',
    HEAD,
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    true,
  ],
  [
    'to HEAD with chunks announced',
    HEAD,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    true,
  ],
  [
    '304 with a body',
    GET,
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    true,
  ],
  [
    '304 with chunks announced: an HTTP/1.0 client hears nothing of them',
    GET_1_0_KEPT,
    'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nETag: "x"\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nConnection: keep-alive\r\n\r\n',
    true,
  ],
  [
    '204 with a body: its framing goes too',
    GET,
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\nA: b\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nA: b\r\n\r\n',
    true,
  ],
  ['204 with a body that nothing announces', GET, 'HTTP/1.1 204 x\r\n\r\nhello', 'HTTP/1.1 204 x\r\n\r\n', true],
  [
    'with both framing headers: chunked is obeyed, Content-Length left out',
    GET,
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    true,
  ],
  [
    'with Connection: close of the back end',
    GET,
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    true,
  ],
  [
    'of an HTTP/1.0 back end',
    GET,
    'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    true,
  ],
  [
    'in chunks from an HTTP/1.0 back end, whose framing is not to be trusted (RFC 9112 6.1)',
    GET,
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    true,
  ],
  [
    'with bytes behind it, which reach nobody',
    GET,
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    true,
  ],
  [
    'in chunks, to an HTTP/1.0 client: the chunks are taken apart and the connection ends the body',
    GET_1_0_KEPT,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: 1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde',
    false,
  ],
  [
    'to an HTTP/1.0 client that does not keep its connection',
    GET_1_0,
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
    false,
  ],
];

describe('a response', () => {
  for (const [name, request, response, expected, kept] of DROPPED) {
    test(name, async (t) => {
      const { client, instance } = await answered(t, request, response);
      assert.equal(await client.takeBytes(expected.length), expected);
      if (kept) {
        client.send('GET /again HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
        await instance.shutDown();
      }
      if (!kept) await client.shutDown();
      assert.equal(client.received, '');
    });
  }

  test('goes to the client that asked, over a new connection, after one whose connection could not be kept', async (t) => {
    const { traffic, backend } = await setUp(t);
    const client = await traffic.dial();
    client.send(HEAD + GET);
    const first = await backend.accept();
    await first.take('\r\n\r\n');
    first.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    const second = await backend.accept();
    await second.take('\r\n\r\n');
    first.send('stale');
    second.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh');
    assert.equal((await readMessage(client, { bodiless: true })).body, '');
    assert.equal((await readMessage(client)).body, 'fresh');
  });

  test('in chunks over another coding is none for an HTTP/1.0 client, who cannot be told of that: 502', async (t) => {
    for (const codings of ['gzip, chunked', 'gzip\r\nTransfer-Encoding: chunked']) {
      const response = `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${codings}\r\n\r\n1\r\nx\r\n0\r\n\r\n`;
      const { client, instance } = await answered(t, GET_1_0, response);
      await client.shutDown();
      assert.equal(client.received, 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n');
      await instance.shutDown();
    }
  });

  test('without framing goes up to the end of the connection, and so does the client', async (t) => {
    const { client, instance } = await answered(t, GET, 'HTTP/1.1 200 OK\r\nA: b\r\n\r\nsome');
    assert.equal(await client.take('some'), 'HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\nsome');
    instance.send(' more');
    instance.end();
    await client.shutDown();
    assert.equal(client.received, ' more');
  });

  test('may begin while the request is still being sent; both then go on', async (t) => {
    const { traffic, backend } = await setUp(t);
    const client = await traffic.dial();
    client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc');
    const instance = await backend.accept();
    await instance.take('abc');
    instance.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nABC');
    assert.equal(await client.take('ABC'), 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nABC');
    client.send('def');
    assert.equal(await instance.take('def'), 'def');
    instance.send('DEF');
    assert.equal(await client.take('DEF'), 'DEF');
    await client.shutDown();
  });
});
