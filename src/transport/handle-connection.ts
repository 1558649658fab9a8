/** A connection over Node's TCP handles, without the streams around them. */
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { assert } from '../kit/assert.ts';
import { BUFFERS } from '../model/limits.ts';
import type { BulkBuffer } from './bulk-buffer.ts';
import { NOBODY, unmapped } from './connection-common.ts';
import type { HandleTransport } from './handle-transport.ts';
import type {
  NodeInternals,
  ShutdownRequest,
  SocketName,
  StreamHandle,
  TcpHandle,
  WriteRequest,
} from './node-internals.ts';
import type { Outbox } from './outbox.ts';
import { READ_ROOM, type Connection, type ConnectionOwner, type TlsInfo } from './transport.ts';

const UV_EOF = -4095;
const UV_EPIPE = -constants.errno.EPIPE;
const UV_ECONNRESET = -constants.errno.ECONNRESET;

export class HandleConnection implements Connection {
  owner: ConnectionOwner;
  bulk = false;
  closed = false;
  protected readonly transport: HandleTransport;
  /** What bytes go through: the socket itself, or TLS on top of it. */
  protected readonly stream: StreamHandle;
  protected readonly tcp: TcpHandle;
  /** The private buffer that is read into now. */
  bulkBuffer: BulkBuffer | undefined;
  #writesInFlight = 0;
  /** Connected, and the peer has not ended its side. */
  #readable = false;
  protected paused = false;
  /** How much the buffer takes that is read into now. */
  #areaBytes: number = BUFFERS.sharedRead;
  /** Bytes read since the socket was last empty, or since others had their turn. */
  #inOneGo = 0;
  #finishing = false;
  /** `end` waits for the writes in flight: what has been asked of libuv it would not let us reset. */
  #ending = false;
  /** Under way. */
  #shutdown: ShutdownRequest | undefined;
  /** What a write failed with; the owner will hear of it. */
  protected failedStatus = 0;
  /** Made by `connect`, not accepted. */
  #isOutgoing = false;
  #peer: SocketName | undefined;
  #local: SocketName | undefined;

  constructor(transport: HandleTransport, tcp: TcpHandle, owner: ConnectionOwner, stream: StreamHandle = tcp) {
    this.transport = transport;
    this.tcp = tcp;
    this.stream = stream;
    this.owner = owner;
    transport.limit.open++;
    stream.context = this;
  }

  get tls(): TlsInfo | undefined {
    return undefined;
  }

  get pending(): boolean {
    return this.#writesInFlight > 0 || this.failedStatus !== 0;
  }

  get readingBulk(): boolean {
    return this.bulkBuffer !== undefined;
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
    if (!this.closed) this.tcp[which](name);
    return name;
  }

  /** The socket of `other`, which is done with it, is this one's from now on. */
  protected takeOver(other: HandleConnection): void {
    this.#peer = other.#peer;
    other.closed = true;
    this.transport.limit.open--;
  }

  /** Reading begins, unless the owner has paused it already. */
  startReading(): void {
    const { firstArea, readArea } = this.transport;
    // What comes through TLS comes by records, each read whole.
    const area = this.#isOutgoing || this.stream !== this.tcp ? readArea : firstArea;
    this.#areaBytes = area.length;
    this.stream.useUserBuffer(area);
    this.stream.onread = this.transport.onRead;
    this.#readable = true;
    if (!this.paused) this.stream.readStart();
  }

  connected(status: number): void {
    if (this.closed) return;
    if (status !== 0) {
      this.lost(status);
      return;
    }
    this.#isOutgoing = true;
    this.tcp.setNoDelay(true);
    this.up();
  }

  /** The connection can be used: tells the owner. */
  protected up(): void {
    this.startReading();
    try {
      this.owner.onConnect(this);
    } catch (error) {
      this.fail(error);
    }
  }

  /** `count` bytes were read into the current buffer. Returns the buffer for the next reads where it changes. */
  received(count: number): Uint8Array | undefined {
    this.handOver(this.bulkBuffer === undefined ? this.transport.readBuffer : this.bulkBuffer.bytes, count);
    this.takeTurns(count);
    if (this.closed) return undefined;
    if (this.bulk !== (this.bulkBuffer !== undefined)) return this.#switchBuffer();
    // The first reads are smaller, until one of them is filled.
    return this.#areaBytes === BUFFERS.firstRead && count === BUFFERS.firstRead
      ? this.#readInto(this.transport.readArea)
      : undefined;
  }

  /**
   * libuv reads from one socket until it is empty, 32 times over at most: megabytes, while everybody else waits. Whoever has
   * filled its buffer and has had its share goes on when all the others have had a look.
   */
  protected takeTurns(count: number): void {
    this.#inOneGo += count;
    if (count < this.#areaBytes) this.#inOneGo = 0;
    else if (this.#inOneGo >= BUFFERS.turn) {
      this.#inOneGo = 0;
      this.#rest();
    }
  }

  #rest(): void {
    if (this.paused || this.closed || !this.#readable) return;
    this.stream.readStop();
    this.transport.rest(this);
  }

  /** The others have had their turn. */
  wake(): void {
    if (this.#readable && !this.paused && !this.closed) this.stream.readStart();
  }

  protected handOver(bytes: Buffer, count: number): void {
    try {
      this.owner.onData(this, bytes, READ_ROOM, READ_ROOM + count);
    } catch (error) {
      this.fail(error);
    }
  }

  #switchBuffer(): Uint8Array {
    const { bulkPool, readArea } = this.transport;
    if (this.bulk) {
      this.bulkBuffer = bulkPool.take();
      return this.#readInto(this.bulkBuffer.area);
    }
    this.#releaseBulk();
    return this.#readInto(readArea);
  }

  #readInto(area: Uint8Array): Uint8Array {
    this.#areaBytes = area.length;
    return area;
  }

  #releaseBulk(): void {
    if (this.bulkBuffer === undefined) return;
    this.transport.bulkPool.release(this.bulkBuffer);
    this.bulkBuffer = undefined;
  }

  /** The peer ended its side, or the connection broke. */
  readEnded(status: number): void {
    if (this.closed) return;
    if (status !== UV_EOF || this.failedStatus !== 0) {
      this.lost(this.failedStatus === 0 ? status : this.failedStatus);
      return;
    }
    this.#readable = false;
    this.stream.readStop();
    try {
      this.owner.onEnd(this);
    } catch (error) {
      this.fail(error);
    }
  }

  send(outbox: Outbox): void {
    const length = outbox.length;
    if (length === 0 || this.closed || this.failedStatus !== 0) {
      outbox.clear();
      return;
    }
    const transport = this.transport;
    const view = outbox.message();
    if (this.write(view)) {
      transport.writeRequest.context = new PendingWrite(this, outbox.take(), undefined);
      this.keepRequest(view);
    } else {
      outbox.clear();
    }
  }

  sendBulk(source: Connection, start: number, end: number): void {
    if (start === end || this.closed || this.failedStatus !== 0) return;
    const buffer = bulkBufferOf(source);
    const view = buffer.bytes.subarray(start, end);
    if (this.write(view)) {
      buffer.inFlight++;
      this.transport.writeRequest.context = new PendingWrite(this, undefined, buffer);
      this.keepRequest(view);
    }
  }

  /** Writes; true when the kernel did not take everything, so that the bytes are in use until the request completes. */
  protected write(view: Uint8Array): boolean {
    const { writeRequest, internals } = this.transport;
    const status = this.stream.writeBuffer(writeRequest, view);
    if (status !== 0) {
      this.writeFailed(status);
      return false;
    }
    return internals.streamBaseState[internals.kLastWriteWasAsync] === 1;
  }

  /**
   * Nothing more can be sent, which the owner hears later. A back end that has closed on bytes which it had not read has
   * answered before, maybe: where reading comes to an end by itself, it is heard out first.
   */
  protected writeFailed(status: number): void {
    this.failedStatus = status;
    const isGone = status === UV_EPIPE || status === UV_ECONNRESET;
    if (isGone && this.#isOutgoing && this.#readable && !this.#finishing) return;
    process.nextTick(() => this.lost(status));
  }

  protected keepRequest(view: Uint8Array): void {
    const transport = this.transport;
    transport.writeRequest.buffer = view;
    transport.writeRequest = transport.newWriteRequest();
    this.awaitWrite();
  }

  /** `writeCompleted` will be called once more. */
  protected awaitWrite(): void {
    this.#writesInFlight++;
  }

  writeCompleted(write: PendingWrite, status: number): void {
    this.#writesInFlight--;
    if (write.outboxBuffer !== undefined) this.transport.outbox.giveBack(write.outboxBuffer);
    if (write.bulk !== undefined) {
      write.bulk.inFlight--;
      this.transport.bulkPool.settle(write.bulk);
    }
    if (this.closed || this.failedStatus !== 0) return;
    if (status !== 0) {
      this.writeFailed(status);
      return;
    }
    if (this.#writesInFlight > 0) return;
    if (this.#finishing) {
      this.leave();
      return;
    }
    if (this.#ending) this.#shutDown();
    try {
      this.owner.onDrain(this);
    } catch (error) {
      this.fail(error);
    }
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    if (this.#readable && !this.closed) this.stream.readStop();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.#readable && !this.closed) this.stream.readStart();
  }

  end(): void {
    if (this.closed || this.#ending) return;
    this.#ending = true;
    if (this.#writesInFlight === 0) this.#shutDown();
  }

  #shutDown(): void {
    const request = new this.transport.internals.ShutdownWrap();
    request.oncomplete = onShutdownComplete;
    request.context = this;
    if (this.stream.shutdown(request) === 0) this.#shutdown = request;
  }

  shutdownCompleted(): void {
    this.#shutdown = undefined;
  }

  /** Whatever becomes of the request, nobody waits for it. */
  protected forgetShutdown(): void {
    if (this.#shutdown !== undefined) this.#shutdown.context = undefined;
  }

  finish(): void {
    if (this.#writesInFlight === 0 || this.failedStatus !== 0) {
      this.leave();
      return;
    }
    this.#finishing = true;
    this.owner = NOBODY;
    this.pause();
  }

  /** Everything is sent: closes. */
  protected leave(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.transport.limit.open--;
    this.owner = NOBODY;
    this.#releaseBulk();
    this.closeHandles();
  }

  protected closeHandles(): void {
    this.tcp.close();
  }

  protected resetHandles(): void {
    this.tcp.reset();
  }

  reset(): void {
    if (this.closed) return;
    this.closed = true;
    this.transport.limit.open--;
    this.owner = NOBODY;
    this.#releaseBulk();
    // A shutdown ends within this turn, unless TLS has a last record that the peer does not take.
    if (this.#shutdown !== undefined) setImmediate(() => this.#resetOrClose());
    else this.#resetOrClose();
  }

  /**
   * libuv refuses to reset what is being shut down and what has no socket (out of descriptors), and a handle that refused
   * can never be closed: its descriptor is lost, and its thread cannot end.
   */
  #resetOrClose(): void {
    if (this.#shutdown !== undefined || this.tcp.fd === -1) this.closeHandles();
    else this.resetHandles();
  }

  /** The connection broke: the owner is told, once. */
  lost(status: number): void {
    this.refused(status === 0 ? 'ECONNRESET' : getSystemErrorName(status));
  }

  /** Ends the connection and tells the owner why, once. */
  refused(code: string): void {
    if (this.closed) return;
    const owner = this.owner;
    this.destroy();
    try {
      owner.onClose(this, code);
    } catch (error) {
      this.#report(error);
    }
  }

  /** The owner threw: a defect of ours that must cost one connection and no more. */
  fail(error: unknown): void {
    this.#report(error);
    this.lost(0);
  }

  #report(error: unknown): void {
    // What was left half-composed must not go out before another connection's message.
    this.transport.outbox.clear();
    this.transport.events.onFailure(error);
  }
}

/** A write that the kernel did not take at once: what is in use until it completes. */
export class PendingWrite {
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
export function makeOnRead({ streamBaseState, kReadBytesOrError }: NodeInternals): StreamHandle['onread'] {
  return function onRead(this: StreamHandle) {
    const count = streamBaseState[kReadBytesOrError]!;
    const connection = this.context as HandleConnection;
    if (count > 0) return connection.received(count);
    if (count < 0) connection.readEnded(count);
    return undefined;
  };
}

export function onWriteComplete(this: WriteRequest, status: number): void {
  const write = this.context as PendingWrite;
  this.buffer = undefined;
  write.connection.writeCompleted(write, status);
}

function onShutdownComplete(this: ShutdownRequest): void {
  (this.context as HandleConnection | undefined)?.shutdownCompleted();
}

export function onConnectComplete(this: { context: unknown }, status: number): void {
  (this.context as HandleConnection).connected(status);
}

/** The private buffer whose bytes are being handed over by `source`. */
export function bulkBufferOf(source: Connection): BulkBuffer {
  const buffer = source instanceof HandleConnection ? source.bulkBuffer : undefined;
  assert(buffer !== undefined, 'sendBulk sends from the private buffer of its source');
  return buffer;
}
