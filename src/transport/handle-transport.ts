/** The fast transport: Node's TCP handles, and TLS on top of them, without the streams around them. */
import { createServer, type Server } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Clock } from '../kit/clock.ts';
import { Turns } from '../kit/turns.ts';
import { BUFFERS, HANDSHAKE_TURN } from '../model/limits.ts';
import { AwaitedHello } from './awaited-hello.ts';
import { BulkBufferPool } from './bulk-buffer.ts';
import { NOBODY } from './connection-common.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { ExtraSockets } from './extra-sockets.ts';
import { HandleConnection, makeOnRead, onConnectComplete, onWriteComplete } from './handle-connection.ts';
import { Listener, whileOpen } from './listen.ts';
import type { NodeInternals, ServerHandle, StreamHandle, TcpHandle, WriteRequest } from './node-internals.ts';
import { Outbox } from './outbox.ts';
import { SmallHellos } from './small-hellos.ts';
import { TlsClientConnection } from './tls-connection.ts';
import {
  READ_ROOM,
  type ClientTls,
  type Connection,
  type ConnectionOwner,
  type ListeningSocket,
  type ServerTls,
  type Transport,
  type TransportEvents,
} from './transport.ts';

export class HandleTransport implements Transport {
  readonly name = 'handle';
  readonly outbox = new Outbox();
  readonly internals: NodeInternals;
  readonly events: TransportEvents;
  readonly clock: Clock;
  readonly bulkPool = new BulkBufferPool();
  readonly limit: ConnectionLimit;
  readonly handshakeTurns: Turns;
  readonly smallHellos = new SmallHellos();
  /** What all connections read into, unless they read in bulk. */
  readonly readBuffer = Buffer.allocUnsafeSlow(BUFFERS.sharedRead + 2 * READ_ROOM);
  readonly readArea = this.readBuffer.subarray(READ_ROOM, READ_ROOM + BUFFERS.sharedRead);
  /** What is read of a client first. */
  readonly firstArea = this.readArea.subarray(0, BUFFERS.firstRead);
  readonly onRead: StreamHandle['onread'];
  /** Who has had its share of this turn of the event loop. */
  #resting: HandleConnection[] = [];
  /** Reused for every write that the kernel takes at once. */
  writeRequest: WriteRequest;

  constructor(internals: NodeInternals, events: TransportEvents, clock: Clock, maxConnections = Infinity) {
    this.limit = new ConnectionLimit(maxConnections);
    this.internals = internals;
    this.clock = clock;
    this.events = events;
    this.handshakeTurns = new Turns(clock, HANDSHAKE_TURN, (error) => events.onFailure(error));
    this.onRead = makeOnRead(internals);
    this.writeRequest = this.newWriteRequest();
  }

  newWriteRequest(): WriteRequest {
    const request = new this.internals.WriteWrap();
    request.oncomplete = onWriteComplete;
    request.buffer = undefined;
    request.context = undefined;
    return request;
  }

  /** Has `connection` woken when all others have had their turn. */
  rest(connection: HandleConnection): void {
    if (this.#resting.push(connection) === 1) setImmediate(this.#wakeAll);
  }

  readonly #wakeAll = (): void => {
    const resting = this.#resting;
    this.#resting = [];
    for (const connection of resting) connection.wake();
  };

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
      limit: this.limit,
      make: () => createServer(),
      serve: (server, listener) => this.#serve(server, listener, onConnection, tls),
    });
  }

  #serve(server: Server, listener: Listener, onConnection: (connection: Connection) => void, tls?: ServerTls): void {
    // oxlint-disable-next-line no-underscore-dangle -- Node's name
    const handle = (server as unknown as { _handle: ServerHandle })._handle;
    // Linux and macOS give it to every connection that the socket accepts: one call in place of one for each.
    handle.setNoDelay(true);
    handle.onconnection = (status, client) => {
      if (status !== 0 || client === undefined) {
        this.events.onAcceptError(status < 0 ? getSystemErrorName(status) : 'UNKNOWN');
        return;
      }
      listener.accepted();
      if (!this.limit.mayAccept) {
        client.close();
        this.events.onAcceptError('EMFILE');
        return;
      }
      if (tls === undefined) this.#accept(client, onConnection);
      else this.#acceptTls(client, whileOpen(listener, onConnection), tls);
    };
  }

  #accept(client: TcpHandle, onConnection: (connection: Connection) => void): void {
    const connection = new HandleConnection(this, client, NOBODY);
    try {
      onConnection(connection);
    } catch (error) {
      connection.fail(error);
      return;
    }
    if (!connection.closed) connection.startReading();
  }

  /** The owner is asked for when the handshake is done; until then the connection belongs to the transport. */
  #acceptTls(client: TcpHandle, onConnection: (connection: Connection) => void, tls: ServerTls): void {
    try {
      const connection = new AwaitedHello(this, client, tls, onConnection);
      if (tls.admits(connection)) connection.wait();
      else connection.destroy();
    } catch (error) {
      this.events.onFailure(error);
      client.close();
    }
  }

  connect(address: string, port: number, owner: ConnectionOwner, tls?: ClientTls): Connection {
    const { TCP, TCPConnectWrap, socketType } = this.internals;
    const handle = new TCP(socketType);
    const connection =
      tls === undefined ? new HandleConnection(this, handle, owner) : new TlsClientConnection(this, handle, owner, tls);
    if (!this.limit.mayConnect) {
      process.nextTick(() => connection.refused('EMFILE'));
      return connection;
    }
    const request = new TCPConnectWrap();
    request.context = connection;
    request.oncomplete = onConnectComplete;
    const status = address.includes(':')
      ? handle.connect6(request, address, port)
      : handle.connect(request, address, port);
    if (status !== 0) process.nextTick(() => connection.lost(status));
    return connection;
  }
}
