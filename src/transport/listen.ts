/**
 * Listening. libuv accepts one connection of a socket in each turn of the event loop, which spares those who are
 * connected a storm in one piece; but where hundreds of them keep a thread busy, a turn takes ten milliseconds and more,
 * and who comes waits for the turns of all who came before. So a listener for which somebody waits in every turn opens
 * another socket (SO_REUSEPORT), in all threads. None is closed before the listener is: who stands in its queue would be
 * reset.
 */
import type { Server } from 'node:net';
import { loopTurns } from '../kit/loop-turns.ts';
import { LISTENING } from '../model/limits.ts';
import type { ConnectionLimit } from './connection-limit.ts';
import type { ExtraSockets } from './extra-sockets.ts';
import type { Connection, ListeningSocket } from './transport.ts';

/** Binds `server` with SO_REUSEPORT and listens. Rejects with the system's error. */
function listenServer(server: Server, address: string, port: number, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, reusePort: true, backlog }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

export interface ListenerOptions {
  readonly address: string;
  /** 0: one that is free. */
  readonly port: number;
  /** What all threads have of this listener. */
  readonly extra: ExtraSockets;
  readonly limit: ConnectionLimit;
  /** A server that does not listen yet. */
  readonly make: () => Server;
  /** The server listens, and nothing has been accepted yet: who connects is the transport's, and {@link Listener.accepted} hears of each. */
  readonly serve: (server: Server, listener: Listener) => void;
}

/** The sockets of a listener in one thread. */
export class Listener implements ListeningSocket {
  readonly address: string;
  port: number;
  closed = false;
  readonly #options: ListenerOptions;
  readonly #servers: Server[] = [];
  #opening = false;
  /** The system has refused one: what there is has to do. */
  #refused = false;
  /** Connections since the turn of the event loop that is noted beside. */
  #accepted = 0;
  #sinceTurn = 0;

  /** Resolves when the first socket listens. Rejects with the system's error. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options);
    await listener.#open(LISTENING.backlog);
    return listener;
  }

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.address = options.address;
    this.port = options.port;
  }

  get sockets(): number {
    return this.#servers.length;
  }

  async #open(backlog: number): Promise<void> {
    const { make, serve, limit } = this.#options;
    const server = make();
    await listenServer(server, this.address, this.port, backlog);
    if (this.closed) {
      server.close();
      return;
    }
    const bound = server.address();
    if (typeof bound === 'object' && bound !== null) this.port = bound.port;
    if (this.#servers.push(server) > 1) limit.extraSockets++;
    serve(server, this);
  }

  /** A connection was accepted, whatever becomes of it. */
  accepted(): void {
    const { extra, limit } = this.#options;
    if (this.#servers.length <= extra.count && !this.#opening && !this.#refused && limit.mayListenMore) {
      void this.#openAnother();
    }
    this.#accepted++;
    if (this.#accepted < LISTENING.looksAfter) return;
    const turn = loopTurns();
    const couldAccept = (turn - this.#sinceTurn) * this.#servers.length;
    if (this.#accepted >= couldAccept * LISTENING.crowdedFrom) extra.wanted(this.#servers.length - 1);
    this.#accepted = 0;
    this.#sinceTurn = turn;
  }

  async #openAnother(): Promise<void> {
    this.#opening = true;
    try {
      await this.#open(LISTENING.extraBacklog);
    } catch {
      this.#refused = true;
    }
    this.#opening = false;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const server of this.#servers) server.close();
    this.#options.limit.extraSockets -= this.#servers.length - 1;
  }
}

/** `onConnection` while `listening` is: a handshake that ends later ends for nobody. */
export function whileOpen(
  listening: ListeningSocket,
  onConnection: (connection: Connection) => void,
): (connection: Connection) => void {
  return (connection) => {
    if (listening.closed) connection.destroy();
    else onConnection(connection);
  };
}
