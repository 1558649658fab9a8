/**
 * One instance of a fleet: an HTTP and a TCP server on an address of its own, which can be killed and started again. It
 * knows what was in flight when it was killed, so that a failure elsewhere can be told from that.
 */
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { sleep, systemClock } from '../../../src/kit/clock.ts';

export const FLEET_HTTP_PORT = 9301;
export const FLEET_TCP_PORT = 9302;
/** Names a request; whoever asks chooses it. */
export const REQUEST_ID = 'x-request-id';
/** Milliseconds between the request and the first half of its answer, and between that and the second. */
export const DELAY = 'x-delay';
/** Of the application that runs on the instances. */
export const APPLICATION_COOKIE = 'SESSION';

/** An answer that was handed to the kernel so short a time before a kill may have been on its way still. */
const ON_ITS_WAY_MS = 50;

export class FleetInstance {
  readonly name: string;
  readonly address: string;
  /** Grows with every kill. */
  kills = 0;
  #alive = false;
  #http: Server | undefined;
  #tcp: TcpServer | undefined;
  readonly #sockets = new Set<Socket>();
  /** Requests by their id, and when they were answered. */
  readonly #inFlight = new Map<string, number>();

  constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Requests that have come and are not answered. */
  get unanswered(): number {
    return [...this.#inFlight.values()].filter((atMs) => atMs === Infinity).length;
  }

  async start(): Promise<void> {
    // Whoever keeps connections must keep them longer than the load balancer does.
    const http = createHttpServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    const tcp = createTcpServer((socket) => {
      socket.on('error', () => undefined).write(`${this.name}\n`);
      socket.pipe(socket);
    });
    for (const server of [http, tcp]) server.on('connection', (socket: Socket) => this.#keep(socket));
    http.listen(FLEET_HTTP_PORT, this.address);
    await once(http, 'listening');
    tcp.listen(FLEET_TCP_PORT, this.address);
    await once(tcp, 'listening');
    this.#http = http;
    this.#tcp = tcp;
    this.#alive = true;
  }

  /** Ends as a process does that is killed with data on its connections: resets. Returns the requests that it takes along. */
  kill(): string[] {
    const nowMs = systemClock.monotonicMs();
    const lost = [...this.#inFlight].filter(([, atMs]) => nowMs - atMs < ON_ITS_WAY_MS).map(([id]) => id);
    this.#alive = false;
    this.kills++;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#http?.close();
    this.#tcp?.close();
    this.#inFlight.clear();
    return lost;
  }

  #keep(socket: Socket): void {
    socket.setNoDelay(true).on('error', () => undefined);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = String(request.headers[REQUEST_ID]);
    const delayMs = Number(request.headers[DELAY] ?? 0);
    this.#inFlight.set(id, Infinity);
    this.#forgetAnswered();
    let length = 0;
    for await (const piece of request as AsyncIterable<Buffer>) length += piece.length;
    if (delayMs > 0) await sleep(systemClock, delayMs);
    const text = `${this.name} ${length}\n`;
    const isNew = !(request.headers.cookie ?? '').includes(`${APPLICATION_COOKIE}=`);
    response.writeHead(200, {
      'Content-Length': text.length,
      ...(isNew ? { 'Set-Cookie': `${APPLICATION_COOKIE}=${id}; Path=/; HttpOnly` } : {}),
    });
    if (delayMs > 0) {
      response.write(text.slice(0, 1));
      await sleep(systemClock, delayMs);
      response.end(text.slice(1));
    } else response.end(text);
    if (this.#inFlight.has(id)) this.#inFlight.set(id, systemClock.monotonicMs());
  }

  #forgetAnswered(): void {
    const nowMs = systemClock.monotonicMs();
    for (const [id, atMs] of this.#inFlight) {
      if (nowMs - atMs >= ON_ITS_WAY_MS) this.#inFlight.delete(id);
    }
  }
}
