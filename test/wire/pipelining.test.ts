/** Whatever is pipelined, however it is framed and cut on either side: each response goes to its request. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom, type Random } from '../../src/kit/random.ts';
import { chunked, readMessage, valueOf, type Message } from '../support/http-reader.ts';
import type { Peer, ScriptedServer } from '../support/peers.ts';
import { setUp, TRANSPORTS, type Traffic } from '../support/traffic.ts';

const BODILESS_STATUS = new Set([204, 304]);

interface Request {
  readonly method: string;
  readonly bodySize: number;
  readonly chunkSizes: readonly number[] | undefined;
  readonly trailers: boolean;
  /** How the back end is to answer it. */
  readonly answer: {
    readonly status: number;
    readonly interim: number;
    readonly size: number;
    readonly framing: 'length' | 'chunked';
    readonly close: boolean;
  };
}

const size = fc.oneof(fc.nat(20), fc.nat(3000), fc.nat(60_000));
const anyRequest: fc.Arbitrary<Request> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'REPORT'),
  bodySize: size,
  chunkSizes: fc.option(fc.array(fc.integer({ min: 1, max: 4000 }), { maxLength: 5 }), { nil: undefined }),
  trailers: fc.boolean(),
  answer: fc.record({
    status: fc.constantFrom(200, 200, 200, 404, 500, 204, 304),
    interim: fc.nat(2),
    size,
    framing: fc.constantFrom('length', 'chunked'),
    close: fc.nat(9).map((n) => n === 0),
  }),
});

/** A body that says whose it is from the first byte to the last. */
function bodyOf(id: string, length: number): string {
  return `${id}.`.repeat(Math.ceil(length / (id.length + 1))).slice(0, length);
}

function hasBody({ method }: Request): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

function written(request: Request, id: string): string {
  const head = `${request.method} /${id} HTTP/1.1\r\nHost: h\r\nX-Answer: ${JSON.stringify(request.answer)}\r\n`;
  if (!hasBody(request)) return `${head}\r\n`;
  const body = bodyOf(id, request.bodySize);
  if (request.chunkSizes === undefined) return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  const trailers = request.trailers ? `X-Trailer: ${id}\r\n` : '';
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunked(body, request.chunkSizes, trailers)}`;
}

/** What the back end answers to a request with this id. */
function answerTo(id: string, method: string, answer: Request['answer']): string {
  const interim = `HTTP/1.1 103 Early Hints\r\nX-Id: ${id}\r\n\r\n`.repeat(answer.interim);
  const close = answer.close ? 'Connection: close\r\n' : '';
  const head = `${interim}HTTP/1.1 ${answer.status} x\r\nX-Id: ${id}\r\n${close}`;
  if (BODILESS_STATUS.has(answer.status)) return `${head}\r\n`;
  const body = bodyOf(`r${id}`, answer.size);
  if (answer.framing === 'length')
    return `${head}Content-Length: ${body.length}\r\n\r\n${method === 'HEAD' ? '' : body}`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${method === 'HEAD' ? '' : chunked(body, [7, 900], `X-T: ${id}\r\n`)}`;
}

/** Sends `text` in pieces, with time between some of them for each to be read by itself. */
async function sendInPieces(peer: Peer, text: string, random: Random): Promise<void> {
  for (let at = 0; at < text.length;) {
    const next = at + 1 + random.below(random.below(3) === 0 ? 30 : 20_000);
    peer.send(text.slice(at, next));
    at = next;
    if (random.below(3) > 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A back end that notes every request and answers it as it says. */
async function answerAll(backend: ScriptedServer, seen: Message[]): Promise<void> {
  for (let number = 0; ; number++) {
    const peer = await backend.accept();
    void answerOne(peer, seen, new SeededRandom(number)).catch(() => peer.socket.destroy());
  }
}

async function answerOne(peer: Peer, seen: Message[], random: Random): Promise<void> {
  for (;;) {
    const request = await readMessage(peer);
    seen.push(request);
    const [method = '', path = ''] = request.startLine.split(' ');
    const answer = JSON.parse(valueOf(request, 'X-Answer')!) as Request['answer'];
    await sendInPieces(peer, answerTo(path.slice(1), method, answer), random);
    if (answer.close) peer.end();
  }
}

async function assertAnswered(client: Peer, request: Request, id: string): Promise<void> {
  const { answer, method } = request;
  for (let i = 0; i < answer.interim; i++) {
    const interim = await readMessage(client);
    assert.equal(interim.startLine, 'HTTP/1.1 103 Early Hints');
    assert.equal(valueOf(interim, 'X-Id'), id);
  }
  const response = await readMessage(client, { bodiless: method === 'HEAD' });
  assert.equal(response.startLine, `HTTP/1.1 ${answer.status} x`);
  assert.equal(valueOf(response, 'X-Id'), id);
  assert.equal(valueOf(response, 'Connection'), undefined);
  const bodiless = method === 'HEAD' || BODILESS_STATUS.has(answer.status);
  assert.equal(response.body, bodiless ? '' : bodyOf(`r${id}`, answer.size));
  assert.equal(response.trailers, bodiless || answer.framing === 'length' ? '' : `X-T: ${id}\r\n`);
}

function assertForwarded(seen: Message, request: Request, id: string): void {
  assert.equal(seen.startLine, `${request.method} /${id} HTTP/1.1`);
  assert.equal(seen.body, hasBody(request) ? bodyOf(id, request.bodySize) : '');
  const withTrailers = hasBody(request) && request.chunkSizes !== undefined && request.trailers;
  assert.equal(seen.trailers, withTrailers ? `X-Trailer: ${id}\r\n` : '');
}

async function converse(traffic: Traffic, seen: Message[], requests: readonly Request[], seed: number): Promise<void> {
  seen.length = 0;
  const client = await traffic.dial();
  const ids = requests.map((_, index) => `${seed % 1000}-${index}`);
  const text = requests.map((request, index) => written(request, ids[index]!)).join('');
  const sending = sendInPieces(client, text, new SeededRandom(seed));
  for (const [index, request] of requests.entries()) await assertAnswered(client, request, ids[index]!);
  await sending;
  client.end();
  await client.close();
  assert.equal(client.received, '');
  assert.equal(seen.length, requests.length);
  for (const [index, request] of requests.entries()) assertForwarded(seen[index]!, request, ids[index]!);
  for (let slot = 0; slot < 2; slot++) assert.equal(traffic.outstanding(slot), 0);
}

for (const transport of TRANSPORTS) {
  describe(`over the ${transport} transport`, () => {
    test('each of many pipelined requests gets its own response, whatever their framings and splits', async (t) => {
      const { traffic, backends } = await setUp(t, { transport, backendCount: 2 });
      const seen: Message[] = [];
      for (const backend of backends) void answerAll(backend, seen);
      const conversation = fc.tuple(fc.array(anyRequest, { minLength: 1, maxLength: 12 }), fc.nat());
      await fc.assert(
        fc.asyncProperty(conversation, ([requests, seed]) => converse(traffic, seen, requests, seed)),
        { numRuns: 150, endOnFailure: true },
      );
    });
  });
}
