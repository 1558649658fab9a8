/**
 * Clients that go on and on, each as soon as it has its answer: HTTP on kept-alive connections, HTTP with a connection
 * for each request, TCP streams that stay, TCP connections that come and go. Whatever is not as it should be is kept.
 */
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { messageOf } from '../../src/kit/assert.ts';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { ANSWER_MS, get } from './asked.ts';

/** Between two requests of one client, so that the load leaves the machine room for what happens meanwhile. */
const PAUSE_MS = 2;
const MESSAGE = 'a message that comes back as it was sent\n';

export type Kind = 'kept-alive HTTP' | 'new HTTP connections' | 'TCP streams' | 'new TCP connections';

export interface SteadyLoadOptions {
  readonly host: string;
  /** A listener whose instances answer every GET with 200. */
  readonly httpPort: number;
  /** A listener whose instances are {@link startEcho}. */
  readonly tcpPort: number;
  /** Clients of each kind. */
  readonly clients: number;
}

export interface Failure {
  readonly kind: Kind;
  readonly what: string;
  /** `monotonicMs` when it was noticed. */
  readonly atMs: number;
}

type Exchange = (port: number) => Promise<void>;

export class SteadyLoad {
  readonly failures: Failure[] = [];
  /** Requests, or messages, that were answered as they should be. */
  readonly answered = new Map<Kind, number>();
  readonly #options: SteadyLoadOptions;
  #running = true;
  readonly #ended: Promise<unknown>;

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    const loops = Array.from({ length: options.clients }, () => [
      this.#keepAlive(),
      this.#repeat('new HTTP connections', options.httpPort, async (port) => {
        await get('http', { host: options.host, port, agent: false });
      }),
      this.#stream(),
      this.#repeat('new TCP connections', options.tcpPort, async (port) => {
        const socket = await dial(options.host, port);
        await echo(socket);
        await hangUp(socket);
      }),
    ]);
    this.#ended = Promise.all(loops.flat());
  }

  get total(): number {
    return [...this.answered.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when there were `count` more answers for each client; at the first failure, unless they are `expected`. */
  async rounds(count: number, expected = false): Promise<void> {
    const wanted = this.total + count * this.#options.clients * 4;
    while (this.total < wanted && (expected || this.failures.length === 0)) await sleep(systemClock, PAUSE_MS);
  }

  /** Lets every client finish what it has begun. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }

  async #keepAlive(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let connected = false;
    await this.#repeat('kept-alive HTTP', this.#options.httpPort, async (port) => {
      const before = connected;
      connected = false;
      const { reused } = await get('http', { host: this.#options.host, port, agent });
      connected = true;
      if (before && !reused) throw new Error('the connection was closed between two requests');
    });
    agent.destroy();
  }

  async #stream(): Promise<void> {
    let socket: Socket | undefined;
    await this.#repeat('TCP streams', this.#options.tcpPort, async (port) => {
      const stream = socket ?? (await dial(this.#options.host, port));
      socket = undefined;
      await echo(stream);
      socket = stream;
    });
    socket?.destroy();
  }

  /** Does `exchange` until `stop`, and goes on after a failure. */
  async #repeat(kind: Kind, port: number, exchange: Exchange): Promise<void> {
    while (this.#running) {
      try {
        await exchange(port);
        this.answered.set(kind, (this.answered.get(kind) ?? 0) + 1);
      } catch (error) {
        this.failures.push({ kind, what: messageOf(error), atMs: systemClock.monotonicMs() });
      }
      await sleep(systemClock, PAUSE_MS);
    }
  }
}

/** `3 × kept-alive HTTP: read ECONNRESET`, a line for each sort of failure. */
export function failuresText(failures: readonly Failure[]): string {
  const counts = new Map<string, number>();
  for (const { kind, what } of failures) {
    const sort = `${kind}: ${what}`;
    counts.set(sort, (counts.get(sort) ?? 0) + 1);
  }
  return [...counts].map(([sort, count]) => `${count} × ${sort}`).join('\n');
}

/** An instance for TCP listeners: whatever arrives goes back, and the end too. */
export async function startEcho(
  host = '127.0.0.1',
  port = 0,
): Promise<{ readonly port: number; readonly server: Server; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    server,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

/** Sends a message and waits until it has come back. */
function echo(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.reject(new Error('closed between two messages'));
  return new Promise((resolve, reject) => {
    let text = '';
    const done = (error?: Error): void => {
      timer.cancel();
      socket.removeAllListeners('data').removeAllListeners('error').removeAllListeners('close');
      socket.on('error', () => undefined);
      if (error === undefined) resolve();
      else reject(error);
    };
    const timer = systemClock.after(ANSWER_MS, () => done(new Error('no answer')));
    socket.on('error', done);
    socket.on('close', () => done(new Error('closed')));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text === MESSAGE) done();
      else if (!MESSAGE.startsWith(text)) done(new Error(`other bytes came back: ${JSON.stringify(text)}`));
    });
    socket.write(MESSAGE);
  });
}

/** Ends a connection and waits until the other side has done the same. */
function hangUp(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.removeAllListeners('error').once('error', reject);
    socket.once('end', resolve).resume();
    socket.end();
  });
}
