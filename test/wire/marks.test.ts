/**
 * Many connections at once share read buffers and put their messages together in one place. Each of their bytes bears
 * the mark of its connection here: none may ever turn up in another's.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { SeededRandom, type Random } from '../../src/kit/random.ts';
import { ByteReader, readSlowly, sendMarked, write } from '../support/marked.ts';
import { standstill } from '../support/standstill.ts';
import { setUp, TRANSPORTS, type Traffic } from '../support/traffic.ts';

const MiB = 1024 * 1024;
const CONNECTIONS = 200;
const REQUESTS = 3;

/** What becomes of the streams of a mark: one in eight is stuck this way, one that way, until nothing moves any more. */
function stuck(mark: number): 'client' | 'instance' | undefined {
  return mark % 8 === 0 ? 'client' : mark % 8 === 4 ? 'instance' : undefined;
}

/** How much a side is sent: from 1 KB to 2 MB, small ones more often; where it does not read, what the kernel takes and more. */
function sizeFor(side: 'client' | 'instance', mark: number, random: Random): number {
  if (stuck(mark) !== side) return 1024 + random.below(1 << (1 + random.below(21)));
  // Some are to get stuck in their last bytes, so that their connection reads what comes next meanwhile.
  return side === 'client' ? 2.5 * MiB + random.below(2 * MiB) : 4 * MiB + random.below(3 * MiB);
}

/** A body of so many marked bytes, in one of the framings. */
async function sendBody(socket: Socket, mark: number, count: number, random: Random, head: string): Promise<void> {
  if (random.below(2) === 0) {
    await write(socket, `${head}Content-Length: ${count}\r\n\r\n`);
    await sendMarked(socket, mark, 0, count);
    return;
  }
  await write(socket, `${head}Transfer-Encoding: chunked\r\n\r\n`);
  for (let at = 0; at < count;) {
    const next = Math.min(count, at + 1 + random.below(1 << random.below(18)));
    socket.write(`${(next - at).toString(16)}${random.below(4) === 0 ? ';ext=1' : ''}\r\n`);
    await sendMarked(socket, mark, at, next);
    socket.write('\r\n');
    at = next;
  }
  await write(socket, random.below(2) === 0 ? '0\r\n\r\n' : `0\r\nX-Mark: ${mark}\r\n\r\n`);
}

/** Reads a body and looks at each of its bytes; returns how many there were. */
async function readBody(reader: ByteReader, head: string, mark: number): Promise<number> {
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) return reader.marked(mark, 0, Number(length));
  assert.match(head, /^transfer-encoding: chunked/im);
  for (let at = 0; ;) {
    const line = await reader.line();
    assert.match(line, /^[0-9a-f]+\r\n$/, 'a chunk size');
    const size = Number.parseInt(line, 16);
    if (size === 0) {
      assert.match(await reader.head(), new RegExp(`^(X-Mark: ${mark}\r\n)?\r\n$`));
      return at;
    }
    at = await reader.marked(mark, at, size);
    assert.equal(await reader.line(), '\r\n');
  }
}

function fieldOf(head: string, name: string): number {
  return Number(new RegExp(`^${name}: (\\d+)`, 'im').exec(head)?.[1]);
}

/** A back end that checks what it gets, and answers with as many bytes of the same mark as it is asked for. */
async function serve(socket: Socket, random: Random, gate: Promise<void>): Promise<void> {
  const reader = new ByteReader(socket);
  for (;;) {
    const head = await reader.head();
    if (head === '') return;
    const mark = fieldOf(head, 'X-Mark');
    if (stuck(mark) === 'instance') await gate;
    const sent = await readBody(reader, head, mark);
    assert.equal(sent, fieldOf(head, 'X-Sent'), 'the whole request');
    await sendBody(socket, mark, fieldOf(head, 'X-Wanted'), random, `HTTP/1.1 200 OK\r\nX-Mark: ${mark}\r\n`);
  }
}

/** A client; one that is stuck reads only once `gate` is open. */
async function ask(traffic: Traffic, mark: number, gate: Promise<void>): Promise<void> {
  const random = new SeededRandom(mark);
  const socket = connect(traffic.port, '127.0.0.1');
  const reader = new ByteReader(socket, stuck(mark) === 'client' ? gate : undefined);
  if (mark % 2 === 1) readSlowly(socket, random);
  for (let i = 0; i < (stuck(mark) === undefined ? REQUESTS : 1); i++) {
    const sent = sizeFor('instance', mark, random);
    const wanted = sizeFor('client', mark, random);
    const head = `PUT / HTTP/1.1\r\nHost: h\r\nX-Mark: ${mark}\r\nX-Sent: ${sent}\r\nX-Wanted: ${wanted}\r\n`;
    await sendBody(socket, mark, sent, random, head);
    const answer = await reader.head();
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(fieldOf(answer, 'X-Mark'), mark);
    assert.equal(await readBody(reader, answer, mark), wanted, 'the whole response');
  }
  socket.destroy();
}

/** A back end whose every connection is looked after by `handle`; what that finds wrong fails the test. */
async function startServer(t: TestContext, handle: (socket: Socket, number: number) => Promise<void>): Promise<number> {
  const problems: unknown[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.add(socket);
    handle(socket, sockets.size).catch((error: unknown) => {
      problems.push(error);
      socket.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
    assert.deepEqual(problems, []);
  });
  return (server.address() as AddressInfo).port;
}

for (const transport of TRANSPORTS) {
  describe(`no byte of a connection turns up in another's, over the ${transport} transport`, () => {
    test('in HTTP, with bodies of 1 KB to 7 MB both ways, in either framing, and readers that are slow or stuck', async (t) => {
      const gate = Promise.withResolvers<void>();
      const handle = (socket: Socket, number: number): Promise<void> => {
        const random = new SeededRandom(number);
        if (number % 3 === 1) readSlowly(socket, random);
        return serve(socket, random, gate.promise);
      };
      const ports = [await startServer(t, handle), await startServer(t, handle), await startServer(t, handle)];
      const { traffic } = await setUp(t, { transport, otherBackends: ports, backendCount: 0 });
      const all = Array.from({ length: CONNECTIONS }, (_, mark) => ask(traffic, mark, gate.promise));
      await standstill(() => traffic.count('receivedBytes') + traffic.count('sentBytes'));
      gate.resolve();
      await Promise.all(all);
    });

    test('in TCP, with streams of 1 KB to 7 MB both ways, and readers that are slow or stuck', async (t) => {
      const gate = Promise.withResolvers<void>();
      const port = await startServer(t, async (socket, number) => {
        const reader = new ByteReader(socket);
        if (number % 3 === 0) readSlowly(socket, new SeededRandom(number));
        const [mark = 0, sent = 0, wanted = 0] = (await reader.line()).split(' ').map(Number);
        if (stuck(mark) === 'instance') await gate.promise;
        await Promise.all([reader.marked(mark, 0, sent), sendMarked(socket, mark, 0, wanted)]);
        socket.end();
      });
      const { traffic } = await setUp(t, { transport, protocol: 'TCP', otherBackends: [port], backendCount: 0 });
      const stream = async (mark: number): Promise<void> => {
        const random = new SeededRandom(mark);
        const sent = sizeFor('instance', mark, random);
        const wanted = sizeFor('client', mark, random);
        const socket = connect(traffic.port, '127.0.0.1');
        const reader = new ByteReader(socket, stuck(mark) === 'client' ? gate.promise : undefined);
        if (mark % 2 === 1) readSlowly(socket, random);
        await write(socket, `${mark} ${sent} ${wanted}\r\n`);
        await Promise.all([sendMarked(socket, mark, 0, sent), reader.marked(mark, 0, wanted)]);
        assert.equal((await reader.some(1)).length, 0, 'the end');
        socket.destroy();
      };
      const all = Array.from({ length: CONNECTIONS }, (_, mark) => stream(mark));
      await standstill(() => traffic.count('receivedBytes') + traffic.count('sentBytes'));
      gate.resolve();
      await Promise.all(all);
    });
  });
}
