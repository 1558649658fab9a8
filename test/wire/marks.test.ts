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
import { setUp, TRANSPORTS, type Traffic } from '../support/traffic.ts';

const CONNECTIONS = 200;
const REQUESTS = 4;

/** From 1 KB to 2 MB, small ones more often. */
function sizeBelow2MiB(random: Random): number {
  return 1024 + random.below(1 << (1 + random.below(21)));
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
async function serve(socket: Socket, random: Random): Promise<void> {
  const reader = new ByteReader(socket);
  for (;;) {
    const head = await reader.head();
    if (head === '') return;
    const mark = fieldOf(head, 'X-Mark');
    const sent = await readBody(reader, head, mark);
    assert.equal(sent, fieldOf(head, 'X-Sent'), 'the whole request');
    await sendBody(socket, mark, fieldOf(head, 'X-Wanted'), random, `HTTP/1.1 200 OK\r\nX-Mark: ${mark}\r\n`);
  }
}

async function ask(traffic: Traffic, mark: number): Promise<void> {
  const random = new SeededRandom(mark);
  const socket = connect(traffic.port, '127.0.0.1');
  const reader = new ByteReader(socket);
  if (mark % 2 === 0) readSlowly(socket, random);
  for (let i = 0; i < REQUESTS; i++) {
    const [sent, wanted] = [sizeBelow2MiB(random), sizeBelow2MiB(random)];
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
    handle(socket, sockets.size).catch((error: unknown) => problems.push(error));
    sockets.add(socket);
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
    test('in HTTP, with bodies of 1 KB to 2 MB both ways, in either framing, and slow readers', async (t) => {
      const ports = await Promise.all(
        [0, 1, 2].map((instance) =>
          startServer(t, (socket, number) => {
            const random = new SeededRandom(instance * 1000 + number);
            if (number % 3 === 0) readSlowly(socket, random);
            return serve(socket, random);
          }),
        ),
      );
      const { traffic } = await setUp(t, { transport, otherBackends: ports, backendCount: 0 });
      await Promise.all(Array.from({ length: CONNECTIONS }, (_, mark) => ask(traffic, mark)));
      assert.equal(traffic.count('backend2xx'), CONNECTIONS * REQUESTS);
    });

    test('in TCP, with streams of up to 2 MB both ways, and slow readers', async (t) => {
      const port = await startServer(t, async (socket, number) => {
        const reader = new ByteReader(socket);
        if (number % 3 === 0) readSlowly(socket, new SeededRandom(number));
        const [mark = 0, sent = 0, wanted = 0] = (await reader.line()).split(' ').map(Number);
        await Promise.all([reader.marked(mark, 0, sent), sendMarked(socket, mark, 0, wanted)]);
        socket.end();
      });
      const { traffic } = await setUp(t, { transport, protocol: 'TCP', otherBackends: [port], backendCount: 0 });
      const stream = async (mark: number): Promise<void> => {
        const random = new SeededRandom(mark);
        const [sent, wanted] = [sizeBelow2MiB(random), sizeBelow2MiB(random)];
        const socket = connect(traffic.port, '127.0.0.1');
        const reader = new ByteReader(socket);
        if (mark % 2 === 0) readSlowly(socket, random);
        await write(socket, `${mark} ${sent} ${wanted}\r\n`);
        await Promise.all([sendMarked(socket, mark, 0, sent), reader.marked(mark, 0, wanted)]);
        assert.equal((await reader.some(1)).length, 0, 'the end');
        socket.destroy();
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, (_, mark) => stream(mark)));
      assert.equal(traffic.count('requests'), CONNECTIONS);
    });
  });
}
