/**
 * Traps that other proxies and servers have fallen into, each by its name (docs/threat-model.md): what a client sends is
 * refused, or reaches the back end as one message that nobody can read in two ways.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { HTTP_HEAD } from '../../src/model/limits.ts';
import { BAD_REQUEST, OK } from '../support/faults.ts';
import { readMessage, valueOf, type Message } from '../support/http-reader.ts';
import { dialTls, servedTls } from '../support/tls.ts';
import { setUp, TRANSPORTS } from '../support/traffic.ts';

const HOST = 'Host: h\r\n';
const SMUGGLED = `GET /smuggled HTTP/1.1\r\n${HOST}\r\n`;
const POST = `POST / HTTP/1.1\r\n${HOST}`;

/** Name of the trap, what the client sends; the back end never hears of it. */
const REFUSED: readonly (readonly [name: string, request: string])[] = [
  [
    'header-count truncation: framing behind the last header that counts is not ignored',
    `${POST}${'A: b\r\n'.repeat(HTTP_HEAD.maxHeaders - 1)}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  ],
  ['\\r\\n\\rX is no end of headers', `GET / HTTP/1.1\r\n${HOST}\r\n\rX${SMUGGLED}`.replace('\r\n\r\n\r', '\r\n\r')],
  ['a folded Transfer-Encoding', `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  [
    'a Transfer-Encoding that goes on in a folded line',
    `${POST}Transfer-Encoding: gzip,\r\n\tchunked\r\n\r\n0\r\n\r\n`,
  ],
  ['an empty Content-Length before a real one', `${POST}Content-Length:\r\nContent-Length: 5\r\n\r\nhello${SMUGGLED}`],
  ['an empty Content-Length behind a real one', `${POST}Content-Length: 5\r\nContent-Length: \r\n\r\nhello${SMUGGLED}`],
  ['a header name over the limit', `GET / HTTP/1.1\r\n${'A'.repeat(HTTP_HEAD.maxHeaderBytes)}: b\r\n\r\n`],
  ['a bare CR that some take for the end of a line', `${POST}A: b\rTransfer-Encoding: chunked\r\n\r\n`],
  ['a NUL that ends a value for some', `${POST}Content-Length: 5\0\r\n\r\nhello`],
  [
    'a chunk extension that hides the end of its line',
    `${POST}Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n4f\r\n0\r\n\r\n`,
  ],
  ['a chunk whose size has a sign', `${POST}Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n${SMUGGLED}`],
  ['Transfer-Encoding with a vertical tab', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
];

/** A client that has sent `request`, and all that the back end was sent: then nothing more is to come. */
async function forwarded(t: TestContext, transport: 'handle' | 'net', request: string) {
  const { traffic, backend } = await setUp(t, { transport });
  const messages: Message[] = [];
  backend.serve((message) => {
    messages.push(message);
    return OK;
  });
  const client = await traffic.dial();
  client.send(request);
  client.end();
  await client.shutDown();
  return { client, messages, heads: messages.map(({ startLine }) => startLine) };
}

for (const transport of TRANSPORTS) {
  for (const [name, request] of REFUSED) {
    test(`trap, ${transport}: ${name}`, async (t) => {
      const { client, heads } = await forwarded(t, transport, request);
      assert.equal(client.received, BAD_REQUEST);
      assert.deepEqual(heads, []);
    });
  }

  test(`trap, ${transport}: a space before the colon of a framing header`, async (t) => {
    for (const name of ['Content-Length', 'Transfer-Encoding']) {
      const request = `${POST}${name} : ${name === 'Content-Length' ? SMUGGLED.length : 'chunked'}\r\n\r\n${SMUGGLED}`;
      const { heads, messages } = await forwarded(t, transport, request);
      assert.deepEqual(heads, ['POST / HTTP/1.1'], 'what may be its body is no request');
      assert.equal(valueOf(messages[0]!, `${name} `), undefined);
      assert.equal(valueOf(messages[0]!, name), undefined);
    }
  });

  test(`trap, ${transport}: a framing header whose name goes on behind a blank or a separator`, async (t) => {
    for (const name of ['Transfer-Encoding x', 'Transfer-Encoding\t', 'Transfer-Encoding;x', 'Transfer-Encoding"x"']) {
      const body = `0\r\n\r\n${SMUGGLED}`;
      const request = `${POST}Connection: close\r\n${name}: chunked\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const { heads, messages } = await forwarded(t, transport, request);
      assert.deepEqual(heads, ['POST / HTTP/1.1']);
      assert.equal(messages[0]!.body, body);
      assert.doesNotMatch(messages[0]!.head, /chunked/);
    }
  });

  test(`trap, ${transport}: an empty header name`, async (t) => {
    const { heads, messages } = await forwarded(t, transport, `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n${SMUGGLED}`);
    assert.deepEqual(heads, ['GET / HTTP/1.1'], 'the connection ends behind it');
    assert.doesNotMatch(messages[0]!.head, /^:/m);
  });

  test(`trap, ${transport}: HTTP/1.0 with Transfer-Encoding`, async (t) => {
    const request = `POST / HTTP/1.0\r\n${HOST}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`;
    const { heads, messages } = await forwarded(t, transport, request + SMUGGLED);
    assert.deepEqual(heads, ['POST / HTTP/1.1'], 'the connection ends behind it');
    assert.equal(messages[0]!.body, 'ab');
  });

  test(`trap, ${transport}: chunk extensions end here`, async (t) => {
    const chunks = '2;a=b\r\nab\r\n1 ;"\r\nc\r\n0;x\r\n\r\n';
    const { heads, messages } = await forwarded(t, transport, `${POST}Transfer-Encoding: chunked\r\n\r\n${chunks}`);
    assert.deepEqual(heads, ['POST / HTTP/1.1']);
    assert.equal(messages[0]!.body, 'abc');
  });

  test(`trap, ${transport}: bytes after an Upgrade`, async (t) => {
    const upgrade = `GET / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
    assert.deepEqual((await forwarded(t, transport, upgrade + SMUGGLED)).heads, ['GET / HTTP/1.1']);
  });

  test(`trap, ${transport}: Connection: X-Forwarded-For takes nothing of ours away`, async (t) => {
    const names = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Port', 'Host', 'Content-Length'];
    const request = `${POST}Connection: close, ${names.join(', ')}\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 2\r\n\r\nab`;
    const { messages } = await forwarded(t, transport, request);
    const values = names.map((name) => valueOf(messages[0]!, name));
    assert.deepEqual(values.slice(0, 2), ['127.0.0.1', 'http']);
    assert.deepEqual(values.slice(3), ['h', '2']);
  });

  test(`trap, ${transport}: __proto__ as the name of a header is a name`, async (t) => {
    const odd = '__proto__: polluted\r\nconstructor: x\r\nprototype: y\r\n';
    const { messages } = await forwarded(t, transport, `GET / HTTP/1.1\r\n${HOST}${odd}Connection: close\r\n\r\n`);
    assert.ok(messages[0]!.head.includes(odd));
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  test(`trap, ${transport}: odd paths go on byte for byte, and are never resolved`, async (t) => {
    const paths = [
      '//',
      '/../../etc/passwd',
      '/%2e%2e/%00',
      '/\\..\\',
      '/a//b/./../c',
      '*',
      '/?a=%0d%0aX:y',
      '/\x80\xff',
      '/#x',
    ];
    for (const path of paths) {
      const { heads } = await forwarded(t, transport, `GET ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      assert.deepEqual(heads, [`GET ${path} HTTP/1.1`]);
    }
  });

  test(`trap, ${transport}: a user agent cannot write a line of the access log`, async (t) => {
    const { traffic, backend } = await setUp(t, { transport, settings: { accessLog: 0 } });
    backend.serve(() => OK);
    const client = await traffic.dial();
    const forged = '" - -\t2026-01-01T00:00:00.000000Z lb 1.2.3.4:5 \\x0a\x0b\x7f\x85';
    client.send(`GET /"\x0c HTTP/1.1\r\n${HOST}User-Agent: ${forged}\r\n\r\n`);
    await readMessage(client);
    const [line = '', ...more] = traffic.takeLog();
    assert.deepEqual(more, []);
    assert.match(line, /^[ -~]+$/, 'plain text');
    assert.equal(line.split('"').length, 5, 'four quotes of ours');
    assert.match(line, /"\\x22 - -\\x09[^"]*\\x5Cx0a\\x0B\\x7F\\x85" - -$/);
  });

  test(`trap, ${transport}: no name in SNI and no ticket makes a callback throw`, async (t) => {
    const listener = { instanceProtocol: 'HTTP', tls: servedTls() } as const;
    const { traffic, backend } = await setUp(t, { transport, protocol: 'HTTPS', listener });
    backend.serve(() => OK);
    const first = await dialTls(traffic.port, { maxVersion: 'TLSv1.2', servername: '__proto__' });
    const session = first.tls.getSession()!;
    first.socket.destroy();
    // Within the ticket: a session that is half forged is none, and a handshake is made in full.
    for (let at = session.length - 200; at < session.length; at += 20) {
      const forged = Buffer.from(session);
      forged[at] = forged[at]! ^ 0xff;
      const client = await dialTls(traffic.port, { maxVersion: 'TLSv1.2', session: forged }).catch(() => undefined);
      client?.socket.destroy();
    }
    for (const servername of ['constructor', 'a'.repeat(250), '..', 'x_y', 'xn--']) {
      const client = await dialTls(traffic.port, { servername });
      client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
      assert.equal((await readMessage(client)).body, 'ok');
      client.socket.destroy();
    }
    assert.deepEqual(traffic.failures, []);
  });
}
