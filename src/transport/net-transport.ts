/**
 * The portable transport: `node:net` sockets, by public interfaces but for two names of TLS sockets. What weir falls back on
 * where Node's handles are not what the handle transport expects. Reads go through one shared buffer, as there; there is no bulk mode.
 */
import { createServer, connect as netConnect, Socket, type Server } from 'node:net';
import { connect as tlsConnect, TLSSocket } from 'node:tls';
import type { Clock } from '../kit/clock.ts';
import { BUFFERS, HANDSHAKE_TIMEOUT_MS, LINGER_MS } from '../model/limits.ts';
import { ClientHandshake } from './client-handshake.ts';
import { codeOf, infoOf, NOBODY, unmapped } from './connection-common.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { ExtraSockets } from './extra-sockets.ts';
import { Listener, whileOpen } from './listen.ts';
import { NetHandshake } from './net-handshake.ts';
import { Outbox } from './outbox.ts';
import { SmallHellos } from './small-hellos.ts';
import {
  HANDSHAKE_TIMED_OUT,
  PUBLIC_KEY_REFUSED,
  READ_ROOM,
  type ClientTls,
  type Connection,
  type ConnectionOwner,
  type ListeningSocket,
  type ServerTls,
  type TlsInfo,
  type Transport,
  type TransportEvents,
} from './transport.ts';

export class NetTransport implements Transport {
  readonly name = 'net';
  readonly outbox = new Outbox();
  readonly events: TransportEvents;
  readonly readBuffer = Buffer.allocUnsafeSlow(BUFFERS.sharedRead + 2 * READ_ROOM);
  readonly clock: Clock;
  readonly #readArea = this.readBuffer.subarray(READ_ROOM, READ_ROOM + BUFFERS.sharedRead);

  readonly #limit: ConnectionLimit;
  readonly #smallHellos = new SmallHellos();

  constructor(events: TransportEvents, clock: Clock, maxConnections = Infinity) {
    this.#limit = new ConnectionLimit(maxConnections);
    this.events = events;
    this.clock = clock;
  }

  listen(
    address: string,
    port: number,
    onConnection: (connection: Connection) => void,
    tls?: ServerTls,
    extra = new ExtraSockets(),
  ): Promise<ListeningSocket> {
    return Listener.open({
      address,
      port,
      extra,
      limit: this.#limit,
      make: () => createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }),
      serve: (server, listener) => this.#serve(server, listener, onConnection, tls),
    });
  }

  #serve(server: Server, listener: Listener, onConnection: (connection: Connection) => void, tls?: ServerTls): void {
    server.on('error', (error) => this.events.onAcceptError(codeOf(error)));
    server.on('connection', (socket) => {
      listener.accepted();
      if (!this.#limit.mayAccept) {
        socket.destroy();
        this.events.onAcceptError('EMFILE');
        return;
      }
      this.#countOpen(socket);
      if (tls === undefined) this.#accept(socket, onConnection);
      else this.#acceptTls(socket, whileOpen(listener, onConnection), tls);
    });
  }

  #countOpen(socket: Socket): void {
    this.#limit.open++;
    socket.once('close', () => this.#limit.open--);
  }

  /** Nobody hears of the connection before its handshake is done. */
  #acceptTls(raw: Socket, onConnection: (connection: Connection) => void, tls: ServerTls): void {
    if (!tls.admits({ remoteAddress: unmapped(raw.remoteAddress) })) {
      raw.destroy();
      return;
    }
    const { clock } = this;
    const onSecured = (socket: Socket, info: TlsInfo): void => this.#accept(socket, onConnection, info);
    new NetHandshake(raw, { clock, tls, smallHellos: this.#smallHellos, onSecured }).wait();
  }

  #accept(socket: Socket, onConnection: (connection: Connection) => void, info?: TlsInfo): void {
    const connection = new NetConnection(this, socket, NOBODY);
    connection.tls = info;
    // Accepted sockets have no public `onread`: what they read is copied through the shared buffer.
    socket.on('data', (chunk: Buffer) => connection.receivedChunk(chunk));
    try {
      onConnection(connection);
    } catch (error) {
      connection.fail(error);
      return;
    }
    connection.startReading();
  }

  connect(address: string, port: number, owner: ConnectionOwner, tls?: ClientTls): Connection {
    if (!this.#limit.mayConnect) return this.#refuse(owner);
    if (tls !== undefined) return this.#connectTls(address, port, owner, tls);
    const socket = netConnect({
      host: address,
      port,
      allowHalfOpen: true,
      noDelay: true,
      onread: {
        buffer: this.#readArea,
        callback: (count) => {
          connection.received(count);
          return true;
        },
      },
    });
    this.#countOpen(socket);
    const connection = new NetConnection(this, socket, owner);
    return connection;
  }

  /** There is no descriptor for it: the owner hears of that as of any other reason. */
  #refuse(owner: ConnectionOwner): Connection {
    const connection = new NetConnection(this, new Socket(), owner);
    process.nextTick(() => connection.lost('EMFILE'));
    return connection;
  }

  #connectTls(address: string, port: number, owner: ConnectionOwner, tls: ClientTls): Connection {
    const { context, session } = tls;
    const raw = netConnect({ host: address, port, allowHalfOpen: true, noDelay: true });
    this.#countOpen(raw);
    const socket = tlsConnect({
      socket: raw,
      secureContext: context,
      rejectUnauthorized: false,
      ...(session === undefined ? {} : { session }),
    });
    const handshake = new ClientHandshake(tls);
    socket.on('error', () => {
      if (connection.tls === undefined) handshake.failed();
    });
    const connection = new NetConnection(this, socket, owner, handshake);
    const timer = this.clock.after(HANDSHAKE_TIMEOUT_MS, () => connection.lost(HANDSHAKE_TIMED_OUT));
    socket.once('secureConnect', () => timer.cancel());
    socket.once('close', () => timer.cancel());
    let renegotiates = false;
    socket.on('secure', () => {
      if (renegotiates && !handshake.mayRenegotiate(socket.bytesRead))
        process.nextTick(() => connection.lost('ECONNRESET'));
      renegotiates = true;
    });
    socket.on('session', (session: Buffer) => handshake.offerSession(session));
    socket.on('data', (chunk: Buffer) => connection.receivedChunk(chunk));
    return connection;
  }
}

class NetConnection implements Connection {
  owner: ConnectionOwner;
  bulk = false;
  closed = false;
  tls: TlsInfo | undefined;
  readonly readingBulk = false;
  readonly #transport: NetTransport;
  readonly #socket: Socket;
  #writesInFlight = 0;
  #finishing = false;
  #paused = false;

  constructor(transport: NetTransport, socket: Socket, owner: ConnectionOwner, handshake?: ClientHandshake) {
    this.#transport = transport;
    this.#socket = socket;
    this.owner = owner;
    if (handshake === undefined) socket.on('connect', () => this.#tell(() => this.owner.onConnect(this)));
    // It comes again after a renegotiation.
    else socket.once('secureConnect', () => this.#secured(socket as TLSSocket, handshake));
    socket.on('end', () => this.#tell(() => this.owner.onEnd(this)));
    socket.on('error', (error) => this.lost(codeOf(error)));
    // What breaks the TLS of an accepted socket after its handshake, Node tells by this event alone.
    socket.on('_tlsError', (error: Error) => this.lost(codeOf(error)));
    socket.on('close', () => {
      // Where both sides have ended in good order Node closes by itself, which is no news; the other side may still send.
      if (!socket.readableEnded || !socket.writableFinished) this.lost('ECONNRESET');
    });
  }

  /** The handshake with a back end is done: is it the one it should be? */
  #secured(socket: TLSSocket, handshake: ClientHandshake): void {
    this.tls = infoOf(socket);
    const accepted = handshake.accepts(this.tls.resumed, () => socket.getPeerX509Certificate());
    if (accepted) this.#tell(() => this.owner.onConnect(this));
    else this.lost(PUBLIC_KEY_REFUSED);
  }

  get pending(): boolean {
    return this.#writesInFlight > 0;
  }

  get remoteAddress(): string {
    return unmapped(this.#socket.remoteAddress);
  }

  get remotePort(): number {
    return this.#socket.remotePort ?? 0;
  }

  get localAddress(): string {
    return unmapped(this.#socket.localAddress);
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  /** A chunk that did not come through `onread`: copied through the shared buffer, piece by piece. */
  receivedChunk(chunk: Buffer): void {
    const { readBuffer } = this.#transport;
    for (let at = 0; at < chunk.length && !this.closed; at += BUFFERS.sharedRead) {
      this.received(chunk.copy(readBuffer, READ_ROOM, at, Math.min(chunk.length, at + BUFFERS.sharedRead)));
    }
  }

  received(count: number): void {
    this.#tell(() => this.owner.onData(this, this.#transport.readBuffer, READ_ROOM, READ_ROOM + count));
  }

  send(outbox: Outbox): void {
    if (outbox.length === 0 || this.closed) {
      outbox.clear();
      return;
    }
    const view = outbox.message();
    const socket = this.#socket;
    // The callback comes later even where the kernel took everything at once: `writableLength` tells.
    let buffer: Buffer | undefined;
    socket.write(view, () => {
      if (buffer === undefined) return;
      outbox.giveBack(buffer);
      this.#writeCompleted();
    });
    if (socket.writableLength > 0) {
      buffer = outbox.take();
      this.#writesInFlight++;
    } else {
      outbox.clear();
    }
  }

  sendBulk(): void {
    throw new Error('the net transport never reads in bulk');
  }

  #writeCompleted(): void {
    this.#writesInFlight--;
    if (this.closed || this.#writesInFlight > 0) return;
    if (this.#finishing) this.#leave();
    else this.#tell(() => this.owner.onDrain(this));
  }

  startReading(): void {
    if (!this.#paused && !this.closed) this.#socket.resume();
  }

  pause(): void {
    this.#paused = true;
    if (!this.closed) this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.closed) this.#socket.resume();
  }

  end(): void {
    if (!this.closed) this.#socket.end();
  }

  finish(): void {
    if (this.#writesInFlight === 0) {
      this.#leave();
      return;
    }
    this.#finishing = true;
    this.owner = NOBODY;
    this.pause();
  }

  /** Everything is sent: closes; TLS says goodbye first (close_notify), or the session could not be resumed. */
  #leave(): void {
    const socket = this.#socket;
    if (this.closed || !(socket instanceof TLSSocket)) {
      this.destroy();
      return;
    }
    this.closed = true;
    this.owner = NOBODY;
    // A peer that takes nothing is not waited for.
    const timer = this.#transport.clock.after(LINGER_MS, () => socket.destroy());
    socket.once('close', () => timer.cancel());
    socket.destroySoon();
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.owner = NOBODY;
    this.#socket.destroy();
  }

  reset(): void {
    if (this.closed) return;
    this.closed = true;
    this.owner = NOBODY;
    const socket = this.#socket;
    // Node resets what is being made only when it is up, and never closes what is reset while it is being shut down.
    if (socket.connecting) socket.destroy();
    else if (socket instanceof TLSSocket) resetTls(socket);
    else if (socket.writableEnded && !socket.writableFinished && socket.writableLength === 0)
      socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  }

  /** The connection is gone: the owner is told why, once. */
  lost(code: string): void {
    if (this.closed) return;
    const owner = this.owner;
    this.destroy();
    try {
      owner.onClose(this, code);
    } catch (error) {
      this.#report(error);
    }
  }

  fail(error: unknown): void {
    this.#report(error);
    this.lost('ECONNRESET');
  }

  #report(error: unknown): void {
    // What was left half-composed must not go out before another connection's message.
    this.#transport.outbox.clear();
    this.#transport.events.onFailure(error);
  }

  #tell(call: () => void): void {
    if (this.closed) return;
    try {
      call();
    } catch (error) {
      this.fail(error);
    }
  }
}

/**
 * A socket of TLS cannot be reset, the one below it can. Some clients take an end without a goodbye (close_notify) for
 * an ordinary one; it has to do while the goodbye is on its way.
 */
function resetTls(socket: TLSSocket): void {
  // oxlint-disable-next-line no-underscore-dangle -- Node's name
  const below = (socket as unknown as { readonly _parent?: Socket })._parent;
  const goodbye = socket.writableEnded && !socket.writableFinished;
  if (below === undefined || below.connecting || goodbye) socket.destroy();
  else below.resetAndDestroy();
}
