/** Where the kernel cuts a stream into reads must not matter: each message is cut at each of its bytes, on both sides. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readMessage, type Message } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { setUp, TRANSPORTS } from '../support/traffic.ts';

interface Shape {
  readonly name: string;
  /** One after the other on one connection. */
  readonly requests: readonly string[];
  readonly responses: readonly string[];
  /** What the back end reads, and the client: body and trailers of each message. */
  readonly sent: readonly string[];
  readonly got: readonly string[];
}

const SHAPES: readonly Shape[] = [
  {
    name: 'bodies with a length',
    requests: ['POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nhello\r\n\r\nyou'],
    responses: ['HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 7\r\n\r\nHTTP/1.'],
    sent: ['hello\r\n\r\nyou|'],
    got: ['HTTP/1.|'],
  },
  {
    name: 'bodies in chunks, with extensions and trailers',
    requests: [
      'POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0004;x="y"\r\nd\r\ng\r\n0;z\r\nT: 1\r\nHost: x\r\nU: 2\r\n\r\n',
    ],
    responses: [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\nb;a=b\r\n0\r\n\r\n0\r\n\r\n\r\r\n00;q\r\nT: 3\r\n\r\n',
    ],
    sent: ['abcd\r\ng|T: 1\r\nU: 2\r\n'],
    got: ['0\r\n\r\n0\r\n\r\n\r|T: 3\r\n'],
  },
  {
    name: 'interim responses before the response',
    requests: ['PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab'],
    responses: [
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nL: m\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\ncd',
    ],
    sent: ['ab|'],
    got: ['|', '|', 'cd|'],
  },
  {
    name: 'a 204, and a head that the classifier reads again',
    requests: ['DELETE /a b HTTP/1.1\r\nHost: h\nX: y\r\nX-For\x01: z\r\n\r\n'],
    responses: ['HTTP/1.1 204\r\nA: b\r\n\r\n'],
    sent: ['|'],
    got: ['|'],
  },
  {
    name: 'several pipelined requests of all kinds',
    requests: [
      '\r\nPOST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nGET',
      'HEAD /b HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: x\r\nX: 1\r\n\r\n',
      'PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n0\r\n\r\n0\r\n\r\n',
      'DELETE /d HTTP/1.1\r\nHost: h\r\n\r\n',
    ],
    responses: [
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    ],
    sent: ['GET|', '|', '0\r\n|', '|'],
    got: ['a|', '|', 'c|', '|'],
  },
];

/** Sends `bytes` in two, with time between them for the first part to be read. */
async function sendSplit(peer: Peer, bytes: string, at: number): Promise<void> {
  if (at > 0 && at < bytes.length) {
    peer.send(bytes.slice(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  peer.send(bytes.slice(at % bytes.length));
}

async function exchange(client: Peer, dialled: Promise<Peer>, shape: Shape, cut: number): Promise<void> {
  const requests = shape.requests.join('');
  const responses = shape.responses.join('');
  const sending = sendSplit(client, requests, cut % requests.length);
  const instance = await dialled;
  let from = 0;
  for (const [turn, response] of shape.responses.entries()) {
    assert.equal(essence(await readMessage(instance)), shape.sent[turn], `the request, cut at ${cut}`);
    const at = Math.min(Math.max((cut % responses.length) - from, 0), response.length);
    await sendSplit(instance, response, at);
    from += response.length;
  }
  await sending;
  for (const expected of shape.got) {
    assert.equal(essence(await readMessage(client)), expected, `the response, cut at ${cut}`);
  }
}

function essence({ body, trailers }: Message): string {
  return `${body}|${trailers}`;
}

for (const transport of TRANSPORTS) {
  describe(`cut at each byte, over the ${transport} transport, these arrive as they were sent:`, () => {
    for (const shape of SHAPES) {
      test(shape.name, async (t) => {
        const { traffic, backend } = await setUp(t, { transport });
        const length = Math.max(shape.requests.join('').length, shape.responses.join('').length);
        const client = await traffic.dial();
        const dialled = backend.accept();
        for (let cut = 0; cut < length; cut++) {
          await exchange(client, dialled, shape, cut);
        }
        assert.equal(client.received, '');
        assert.equal(backend.peers.length, 1);
        assert.equal(backend.peers[0]!.received, '');
      });
    }
  });
}
