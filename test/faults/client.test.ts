/**
 * docs/faults.md, rows 28 to 36: clients that are slow, gone, greedy or hostile (row 37 stands in tls.test.ts); row 45: the
 * clock is set while they wait.
 */
import assert from 'node:assert/strict';
import { FakeClock } from '../../src/kit/clock.ts';
import { HTTP_HEAD } from '../../src/model/limits.ts';
import {
  BAD_REQUEST,
  fault,
  GET,
  IDLE_MS,
  LAYER_4,
  LAYER_7,
  lines,
  OK,
  REQUEST_TIMEOUT,
  type Scene,
} from '../support/faults.ts';
import { readMessage } from '../support/http-reader.ts';
import type { Peer } from '../support/peers.ts';
import { standstill } from '../support/standstill.ts';

const MiB = 1024 * 1024;
const SLOW_CLIENTS = 300;
const HOST = 'Host: h\r\n';
const UPLOAD = `POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nsome`;
const CHUNKED = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
const METHOD_NOT_ALLOWED = BAD_REQUEST.replace('400 BAD_REQUEST', '405 METHOD_NOT_ALLOWED');
const SERVED = { instance: 0, elb: 200, backend: 200 };

async function assertAnsweredAndEnded(client: Peer, answer: string): Promise<void> {
  await client.shutDown();
  assert.equal(client.received, answer);
  client.socket.destroy();
}

fault(28, 'a client that sends its head a byte at a time: 408 at the idle timeout', LAYER_7, async (scene) => {
  const client = await scene.dial();
  for (const [index, byte] of GET.slice(0, 8).split('').entries()) {
    client.send(byte);
    await scene.traffic.counted('receivedBytes', index + 1);
    scene.traffic.pass(IDLE_MS / 10);
  }
  await assertAnsweredAndEnded(client, REQUEST_TIMEOUT);
  assert.equal(scene.backend.peers.length, 0);
  return { metric: { requests: 1, elb4xx: 1 }, log: [{ elb: 408 }] };
});

fault(28, `${SLOW_CLIENTS} slow clients harm nobody, and hold bounded memory`, LAYER_7, async (scene) => {
  const slow = await Promise.all(Array.from({ length: SLOW_CLIENTS }, () => scene.dial()));
  const before = process.memoryUsage().arrayBuffers;
  for (const byte of 'GET / HTTP') for (const each of slow) each.send(byte);
  const { client, instance } = await scene.asked();
  instance.send(OK);
  assert.equal(await client.take('ok'), OK);
  await scene.traffic.counted('receivedBytes', GET.length + SLOW_CLIENTS * 'GET / HTTP'.length);
  const held = (process.memoryUsage().arrayBuffers - before) / SLOW_CLIENTS;
  assert.ok(held < 16 * 1024, `${held} bytes a slow client`);
  scene.traffic.pass(IDLE_MS);
  for (const each of slow) await assertAnsweredAndEnded(each, REQUEST_TIMEOUT);
  return {
    metric: { requests: SLOW_CLIENTS + 1, backend2xx: 1, elb4xx: SLOW_CLIENTS },
    log: [SERVED, ...lines(SLOW_CLIENTS, { elb: 408 })],
  };
});

fault(29, 'a client that stalls mid-body: 408, the request to the back end is aborted', LAYER_7, async (scene) => {
  for (const request of [UPLOAD, `${CHUNKED}4\r\nsome\r\n`]) {
    const { client, instance } = await scene.asked(request);
    scene.traffic.pass(IDLE_MS);
    await assertAnsweredAndEnded(client, REQUEST_TIMEOUT);
    await instance.shutDown();
    assert.equal(instance.received, '', 'nothing that would make it whole');
  }
  return { metric: { requests: 2, elb4xx: 2 }, log: lines(2, { elb: 408 }) };
});

/** The instance has more to send than weir takes for a client that does not read; then the time is over. */
async function slowReader(scene: Scene, client: Peer, instance: Peer): Promise<void> {
  client.pause();
  const chunk = Buffer.alloc(MiB);
  for (let i = 0; i < 32; i++) instance.send(chunk);
  const before = process.memoryUsage().arrayBuffers;
  const left = await standstill(() => instance.socket.writableLength);
  assert.ok(left > 16 * MiB, `the back end has been stopped: ${left} left`);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 16 * MiB, `memory has grown by ${grown}`);
  scene.traffic.pass(IDLE_MS);
  await instance.shutDown();
}

fault(30, 'a client that reads slowly: bounded buffer, back end throttled, idle timeout', LAYER_7, async (scene) => {
  const { client, instance } = await scene.asked();
  instance.send(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * MiB}\r\n\r\n`);
  await slowReader(scene, client, instance);
  client.resume();
  assert.equal(await client.close(), 'ECONNRESET');
  return { metric: { requests: 1, backend2xx: 1 }, log: [SERVED] };
});

fault(30, 'a client that reads slowly: bounded buffer, back end throttled, idle timeout', LAYER_4, async (scene) => {
  const { client, instance } = await scene.joined();
  await slowReader(scene, client, instance);
  return { metric: { requests: 1 }, log: [{ instance: 0 }] };
});

fault(31, 'a client that aborts mid-upload: the request to the back end is aborted, 408', LAYER_7, async (scene) => {
  for (const how of ['end', 'reset'] as const) {
    const { client, instance } = await scene.asked(UPLOAD);
    client[how]();
    await instance.shutDown();
    assert.equal(instance.received, '');
    if (how === 'end') await assertAnsweredAndEnded(client, REQUEST_TIMEOUT);
  }
  return { metric: { requests: 2, elb4xx: 2 }, log: lines(2, { elb: 408 }) };
});

fault(
  31,
  'a client that aborts before or in the response: 408, or the status that was sent',
  LAYER_7,
  async (scene) => {
    const first = await scene.asked();
    first.client.reset();
    await first.instance.shutDown();
    const second = await scene.asked();
    second.instance.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome');
    await second.client.take('some');
    second.client.reset();
    await second.instance.shutDown();
    return { metric: { requests: 2, elb4xx: 1, backend2xx: 1 }, log: [{ elb: 408 }, SERVED] };
  },
);

fault(31, 'a client that aborts: the reset is passed on', LAYER_4, async (scene) => {
  const { client, instance } = await scene.joined();
  client.reset();
  assert.equal(await instance.close(), 'ECONNRESET');
  return { metric: { requests: 1 }, log: [{ instance: 0 }] };
});

fault(32, 'a client that pipelines: answered in order', LAYER_7, async (scene) => {
  scene.backend.serve(({ startLine, body }) => {
    const text = `${startLine.split(' ')[1]} ${body}`;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  });
  const client = await scene.dial();
  const requests = Array.from({ length: 50 }, (_, i) =>
    i % 2 === 0 ? GET.replace('/', `/${i}`) : UPLOAD.replace('/', `/${i}`).replace('10', '4'),
  );
  client.send(requests.join(''));
  for (let i = 0; i < 50; i++) assert.equal((await readMessage(client)).body, `/${i} ${i % 2 === 0 ? '' : 'some'}`);
  return { metric: { requests: 50, backend2xx: 50 }, log: lines(50, SERVED) };
});

fault(33, 'a client that half-closes after its request: gets the whole response', LAYER_7, async (scene) => {
  const { client, instance } = await scene.asked();
  client.end();
  instance.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsom');
  await client.take('som');
  instance.send('all');
  await client.shutDown();
  assert.equal(client.received, 'all');
  return { metric: { requests: 1, backend2xx: 1 }, log: [SERVED] };
});

fault(33, 'a client that half-closes after its request: gets the whole answer', LAYER_4, async (scene) => {
  const { client, instance } = await scene.joined();
  client.end();
  await instance.shutDown();
  instance.send('the whole ');
  await client.take('the whole ');
  instance.send('answer');
  instance.end();
  await client.shutDown();
  assert.equal(client.received, 'answer');
  return { metric: { requests: 1 }, log: [{ instance: 0 }] };
});

/** Each of them is answered so, and then the end; no back end hears of it. */
async function refuseAll(scene: Scene, requests: readonly string[], answer: string): Promise<void> {
  for (const request of requests) {
    const client = await scene.dial();
    client.send(Buffer.from(request, 'latin1'));
    await assertAnsweredAndEnded(client, answer);
  }
  assert.equal(scene.backend.peers.length, 0);
}

fault(34, 'a head, line, header, method or count over the limits: 400 (405), close', LAYER_7, async (scene) => {
  const { maxLineBytes, maxHeaderBytes, maxBytes, maxHeaders, maxMethodLength } = HTTP_HEAD;
  const requests = [
    `GET /${'a'.repeat(maxLineBytes)} HTTP/1.1\r\n${HOST}\r\n`,
    `GET / HTTP/1.1\r\nA: ${'b'.repeat(maxHeaderBytes)}\r\n\r\n`,
    `GET / HTTP/1.1\r\n${`A: ${'b'.repeat(8000)}\r\n`.repeat(Math.ceil(maxBytes / 8000))}\r\n`,
    `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(maxHeaders + 1)}\r\n`,
    // Before it ends, too.
    `GET /${'a'.repeat(maxLineBytes)}`,
    `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(maxHeaders + 1)}`,
  ];
  await refuseAll(scene, requests, BAD_REQUEST);
  await refuseAll(scene, [`${'M'.repeat(maxMethodLength + 1)} / HTTP/1.1\r\n${HOST}\r\n`], METHOD_NOT_ALLOWED);
  const count = requests.length;
  return { metric: { requests: count + 1, elb4xx: count + 1 }, log: [...lines(count, { elb: 400 }), { elb: 405 }] };
});

fault(35, 'NUL, CR, CONNECT, HTTP/2 preface, TLS bytes, garbage: 400, close, one log line', LAYER_7, async (scene) => {
  const requests = [
    `GET /\x00 HTTP/1.1\r\n${HOST}\r\n`,
    `GET / HTTP/1.1\r\n${HOST}A: b\x00c\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}A: b\rc\r\n\r\n`,
    `CONNECT h:443 HTTP/1.1\r\n${HOST}\r\n`,
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\x00\x9a\x7f'.repeat(50)}`,
    '\x00\x01\x02\xff\xfe',
  ];
  await refuseAll(scene, requests, BAD_REQUEST);
  const count = requests.length;
  return { metric: { requests: count, elb4xx: count }, log: lines(count, { elb: 400 }) };
});

fault(35, 'a bare LF goes by the tier: Acceptable passes, and is refused in strictest mode', LAYER_7, async (scene) => {
  const bare = GET.replace('h\r\n', 'h\n');
  const client = await scene.dial();
  client.send(bare);
  const instance = await scene.backend.accept();
  assert.match(await instance.take('\r\n\r\n'), /^GET \/ HTTP\/1\.1\r\nHost: h\r\nX-Forwarded-For: /);
  instance.send(OK);
  assert.equal(await client.take('ok'), OK);
  await scene.traffic.apply({ desyncMitigationMode: 'strictest' });
  client.send(bare);
  await assertAnsweredAndEnded(client, BAD_REQUEST);
  return { metric: { requests: 2, backend2xx: 1, elb4xx: 1 }, log: [SERVED, { elb: 400 }] };
});

fault(36, 'a chunk size that overflows, chunk lines that end in bare LF: 400', LAYER_7, async (scene) => {
  const bodies = [
    'FFFFFFFFFFFFFFFF\r\n',
    '10000000000000005\r\nhello\r\n0\r\n\r\n',
    '5\nhello\r\n0\r\n\r\n',
    '0\n\r\n',
  ];
  await refuseAll(
    scene,
    bodies.map((body) => CHUNKED + body),
    BAD_REQUEST,
  );
  for (const body of bodies) {
    const { client, instance } = await scene.asked(`${CHUNKED}2\r\nab\r\n`);
    client.send(body);
    await assertAnsweredAndEnded(client, BAD_REQUEST);
    await instance.shutDown();
    assert.ok(!instance.received.includes('0\r\n'), 'the back end does not take what it got for the whole');
  }
  const count = bodies.length;
  return {
    metric: { requests: 2 * count, elb4xx: 2 * count },
    log: [...lines(count, { elb: 400 }), ...lines(count, { elb: 400 })],
  };
});

/** An operator, or NTP, sets the clock; then the least time passes that makes a timer look at it. */
async function setClock({ traffic }: Scene, byMs: number): Promise<void> {
  assert.ok(traffic.clock instanceof FakeClock);
  traffic.clock.jumpEpoch(byMs);
  traffic.pass(0);
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const HOUR_MS = 3_600_000;

fault(
  45,
  'the clock jumps by an hour: nothing times out, and the timeouts are as long as before',
  LAYER_7,
  async (scene) => {
    const idle = await scene.dial();
    const { client, instance } = await scene.asked();
    for (const byMs of [HOUR_MS, -2 * HOUR_MS]) await setClock(scene, byMs);
    instance.send(OK);
    assert.equal(await client.take('ok'), OK);
    for (const byMs of [HOUR_MS, -2 * HOUR_MS]) await setClock(scene, byMs);
    client.send(GET);
    await instance.take('\r\n\r\n');
    instance.send(OK);
    assert.equal(await client.take('ok'), OK);
    assert.ok(!idle.ended && !client.ended && !instance.ended);
    scene.traffic.pass(IDLE_MS);
    for (const peer of [idle, client, instance]) await peer.shutDown();
    return { metric: { requests: 2, backend2xx: 2 }, log: lines(2, SERVED) };
  },
);

fault(
  45,
  'the clock jumps by an hour: nothing times out, and the timeouts are as long as before',
  LAYER_4,
  async (scene) => {
    const { client, instance } = await scene.joined();
    for (const byMs of [HOUR_MS, -2 * HOUR_MS]) await setClock(scene, byMs);
    client.send('more');
    assert.equal(await instance.take('more'), 'more');
    scene.traffic.pass(IDLE_MS);
    for (const peer of [client, instance]) await peer.shutDown();
    return { metric: { requests: 1 }, log: [{ instance: 0 }] };
  },
);
