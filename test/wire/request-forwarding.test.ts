/** What a back end gets of a request's head, byte for byte. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { readMessage } from '../support/http-reader.ts';
import { setUp, type Traffic } from '../support/traffic.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

function ours(traffic: Traffic, forwardedFor = '127.0.0.1'): string {
  return `X-Forwarded-For: ${forwardedFor}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: ${traffic.port}\r\n\r\n`;
}

/** Sends one head and returns what the back end got of it. */
async function forwarded(t: TestContext, head: string): Promise<{ got: string; traffic: Traffic }> {
  const { traffic, backend } = await setUp(t);
  const client = await traffic.dial();
  client.send(head);
  const instance = await backend.accept();
  const got = await instance.take('\r\n\r\n');
  instance.send(OK);
  assert.match((await readMessage(client)).startLine, /^HTTP\/1\.1 200 /);
  return { got, traffic };
}

/** Name of the property, the client's lines, the lines that go on, the X-Forwarded-For that is added to them. */
type Case = readonly [name: string, sent: readonly string[], kept: readonly string[], forwardedFor?: string];

const CASES: readonly Case[] = [
  [
    'order, letter case, duplicates and inner white space of header lines are kept',
    ['hOsT: h', 'X-b: 2', 'X-A: 1', 'x-b:   2 \t 3  ', 'Accept:', 'X-Bytes: \x80\xff', 'X-B: 2'],
    ['hOsT: h', 'X-b: 2', 'X-A: 1', 'x-b:   2 \t 3  ', 'Accept:', 'X-Bytes: \x80\xff', 'X-B: 2'],
  ],
  [
    'X-Forwarded-For is continued with the address of the client',
    ['Host: h', 'X-Forwarded-For: 203.0.113.9', 'A: b'],
    ['Host: h', 'A: b'],
    '203.0.113.9, 127.0.0.1',
  ],
  [
    'several X-Forwarded-For are one list, in their order, in whatever case',
    ['x-forwarded-for: 1.1.1.1,  2.2.2.2', 'Host: h', 'X-FORWARDED-FOR:3.3.3.3', 'X-Forwarded-For: unknown  '],
    ['Host: h'],
    '1.1.1.1,  2.2.2.2, 3.3.3.3, unknown, 127.0.0.1',
  ],
  [
    'an empty X-Forwarded-For adds nothing to the list',
    ['Host: h', 'X-Forwarded-For:', 'X-Forwarded-For:  \t'],
    ['Host: h'],
  ],
  [
    'X-Forwarded-Proto and X-Forwarded-Port are replaced, however many there are',
    ['x-forwarded-proto: https', 'Host: h', 'X-Forwarded-Port: 1', 'X-Forwarded-Proto: ftp', 'X-FORWARDED-PORT: 2'],
    ['Host: h'],
  ],
  [
    'names that only begin or end like ours are not touched',
    [
      'Host: h',
      'X-Forwarded-Host: x',
      'X-Forwarded-Fo: y',
      'X-Forwarded-Form: z',
      'X-Forwarded-Ports: 1',
      'Connections: A',
    ],
    [
      'Host: h',
      'X-Forwarded-Host: x',
      'X-Forwarded-Fo: y',
      'X-Forwarded-Form: z',
      'X-Forwarded-Ports: 1',
      'Connections: A',
    ],
  ],
  [
    'what concerns one connection only is removed: Connection and what it names, Keep-Alive, Proxy-Connection, Upgrade',
    [
      'Host: h',
      'Connection: keep-alive, X-Hop ,, x-other',
      'x-hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Upgrade: websocket',
      'X-Other: 2',
      'X-Hopp: stays',
      'connection: third',
      'THIRD: 3',
      'X-Hop: 4',
    ],
    ['Host: h', 'X-Hopp: stays'],
  ],
  [
    'a header that Connection names further on is removed where it stands before it',
    ['A: 1', 'Host: h', 'Connection: a'],
    ['Host: h'],
  ],
  [
    'Connection: X-Forwarded-For takes away what the client said, and nothing of ours',
    [
      'Host: h',
      'Connection: X-Forwarded-For, X-Forwarded-Proto, x-forwarded-port',
      'X-Forwarded-For: 1.1.1.1',
      'X-Forwarded-Proto: x',
    ],
    ['Host: h'],
  ],
  [
    'Connection cannot take away Host or the framing',
    ['Connection: Host, Content-Length, Transfer-Encoding', 'Host: h', 'Content-Length: 0'],
    ['Host: h', 'Content-Length: 0'],
  ],
  ['TE: trailers goes on', ['Host: h', 'TE: Trailers', 'Connection: TE'], ['Host: h', 'TE: Trailers']],
  [
    'TE with anything else does not',
    ['Host: h', 'te: gzip', 'TE: trailers, deflate', 'TE: trailers;q=1', 'TE:'],
    ['Host: h'],
  ],
  [
    'Expect: 100-continue goes on',
    ['Host: h', 'Expect: 100-Continue', 'Content-Length: 0'],
    ['Host: h', 'Expect: 100-Continue', 'Content-Length: 0'],
  ],
];

describe('of the head of a request', () => {
  for (const [name, sent, kept, forwardedFor] of CASES) {
    test(name, async (t) => {
      const { got, traffic } = await forwarded(t, `POST /p HTTP/1.1\r\n${sent.join('\r\n')}\r\n\r\n`);
      assert.equal(got, `POST /p HTTP/1.1\r\n${kept.join('\r\n')}\r\n${ours(traffic, forwardedFor)}`);
    });
  }

  test('the target goes on as it was sent', async (t) => {
    for (const target of ['/', '/a%20b/../c?x=1&y=%zz', '//double', '*', '/\x80\xff{}|^"<>', '/?', '/a#b']) {
      const { got, traffic } = await forwarded(t, `OPTIONS ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
      assert.equal(got, `OPTIONS ${target} HTTP/1.1\r\nHost: h\r\n${ours(traffic)}`);
    }
  });

  test('a target in absolute form rewrites Host in its place, and without one it makes one', async (t) => {
    for (const [sent, kept] of [
      ['A: 1\r\nhoST: other.example\r\nB: 2', 'A: 1\r\nhoST: real:8\r\nB: 2'],
      ['Host:x\r\nB: 2', 'Host:real:8\r\nB: 2'],
      ['Host:\r\nB: 2', 'Host:real:8\r\nB: 2'],
      ['Host: real:8 \r\nB: 2', 'Host: real:8 \r\nB: 2'],
      ['X: 0\r\nConnection: x, z\r\nHost: o\r\nZ: 1\r\nKeep-Alive: 1\r\nB: 2', 'Host: real:8\r\nB: 2'],
    ]) {
      const { got, traffic } = await forwarded(t, `GET http://user@real:8/x?y HTTP/1.1\r\n${sent}\r\n\r\n`);
      assert.equal(got, `GET http://user@real:8/x?y HTTP/1.1\r\n${kept}\r\n${ours(traffic)}`);
    }
    const old = await forwarded(t, 'GET http://real/ HTTP/1.0\r\nA: 1\r\nHost: other\r\nB: 2\r\n\r\n');
    assert.equal(old.got, `GET http://real/ HTTP/1.1\r\nA: 1\r\nHost: real\r\nB: 2\r\n${ours(old.traffic)}`);
    const bare = await forwarded(t, 'GET HTTP://real HTTP/1.1\r\nA: 1\r\n\r\n');
    assert.equal(bare.got, `GET HTTP://real HTTP/1.1\r\nA: 1\r\nHost: real\r\n${ours(bare.traffic)}`);
  });

  test('every method goes on, up to 127 characters', async (t) => {
    for (const method of ['GET', 'PATCH', 'get', 'M-SEARCH', 'PROPFIND', "!#$%&'*+-.^_`|~0", 'X'.repeat(127)]) {
      const { got } = await forwarded(t, `${method} / HTTP/1.1\r\nHost: h\r\n\r\n`);
      assert.ok(got.startsWith(`${method} / HTTP/1.1\r\nHost: h\r\n`), got);
    }
  });

  test('HTTP/1.0 goes on as HTTP/1.1', async (t) => {
    const { got, traffic } = await forwarded(t, 'GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nA: b\r\n\r\n');
    assert.equal(got, `GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n${ours(traffic)}`);
  });

  test('of HTTP/1.0 without Host gets one: the address of the node', async (t) => {
    for (const line of ['GET / HTTP/1.0', 'GET / HTTP/0.9', 'GET /']) {
      const { got, traffic } = await forwarded(t, `${line}\r\nA: b\r\n\r\n`);
      assert.equal(got, `GET / HTTP/1.1\r\nA: b\r\nHost: 127.0.0.1\r\n${ours(traffic)}`);
    }
    const absolute = await forwarded(t, 'GET http://real/ HTTP/1.0\r\n\r\n');
    assert.match(absolute.got, /^GET http:\/\/real\/ HTTP\/1\.1\r\nHost: real\r\nX-Forwarded-For: /);
  });

  test('empty lines in front of it are passed over', async (t) => {
    const { got, traffic } = await forwarded(t, '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(got, `GET / HTTP/1.1\r\nHost: h\r\n${ours(traffic)}`);
  });

  test('an IPv6 client is named by its address', async (t) => {
    const { traffic, backend } = await setUp(t, { address: '::1' });
    const client = await traffic.dial();
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    const instance = await backend.accept();
    assert.equal(await instance.take('\r\n\r\n'), `GET / HTTP/1.1\r\nHost: h\r\n${ours(traffic, '::1')}`);
  });

  test('an IPv6 address of the node stands in brackets in the Host that HTTP/1.0 gets', async (t) => {
    const { traffic, backend } = await setUp(t, { address: '::1' });
    const client = await traffic.dial();
    client.send('GET / HTTP/1.0\r\n\r\n');
    const instance = await backend.accept();
    assert.equal(await instance.take('\r\n\r\n'), `GET / HTTP/1.1\r\nHost: [::1]\r\n${ours(traffic, '::1')}`);
  });

  test('an IPv4 client of an IPv6 listener is named by its IPv4 address', async (t) => {
    const { traffic, backend } = await setUp(t, { address: '::' });
    const client = await traffic.dial(traffic.port, '127.0.0.1');
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    const instance = await backend.accept();
    assert.equal(await instance.take('\r\n\r\n'), `GET / HTTP/1.1\r\nHost: h\r\n${ours(traffic)}`);
  });
});

describe('the body of a request', () => {
  test('with a length goes on as it is', async (t) => {
    const { traffic, backend } = await setUp(t);
    const client = await traffic.dial();
    client.send('PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123');
    const instance = await backend.accept();
    await instance.take('0123');
    client.send('456789');
    assert.equal(await instance.take('9'), '456789');
    instance.send(OK);
    await readMessage(client);
  });

  test('in chunks goes on in chunks, extensions left out, trailers kept but for those that frame, route or authenticate', async (t) => {
    const { traffic, backend } = await setUp(t);
    const client = await traffic.dial();
    client.send(
      'PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n' +
        '4;a=b;c="d"\r\nabcd\r\n00000A ;x\r\n0123456789\r\n000;last\r\n' +
        'X-Sum: 1\r\nContent-Length: 5\r\nHost: evil\r\ntransfer-encoding: x\r\nX-Forwarded-For: 6.6.6.6\r\nx-sum:2\r\n' +
        'Authorization: x\r\nCookie: a=b\r\nConnection: close\r\n\r\n',
    );
    const message = await readMessage(await backend.accept());
    assert.equal(message.body, 'abcd0123456789');
    assert.equal(message.trailers, 'X-Sum: 1\r\nx-sum:2\r\n');
    assert.match(message.head, /\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n/);
  });

  test('waits for 100 Continue where the client does, and gets it once', async (t) => {
    const { traffic, backend } = await setUp(t);
    const client = await traffic.dial();
    client.send('POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    const instance = await backend.accept();
    await instance.take('\r\n\r\n');
    instance.send('HTTP/1.1 100 Continue\r\n\r\n');
    assert.equal(await client.take('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
    client.send('body');
    assert.equal(await instance.take('body'), 'body');
    instance.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    assert.equal(await client.take('ok'), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });

  test('is not sent where the back end refuses it at once: both connections end', async (t) => {
    const { traffic, backend } = await setUp(t);
    const client = await traffic.dial();
    client.send('POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    const instance = await backend.accept();
    await instance.take('\r\n\r\n');
    instance.send('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n');
    assert.equal(
      await client.take('\r\n\r\n'),
      'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
    await client.shutDown();
    await instance.shutDown();
  });
});
