/** The fast transport: Node's TCP handles without the streams around them. */
import { createServer } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { assert } from '../kit/assert.ts';
import { BUFFERS } from '../model/limits.ts';
import { type BulkBuffer, BulkBufferPool } from './bulk-buffer.ts';
import { NOBODY, unmapped } from './connection-common.ts';
import type {
  NodeInternals,
  ServerHandle,
  SocketName,
  StreamHandle,
  TcpHandle,
  WriteRequest,
} from './node-internals.ts';
import { listenServer } from './listen.ts';
import { Outbox } from './outbox.ts';
import {
  READ_ROOM,
  type Connection,
  type ConnectionOwner,
  type ListeningSocket,
  type Transport,
  type TransportEvents,
} from './transport.ts';

const UV_EOF = -4095;

export class HandleTransport implements Transport {
  readonly name = 'handle';
  readonly outbox = new Outbox();
  readonly internals: NodeInternals;
  readonly events: TransportEvents;
  readonly bulkPool = new BulkBufferPool();
  /** What all connections read into, unless they read in bulk. */
  readonly readBuffer = Buffer.allocUnsafeSlow(BUFFERS.sharedRead + 2 * READ_ROOM);
  readonly readArea = this.readBuffer.subarray(READ_ROOM, READ_ROOM + BUFFERS.sharedRead);
  readonly onRead: StreamHandle['onread'];
  /** Reused for every write that the kernel takes at once. */
  writeRequest: WriteRequest;

  constructor(internals: NodeInternals, events: TransportEvents) {
    this.internals = internals;
    this.events = events;
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

  async listen(
    address: string,
    port: number,
    onConnection: (connection: Connection) => void,
  ): Promise<ListeningSocket> {
    const server = createServer();
    const bound = await listenServer(server, address, port);
    // oxlint-disable-next-line no-underscore-dangle -- Node's name
    const handle = (server as unknown as { _handle: ServerHandle })._handle;
    handle.onconnection = (status, client) => {
      if (status !== 0 || client === undefined) {
        this.events.onAcceptError(status < 0 ? getSystemErrorName(status) : 'UNKNOWN');
        return;
      }
      this.#accept(client, onConnection);
    };
    return bound;
  }

  #accept(client: TcpHandle, onConnection: (connection: Connection) => void): void {
    client.setNoDelay(true);
    const connection = new HandleConnection(this, client, NOBODY);
    try {
      onConnection(connection);
    } catch (error) {
      connection.fail(error);
      return;
    }
    if (!connection.closed) connection.startReading();
  }

  connect(address: string, port: number, owner: ConnectionOwner): Connection {
    const { TCP, TCPConnectWrap, socketType } = this.internals;
    const handle = new TCP(socketType);
    const connection = new HandleConnection(this, handle, owner);
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

export class HandleConnection implements Connection {
  owner: ConnectionOwner;
  bulk = false;
  closed = false;
  readonly #transport: HandleTransport;
  readonly #handle: TcpHandle;
  #bulkBuffer: BulkBuffer | undefined;
  #writesInFlight = 0;
  /** Connected, and the peer has not ended its side. */
  #readable = false;
  #paused = false;
  #finishing = false;
  #failedStatus = 0;
  #peer: SocketName | undefined;
  #local: SocketName | undefined;

  constructor(transport: HandleTransport, handle: TcpHandle, owner: ConnectionOwner) {
    this.#transport = transport;
    this.#handle = handle;
    this.owner = owner;
    handle.context = this;
  }

  get pending(): boolean {
    return this.#writesInFlight > 0;
  }

  get readingBulk(): boolean {
    return this.#bulkBuffer !== undefined;
  }

  get remoteAddress(): string {
    return unmapped((this.#peer ??= this.#name('getpeername')).address);
  }

  get remotePort(): number {
    return (this.#peer ??= this.#name('getpeername')).port ?? 0;
  }

  get localAddress(): string {
    return unmapped((this.#local ??= this.#name('getsockname')).address);
  }

  get localPort(): number {
    return (this.#local ??= this.#name('getsockname')).port ?? 0;
  }

  #name(which: 'getpeername' | 'getsockname'): SocketName {
    const name: SocketName = {};
    if (!this.closed) this.#handle[which](name);
    return name;
  }

  /** Reading begins, unless the owner has paused it already. */
  startReading(): void {
    this.#handle.useUserBuffer(this.#transport.readArea);
    this.#handle.onread = this.#transport.onRead;
    this.#readable = true;
    if (!this.#paused) this.#handle.readStart();
  }

  connected(status: number): void {
    if (this.closed) return;
    if (status !== 0) {
      this.lost(status);
      return;
    }
    this.#handle.setNoDelay(true);
    this.startReading();
    try {
      this.owner.onConnect(this);
    } catch (error) {
      this.fail(error);
    }
  }

  /** `count` bytes were read into the current buffer. Returns the buffer for the next reads where it changes. */
  received(count: number): Uint8Array | undefined {
    const bytes = this.#bulkBuffer === undefined ? this.#transport.readBuffer : this.#bulkBuffer.bytes;
    try {
      this.owner.onData(this, bytes, READ_ROOM, READ_ROOM + count);
    } catch (error) {
      this.fail(error);
    }
    if (this.closed || this.bulk === (this.#bulkBuffer !== undefined)) return undefined;
    return this.#switchBuffer();
  }

  #switchBuffer(): Uint8Array {
    const { bulkPool, readArea } = this.#transport;
    if (this.bulk) {
      this.#bulkBuffer = bulkPool.take();
      return this.#bulkBuffer.area;
    }
    this.#releaseBulk();
    return readArea;
  }

  #releaseBulk(): void {
    if (this.#bulkBuffer === undefined) return;
    this.#transport.bulkPool.release(this.#bulkBuffer);
    this.#bulkBuffer = undefined;
  }

  /** The peer ended its side, or the connection broke. */
  readEnded(status: number): void {
    if (this.closed) return;
    if (status !== UV_EOF) {
      this.lost(status);
      return;
    }
    this.#readable = false;
    this.#handle.readStop();
    try {
      this.owner.onEnd(this);
    } catch (error) {
      this.fail(error);
    }
  }

  send(outbox: Outbox): void {
    const length = outbox.length;
    if (length === 0 || this.closed || this.#failedStatus !== 0) {
      outbox.clear();
      return;
    }
    const transport = this.#transport;
    const view = outbox.bytes.subarray(0, length);
    if (this.#write(view)) {
      transport.writeRequest.context = new PendingWrite(this, outbox.take(), undefined);
      this.#keepRequest(view);
    } else {
      outbox.clear();
    }
  }

  sendBulk(source: Connection, start: number, end: number): void {
    if (start === end || this.closed || this.#failedStatus !== 0) return;
    const buffer = source instanceof HandleConnection ? source.#bulkBuffer : undefined;
    assert(buffer !== undefined, 'sendBulk sends from the private buffer of its source');
    const view = buffer.bytes.subarray(start, end);
    if (this.#write(view)) {
      buffer.inFlight++;
      this.#transport.writeRequest.context = new PendingWrite(this, undefined, buffer);
      this.#keepRequest(view);
    }
  }

  /** Writes; true when the kernel did not take everything, so that the bytes are in use until the request completes. */
  #write(view: Uint8Array): boolean {
    const { writeRequest, internals } = this.#transport;
    const status = this.#handle.writeBuffer(writeRequest, view);
    if (status !== 0) {
      this.#failedStatus = status;
      process.nextTick(() => this.lost(status));
      return false;
    }
    return internals.streamBaseState[internals.kLastWriteWasAsync] === 1;
  }

  #keepRequest(view: Uint8Array): void {
    const transport = this.#transport;
    transport.writeRequest.buffer = view;
    transport.writeRequest = transport.newWriteRequest();
    this.#writesInFlight++;
  }

  writeCompleted(write: PendingWrite, status: number): void {
    this.#writesInFlight--;
    if (write.outboxBuffer !== undefined) this.#transport.outbox.giveBack(write.outboxBuffer);
    if (write.bulk !== undefined) {
      write.bulk.inFlight--;
      this.#transport.bulkPool.settle(write.bulk);
    }
    if (this.closed) return;
    if (status !== 0) {
      this.lost(status);
      return;
    }
    if (this.#writesInFlight > 0) return;
    if (this.#finishing) {
      this.destroy();
      return;
    }
    try {
      this.owner.onDrain(this);
    } catch (error) {
      this.fail(error);
    }
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (this.#readable && !this.closed) this.#handle.readStop();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#readable && !this.closed) this.#handle.readStart();
  }

  end(): void {
    if (this.closed) return;
    const request = new this.#transport.internals.ShutdownWrap();
    request.oncomplete = ignore;
    this.#handle.shutdown(request);
  }

  finish(): void {
    if (this.#writesInFlight === 0) {
      this.destroy();
      return;
    }
    this.#finishing = true;
    this.owner = NOBODY;
    this.pause();
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.owner = NOBODY;
    this.#releaseBulk();
    this.#handle.close();
  }

  reset(): void {
    if (this.closed) return;
    this.closed = true;
    this.owner = NOBODY;
    this.#releaseBulk();
    if (this.#handle.reset() !== 0) this.#handle.close();
  }

  /** The connection broke: the owner is told, once. */
  lost(status: number): void {
    if (this.closed) return;
    const owner = this.owner;
    this.destroy();
    try {
      owner.onClose(this, status === 0 ? 'ECONNRESET' : getSystemErrorName(status));
    } catch (error) {
      this.#transport.events.onFailure(error);
    }
  }

  /** The owner threw: a defect of ours that must cost one connection and no more. */
  fail(error: unknown): void {
    this.#transport.events.onFailure(error);
    this.lost(0);
  }
}

/** A write that the kernel did not take at once: what is in use until it completes. */
class PendingWrite {
  readonly connection: HandleConnection;
  readonly outboxBuffer: Buffer | undefined;
  readonly bulk: BulkBuffer | undefined;

  constructor(connection: HandleConnection, outboxBuffer: Buffer | undefined, bulk: BulkBuffer | undefined) {
    this.connection = connection;
    this.outboxBuffer = outboxBuffer;
    this.bulk = bulk;
  }
}

/** The read callback that all connections of a transport share: `this` is the handle. */
function makeOnRead({ streamBaseState, kReadBytesOrError }: NodeInternals): StreamHandle['onread'] {
  return function onRead(this: StreamHandle) {
    const count = streamBaseState[kReadBytesOrError]!;
    const connection = this.context as HandleConnection;
    if (count > 0) return connection.received(count);
    if (count < 0) connection.readEnded(count);
    return undefined;
  };
}

function onWriteComplete(this: WriteRequest, status: number): void {
  const write = this.context as PendingWrite;
  this.buffer = undefined;
  write.connection.writeCompleted(write, status);
}

function onConnectComplete(this: { context: unknown }, status: number): void {
  (this.context as HandleConnection).connected(status);
}

function ignore(): void {}
