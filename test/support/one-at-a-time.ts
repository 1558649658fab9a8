/** An instance that serves one connection after the other, as small application servers do: an idle one blocks all others. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export class OneAtATime {
  readonly port: number;
  /** Paths of the requests, in the order in which they came. */
  readonly seen: string[] = [];
  #answer: string | undefined;
  #unanswered: Socket | undefined;
  #current: Socket | undefined;
  readonly #waiting: Socket[] = [];

  private constructor(server: Server) {
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      socket
        .pause()
        .setNoDelay(true)
        .on('error', () => undefined);
      this.#waiting.push(socket);
      this.#next();
    });
  }

  /** Listens until the test ends. */
  static async start(test: TestContext): Promise<OneAtATime> {
    const server = createServer();
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket));
    server.listen(0, '127.0.0.1', 2048);
    await once(server, 'listening');
    test.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return new OneAtATime(server);
  }

  /** From now on every request is answered, the one that waits for it too. */
  answerAll(response: string): void {
    this.#answer = response;
    this.#unanswered?.write(response);
    this.#unanswered = undefined;
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const socket = this.#waiting.shift();
    this.#current = socket;
    if (socket === undefined) return;
    socket.on('close', () => {
      this.#current = undefined;
      this.#next();
    });
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        this.#request(socket, text.slice(0, end));
        text = text.slice(end + 4);
      }
    });
    socket.resume();
  }

  #request(socket: Socket, head: string): void {
    this.seen.push(head.split(' ', 2)[1]!);
    if (this.#answer === undefined) this.#unanswered = socket;
    else socket.write(this.#answer);
  }
}
