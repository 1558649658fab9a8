/** Scripted peers: a client and a back end that send exactly the bytes they are told, and keep what they get. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { readMessage, type Message } from './http-reader.ts';

/** One end of a connection in a script. */
export class Peer {
  readonly socket: Socket;
  /** Everything received so far, one character a byte. */
  received = '';
  ended = false;
  closed = false;
  /** The code of the error that the connection broke with. */
  error: string | undefined;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#changed();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#changed();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
    socket.on('close', () => {
      this.closed = true;
      this.#changed();
    });
  }

  #changed(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** Resolves when `condition` holds; rejects with what was received when the connection closes before. */
  async until(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      if (this.closed) throw new Error(`closed before ${what}; received ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Sends one byte at a time, each in a segment of its own as far as the kernel lets it. */
  async trickle(bytes: string): Promise<void> {
    for (const byte of bytes) {
      this.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What came up to and with `text`, taken out of `received`. */
  async take(text: string): Promise<string> {
    await this.until(() => this.received.includes(text), JSON.stringify(text));
    return this.takeBytes(this.received.indexOf(text) + text.length);
  }

  async takeBytes(count: number): Promise<string> {
    await this.until(() => this.received.length >= count, `${count} bytes`);
    const taken = this.received.slice(0, count);
    this.received = this.received.slice(count);
    return taken;
  }

  /** Takes nothing more from the kernel, so that the sender must stop some time. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    // A socket of TLS has no handle of its own that could be reset: the one below it has.
    // oxlint-disable-next-line no-underscore-dangle -- Node's name
    ((this.socket as { _parent?: Socket })._parent ?? this.socket).resetAndDestroy();
  }

  /** Resolves when the other end has shut down its side. */
  async shutDown(): Promise<void> {
    await this.until(() => this.ended || this.closed, 'the end');
  }

  /** Resolves when the connection is gone, with the code of the error that it broke with. */
  async close(): Promise<string | undefined> {
    while (!this.closed) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.error;
  }
}

/** A back end whose connections a test takes one by one. */
export class ScriptedServer {
  readonly server: Server;
  readonly port: number;
  readonly #waiting: Peer[] = [];
  #wanted: ((peer: Peer) => void)[] = [];
  readonly peers: Peer[] = [];
  /** Everything accepted, whatever became of it. */
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, event: 'connection' | 'secureConnection') {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket: Socket) => this.#sockets.add(socket));
    server.on(event, (socket: Socket) => {
      socket.setNoDelay(true);
      const peer = new Peer(socket);
      this.peers.push(peer);
      const wanted = this.#wanted.shift();
      if (wanted === undefined) this.#waiting.push(peer);
      else wanted(peer);
    });
  }

  static start(host = '127.0.0.1', port = 0): Promise<ScriptedServer> {
    return ScriptedServer.listen(createServer({ allowHalfOpen: true }), 'connection', host, port);
  }

  /** Over `server`, which is not listening yet; its connections are those of `event`. */
  static async listen(
    server: Server,
    event: 'connection' | 'secureConnection',
    host = '127.0.0.1',
    port = 0,
  ): Promise<ScriptedServer> {
    server.listen(port, host);
    await once(server, 'listening');
    return new ScriptedServer(server, event);
  }

  /** The next connection. */
  accept(): Promise<Peer> {
    const peer = this.#waiting.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise((resolve) => this.#wanted.push(resolve));
  }

  /** Answers every request on every connection with what `respond` makes of it. */
  serve(respond: (request: Message) => string): void {
    void this.#serveAll(respond);
  }

  async #serveAll(respond: (request: Message) => string): Promise<never> {
    for (;;) {
      const peer = await this.accept();
      serveOne(peer, respond).catch(() => peer.socket.destroy());
    }
  }

  async stop(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

async function serveOne(peer: Peer, respond: (request: Message) => string): Promise<void> {
  for (;;) peer.send(respond(await readMessage(peer)));
}

/** Connects and resolves once the connection is up. */
export async function dial(port: number, host = '127.0.0.1'): Promise<Peer> {
  const socket = connect({ port, host, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  return new Peer(socket);
}

/**
 * A port that nobody else is given while it is held. Who listens there with SO_REUSEPORT can do so meanwhile; connections
 * may arrive at the wrong place until it is released.
 */
export async function reservePort(host = '127.0.0.1'): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer();
  server.listen({ host, port: 0, reusePort: true });
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async release() {
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * A port of 127.0.0.1 that refuses connections: it is one end of a connection, so that nobody else can listen there
 * before `release`. It is bound, not just given by `connect`: Linux lets a connection to such a port leave from that very
 * port, now and then, and then it is connected to itself.
 */
export async function refusingPort(): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer((socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port, address: host } = server.address() as AddressInfo;
  const socket = connect({ port, host, localAddress: host });
  await once(socket, 'connect');
  return {
    port: socket.localPort!,
    async release() {
      socket.resetAndDestroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A worker that listens and never comes to accept; its one message is the port. */
const NEVER_ACCEPTS = `
  const { createServer } = require('node:net');
  const { parentPort } = require('node:worker_threads');
  const server = createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

/** A port of 127.0.0.1 that answers nothing to who connects: its backlog is full, and nobody accepts. */
export async function silentPort(): Promise<{ port: number; release(): Promise<void> }> {
  const worker = new Worker(NEVER_ACCEPTS, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  const sockets = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  // A backlog of 1 holds two; the others wait in vain.
  await Promise.all(sockets.slice(0, 2).map((socket) => once(socket, 'connect')));
  return {
    port,
    async release() {
      for (const socket of sockets) socket.destroy();
      await worker.terminate();
    },
  };
}
