/** A connection of the fake transport: on one side the engine's end of it, on the other what kernel and peer do. */
import { BUFFERS } from '../../src/model/limits.ts';
import type { BulkBuffer } from '../../src/transport/bulk-buffer.ts';
import { NOBODY } from '../../src/transport/connection-common.ts';
import type { Outbox } from '../../src/transport/outbox.ts';
import type { Connection, ConnectionOwner, TlsInfo } from '../../src/transport/transport.ts';
import { ByteLog, FakePeer } from './fake-peer.ts';
import type { FakeTransport } from './fake-transport.ts';

interface Address {
  readonly address: string;
  readonly port: number;
}

/** A write that the kernel has not taken whole. */
interface PendingWrite {
  readonly view: Buffer;
  taken: number;
  finish(): void;
}

export class FakeConnection implements Connection {
  owner: ConnectionOwner;
  readonly tls: TlsInfo | undefined;
  bulk = false;
  closed = false;
  established = false;
  bulkBuffer: BulkBuffer | undefined;
  /** The other end. */
  readonly peer: FakePeer;
  /** What the engine has sent, whether or not the kernel took it, and what it was given. */
  readonly sent: ByteLog;
  readonly given: ByteLog;
  /** When the engine asked for the connection, or was given it; heard that the peer had ended; and was done with it. */
  readonly openedAt: number;
  endedAt = Infinity;
  closedAt = Infinity;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly #transport: FakeTransport;
  readonly #writes: PendingWrite[] = [];
  #paused = false;
  #shutDown = false;
  #finishing = false;
  /** A write failed: the owner will hear of it. */
  #failed = false;

  constructor(
    transport: FakeTransport,
    owner: ConnectionOwner | undefined,
    remote: Address,
    local: Address,
    tls?: TlsInfo,
  ) {
    this.tls = tls;
    this.#transport = transport;
    this.owner = owner ?? NOBODY;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.localAddress = local.address;
    this.localPort = local.port;
    this.openedAt = ++transport.moments.now;
    this.peer = new FakePeer();
    this.sent = new ByteLog(transport.moments);
    this.given = new ByteLog(transport.moments);
  }

  // What the engine sees.

  get pending(): boolean {
    return this.#writes.length > 0;
  }

  get readingBulk(): boolean {
    return this.bulkBuffer !== undefined;
  }

  send(outbox: Outbox): void {
    const { length } = outbox;
    const view = outbox.bytes.subarray(0, length);
    const taken = this.#write(view);
    if (taken === length || this.#failed || this.closed) {
      outbox.clear();
      return;
    }
    const buffer = outbox.take();
    this.#writes.push({ view, taken, finish: () => this.#transport.giveBack(buffer, length) });
  }

  sendBulk(source: Connection, start: number, end: number): void {
    const buffer = source instanceof FakeConnection ? source.bulkBuffer : undefined;
    if (buffer === undefined) throw new Error('sendBulk from a connection that does not read in bulk');
    const view = buffer.bytes.subarray(start, end);
    const taken = this.#write(view);
    if (taken === view.length || this.#failed || this.closed) return;
    buffer.inFlight++;
    const finish = (): void => {
      buffer.inFlight--;
      this.#transport.settleBulk(buffer);
    };
    this.#writes.push({ view, taken, finish });
  }

  /** Returns how much of it the kernel took at once. */
  #write(view: Buffer): number {
    if (view.length === 0 || this.closed) return 0;
    if (!this.established) this.#transport.offend('sent before the connection was up');
    if (this.#shutDown) this.#transport.offend('sent after the end');
    this.sent.append(view.toString('latin1'));
    if (this.peer.gone) {
      this.#failed = true;
      return 0;
    }
    if (this.#writes.length > 0) return 0;
    const taken = Math.min(view.length, this.#transport.kernel.takes(this, view.length));
    this.peer.receive(view.toString('latin1', 0, taken));
    return taken;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  end(): void {
    if (this.closed) return;
    this.#shutDown = true;
    if (this.#writes.length === 0) this.peer.seeEnd();
  }

  finish(): void {
    if (this.#writes.length === 0) {
      this.destroy();
      return;
    }
    this.#finishing = true;
    this.owner = NOBODY;
    this.pause();
  }

  destroy(): void {
    if (!this.closed) this.#close(false);
  }

  reset(): void {
    if (!this.closed) this.#close(true);
  }

  #close(reset: boolean): void {
    this.closed = true;
    this.closedAt = ++this.#transport.moments.now;
    this.owner = NOBODY;
    if (reset) this.peer.seeReset();
    else if (this.established) this.peer.seeEnd();
    for (const write of this.#writes) write.finish();
    this.#writes.length = 0;
    this.#releaseBulk();
  }

  #releaseBulk(): void {
    const buffer = this.bulkBuffer;
    if (buffer === undefined) return;
    this.bulkBuffer = undefined;
    buffer.released = true;
    this.#transport.settleBulk(buffer);
  }

  // What the test does.

  /** The kernel has accepted a client. */
  accepted(onConnection: (connection: Connection) => void): void {
    this.established = true;
    this.#tell(() => onConnection(this));
  }

  /** The connection that was asked for is up. */
  comeUp(): void {
    this.established = true;
    this.#call(() => this.owner.onConnect(this));
  }

  /** The engine will read: nothing holds it back, and the peer may still send. */
  get #reading(): boolean {
    return this.established && !this.closed && !this.#paused && this.endedAt === Infinity;
  }

  /** How many bytes can arrive. */
  get arriving(): number {
    if (!this.#reading) return 0;
    return Math.min(this.peer.onItsWay.length, this.bulkBuffer?.area.length ?? BUFFERS.sharedRead);
  }

  arrive(count: number): void {
    const bytes = this.peer.take(count);
    this.#call(() => {
      this.given.append(bytes);
      this.#transport.read(this, bytes, (buffer, start, end) =>
        this.#tell(() => this.owner.onData(this, buffer, start, end)),
      );
      this.#switchBuffer();
    });
  }

  #switchBuffer(): void {
    if (this.closed || this.bulk === this.readingBulk) return;
    if (this.bulk) this.bulkBuffer = this.#transport.takeBulk();
    else this.#releaseBulk();
  }

  get endArrives(): boolean {
    return this.#reading && this.peer.ended && !this.peer.gone && this.peer.onItsWay === '';
  }

  arriveEnd(): void {
    this.#call(() => {
      this.endedAt = ++this.#transport.moments.now;
      this.#tell(() => this.owner.onEnd(this));
    });
  }

  /** The engine can find out that the connection is broken: it reads, or it writes. */
  get lossArrives(): boolean {
    if (this.closed || !this.established) return false;
    if (this.#failed) return true;
    return this.peer.gone && (this.pending || (this.#reading && this.peer.onItsWay === ''));
  }

  /** The connection broke, or never came up. */
  lose(code: string): void {
    const { owner } = this;
    this.#call(() => {
      this.destroy();
      try {
        owner.onClose(this, code);
      } catch (error) {
        this.#transport.events.onFailure(error);
      }
    });
  }

  /** Bytes that wait for the kernel. */
  get waiting(): number {
    return this.peer.gone ? 0 : this.#writes.reduce((sum, { view, taken }) => sum + view.length - taken, 0);
  }

  /** The kernel takes more, of several writes if need be. */
  drain(count: number): void {
    let left = count;
    let finished = false;
    while (left > 0 && this.#writes.length > 0) {
      const write = this.#writes[0]!;
      const part = Math.min(left, write.view.length - write.taken);
      this.peer.receive(write.view.toString('latin1', write.taken, write.taken + part));
      write.taken += part;
      left -= part;
      if (write.taken < write.view.length) break;
      this.#writes.shift();
      write.finish();
      finished = true;
    }
    if (!finished || this.#writes.length > 0) return;
    if (this.#shutDown) this.peer.seeEnd();
    if (this.#finishing) this.destroy();
    else this.#call(() => this.owner.onDrain(this));
  }

  #call(call: () => void): void {
    this.#tell(call);
    this.#transport.afterCall();
  }

  /** What an owner throws costs its connection and no more. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#transport.events.onFailure(error);
      if (!this.closed) this.lose('ECONNRESET');
    }
  }
}
