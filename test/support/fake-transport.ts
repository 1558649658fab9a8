/**
 * A transport in memory: no sockets, no event loop. The test plays kernel and network: it decides when a connection comes
 * up, how much of a write is taken at once and when the rest goes out, in what pieces bytes arrive. Nothing happens in
 * between, so that the same decisions give the same run.
 *
 * It keeps the rules of the seam (src/transport/transport.ts) as the handle transport does, and holds the engine to its
 * part of them: bytes are wiped as soon as they are not valid any more, a write that is not finished goes on from the
 * buffer that it was given, and what an engine must not do is noted in `offences`.
 */
import { BUFFERS } from '../../src/model/limits.ts';
import { BulkBuffer } from '../../src/transport/bulk-buffer.ts';
import { Outbox } from '../../src/transport/outbox.ts';
import {
  READ_ROOM,
  type Connection,
  type ConnectionOwner,
  type ListeningSocket,
  type TlsInfo,
  type Transport,
  type TransportEvents,
} from '../../src/transport/transport.ts';
import { FakeConnection } from './fake-connection.ts';

/** What the test decides from moment to moment. */
export interface FakeKernel {
  /** How many of `length` bytes the kernel takes at once. */
  takes(connection: FakeConnection, length: number): number;
  /** The size of a private read buffer. */
  bulkSize(): number;
}

/** Counts what happens, over all transports of a test, so that any two events have an order. */
export interface Moments {
  now: number;
}

export interface FakeSocket extends ListeningSocket {
  readonly onConnection: (connection: Connection) => void;
  closed: boolean;
}

/** What wiped bytes are: no message has them. */
const WIPED = 0x15;

export class FakeTransport implements Transport {
  readonly name = 'handle';
  readonly outbox = new Outbox();
  readonly events: TransportEvents;
  readonly kernel: FakeKernel;
  readonly moments: Moments;
  /** All there ever were, in order. */
  readonly connections: FakeConnection[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly offences: string[] = [];
  readonly #readBuffer = Buffer.alloc(BUFFERS.sharedRead + 2 * READ_ROOM, WIPED);
  /** Private buffers that a connection reads into, or that a write is not finished from. */
  readonly #bulkInUse = new Set<BulkBuffer>();

  constructor(events: TransportEvents, kernel: FakeKernel, moments: Moments = { now: 0 }) {
    this.events = events;
    this.kernel = kernel;
    this.moments = moments;
  }

  listen(address: string, port: number, onConnection: (connection: Connection) => void): Promise<ListeningSocket> {
    const socket: FakeSocket = {
      address,
      port,
      onConnection,
      closed: false,
      close: () => {
        socket.closed = true;
      },
    };
    this.sockets.push(socket);
    return Promise.resolve(socket);
  }

  connect(address: string, port: number, owner: ConnectionOwner): FakeConnection {
    const connection = new FakeConnection(this, owner, { address, port }, { address: '127.0.0.1', port: 50_000 });
    this.connections.push(connection);
    return connection;
  }

  /** A client connects to the socket that listens on `port`; undefined when none does. */
  dial(port: number, clientAddress: string, clientPort: number, tls?: TlsInfo): FakeConnection | undefined {
    const socket = this.sockets.findLast((each) => each.port === port && !each.closed);
    if (socket === undefined) return undefined;
    const local = { address: socket.address, port };
    const client = { address: clientAddress, port: clientPort };
    const connection = new FakeConnection(this, undefined, client, local, tls);
    this.connections.push(connection);
    connection.accepted(socket.onConnection);
    this.afterCall();
    return connection;
  }

  /** Reads `bytes` into the buffer of the connection, and hands them over. */
  read(connection: FakeConnection, bytes: string, hand: (buffer: Buffer, start: number, end: number) => void): void {
    const { bulkBuffer } = connection;
    const buffer = bulkBuffer === undefined ? this.#readBuffer : bulkBuffer.bytes;
    if (bulkBuffer !== undefined && bulkBuffer.inFlight > 0) this.offend('read into a buffer that is being sent from');
    buffer.write(bytes, READ_ROOM, 'latin1');
    const end = READ_ROOM + bytes.length;
    hand(buffer, READ_ROOM, end);
    // What is still being sent from it must stay.
    if (bulkBuffer === undefined || bulkBuffer.inFlight === 0) buffer.fill(WIPED, 0, end + READ_ROOM);
  }

  takeBulk(): BulkBuffer {
    const buffer = new BulkBuffer(this.kernel.bulkSize());
    this.#bulkInUse.add(buffer);
    return buffer;
  }

  /** Called when a connection let go of a private buffer, or a write from it ended. */
  settleBulk(buffer: BulkBuffer): void {
    if (buffer.inFlight > 0) return;
    buffer.bytes.fill(WIPED);
    if (buffer.released) this.#bulkInUse.delete(buffer);
  }

  get bulkInUse(): number {
    return this.#bulkInUse.size;
  }

  /** A buffer of the outbox that a write is finished with. */
  giveBack(buffer: Buffer, used: number): void {
    buffer.fill(WIPED, 0, used);
    this.outbox.giveBack(buffer);
  }

  /** Something was called in the engine, and came back. */
  afterCall(): void {
    if (this.outbox.length === 0) return;
    this.offend(`left ${this.outbox.length} bytes in the outbox: ${this.outbox.bytes.toString('latin1', 0, 80)}`);
    this.outbox.clear();
  }

  offend(what: string): void {
    this.offences.push(what);
  }
}
