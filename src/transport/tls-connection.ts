/**
 * TLS on Node's handles. TLSWrap copies what it is given while it encrypts, takes one write at a time (a second one
 * would end the process), and always reports completion later: so bytes wait here, and the outbox is free at once.
 *
 * It reads as much as the socket has and hands out all records of that, also to one who has stopped reading after the
 * first: what comes after `pause` is kept here until `resume`. Nothing is read in bulk: a record is no larger than the
 * shared buffer, and one that is handed out unasked would overwrite what is still being sent from a private one.
 */
import { X509Certificate } from 'node:crypto';
import { HANDSHAKE_TIMEOUT_MS } from '../model/limits.ts';
import type { Timer } from '../kit/clock.ts';
import { ClientHandshake } from './client-handshake.ts';
import { bulkBufferOf, HandleConnection, PendingWrite } from './handle-connection.ts';
import type { HandleTransport } from './handle-transport.ts';
import type { TcpHandle, TlsHandle } from './node-internals.ts';
import type { Outbox } from './outbox.ts';
import {
  HANDSHAKE_TIMED_OUT,
  PUBLIC_KEY_REFUSED,
  type ClientTls,
  type Connection,
  type ConnectionOwner,
  type TlsInfo,
  READ_ROOM,
} from './transport.ts';

/** Both sides of TLS. */
export abstract class TlsConnection extends HandleConnection {
  protected readonly ssl: TlsHandle;
  protected secured = false;
  #info: TlsInfo | undefined;
  /** What waits for the write in flight. */
  #queue: Buffer[] = [];
  /** The one write that can be in flight. */
  readonly #write = new PendingWrite(this, undefined, undefined);
  /** The handle is being called: a write that fails at once is reported from within. */
  #writing = false;
  /** What was decrypted behind `pause`: of one read of the socket, which is not read any more. */
  #held: Buffer[] = [];
  /** The peer's goodbye, behind what is held. */
  #heldEnd: number | undefined;
  #timer: Timer | undefined;

  constructor(transport: HandleTransport, tcp: TcpHandle, owner: ConnectionOwner, ssl: TlsHandle, context: unknown) {
    super(transport, tcp, owner, ssl);
    this.ssl = ssl;
    ssl.parent = tcp;
    // The socket is what Node keeps for as long as it is open. Were its TLSWrap collected, the next read would end the process.
    tcp.context = this;
    ssl.secureContext = context;
    ssl.onhandshakedone = onHandshakeDone;
    ssl.onerror = onError;
  }

  override get tls(): TlsInfo | undefined {
    return this.#info;
  }

  /** `timer` is cancelled when the handshake is over. */
  protected limitHandshake(timer: Timer | undefined): void {
    this.#timer = timer;
  }

  handshakeTimedOut(): void {
    this.handshakeFailed(HANDSHAKE_TIMED_OUT);
  }

  handshakeStarts(): void {
    // A second handshake on one connection is a renegotiation, which costs us far more than the peer.
    process.nextTick(() => this.lost(0));
  }

  handshakeEnds(): void {
    if (this.closed || this.secured) return;
    this.secured = true;
    // Only now is a handshake that starts another one.
    this.ssl.onhandshakestart = onHandshakeStart;
    this.#timer?.cancel();
    const cipher = this.ssl.getCipher();
    this.#info = { protocol: this.ssl.getProtocol(), cipher: cipher.name, resumed: this.ssl.isSessionReused() };
    try {
      this.handshakeDone(this.#info);
    } catch (error) {
      this.fail(error);
    }
  }

  broken(error: Error & { code?: string }): void {
    if (this.closed) return;
    if (this.secured) process.nextTick(() => this.lost(0));
    else this.handshakeFailed(error.code ?? error.message);
  }

  override received(count: number): undefined {
    const { readBuffer } = this.transport;
    if (this.paused || this.#held.length > 0)
      this.#held.push(Buffer.from(readBuffer.subarray(READ_ROOM, READ_ROOM + count)));
    else {
      this.handOver(readBuffer, count);
      this.takeTurns(count);
    }
  }

  override readEnded(status: number): void {
    if (this.paused || this.#held.length > 0) this.#heldEnd = status;
    else super.readEnded(status);
  }

  override resume(): void {
    super.resume();
    if (this.#held.length > 0 || this.#heldEnd !== undefined) process.nextTick(() => this.#handOverHeld());
  }

  #handOverHeld(): void {
    const { readBuffer } = this.transport;
    while (!this.paused && !this.closed) {
      const bytes = this.#held.shift();
      if (bytes === undefined) break;
      bytes.copy(readBuffer, READ_ROOM);
      this.handOver(readBuffer, bytes.length);
    }
    if (this.paused || this.closed || this.#heldEnd === undefined) return;
    const status = this.#heldEnd;
    this.#heldEnd = undefined;
    super.readEnded(status);
  }

  protected abstract handshakeDone(info: TlsInfo): void;
  protected abstract handshakeFailed(cause: string): void;

  override send(outbox: Outbox): void {
    if (outbox.length > 0) this.#put(outbox.message());
    outbox.clear();
  }

  override sendBulk(source: Connection, start: number, end: number): void {
    if (start < end) this.#put(bulkBufferOf(source).bytes.subarray(start, end));
  }

  #put(view: Buffer): void {
    if (this.closed || this.failedStatus !== 0) return;
    if (this.pending) this.#queue.push(Buffer.from(view));
    else this.#writeNow(view);
  }

  #writeNow(view: Buffer): void {
    const request = this.transport.writeRequest;
    this.transport.writeRequest = this.transport.newWriteRequest();
    request.context = this.#write;
    this.#writing = true;
    const status = this.ssl.writeBuffer(request, view);
    this.#writing = false;
    if (status !== 0) this.writeFailed(status);
    if (this.failedStatus === 0) this.awaitWrite();
  }

  override writeCompleted(write: PendingWrite, status: number): void {
    if (this.#writing) {
      this.writeFailed(status);
      return;
    }
    if (status === 0 && this.#queue.length > 0 && !this.closed) {
      const next = this.#queue.length === 1 ? this.#queue[0]! : Buffer.concat(this.#queue);
      this.#queue = [];
      this.#writeNow(next);
    }
    super.writeCompleted(write, status);
  }

  /** Says goodbye (close_notify) before it closes, or the session could not be resumed. */
  protected override leave(): void {
    this.end();
    this.destroy();
  }

  protected override closeHandles(): void {
    this.#timer?.cancel();
    this.tcp.close(() => this.#letGo());
  }

  protected override resetHandles(): void {
    this.#timer?.cancel();
    this.tcp.reset(() => this.#letGo());
  }

  /**
   * Node keeps a TLSWrap, and a shutdown that it never finished, until the next full collection. What they refer to would be
   * kept with them, and copied by every young collection until then.
   */
  #letGo(): void {
    const { ssl, tcp } = this;
    ssl.destroySSL();
    this.forgetShutdown();
    ssl.onread = ssl.onhandshakestart = ssl.onhandshakedone = ssl.onerror = ssl.onnewsession = ignore;
    ssl.context = tcp.context = ssl.parent = ssl.secureContext = undefined;
  }
}

// What a handle calls, with itself as `this`: the same for all connections.

function onHandshakeStart(this: TlsHandle): void {
  (this.context as TlsConnection).handshakeStarts();
}

function onHandshakeDone(this: TlsHandle): void {
  (this.context as TlsConnection).handshakeEnds();
}

function onError(this: TlsHandle, error: Error & { code?: string }): void {
  (this.context as TlsConnection).broken(error);
}

function ignore(): undefined {}

/** A connection to a back end: its owner hears `onConnect` when the handshake is done. */
export class TlsClientConnection extends TlsConnection {
  readonly #tls: ClientTls;
  readonly #handshake: ClientHandshake;

  constructor(transport: HandleTransport, tcp: TcpHandle, owner: ConnectionOwner, tls: ClientTls) {
    const ssl = transport.internals.wrapTls(tcp, tls.context.context, false, false);
    super(transport, tcp, owner, ssl, tls.context);
    this.#tls = tls;
    this.#handshake = new ClientHandshake(tls);
    // The certificate is asked for, and judged by its key alone.
    ssl.setVerifyMode(true, false);
    ssl.enableSessionCallbacks();
    ssl.onnewsession = (_id, session) => this.#handshake.offerSession(session);
  }

  protected override up(): void {
    if (this.#tls.session !== undefined) this.ssl.setSession(this.#tls.session);
    this.limitHandshake(this.transport.clock.after(HANDSHAKE_TIMEOUT_MS, () => this.handshakeTimedOut()));
    this.startReading();
    this.ssl.start();
  }

  override handshakeStarts(): void {
    if (!this.#handshake.mayRenegotiate(this.ssl.bytesRead)) super.handshakeStarts();
  }

  protected handshakeDone({ resumed }: TlsInfo): void {
    if (this.#handshake.accepts(resumed, () => this.#certificate())) this.owner.onConnect(this);
    else process.nextTick(() => this.refused(PUBLIC_KEY_REFUSED));
  }

  #certificate(): X509Certificate | undefined {
    const raw = this.ssl.getPeerCertificate(true)?.raw;
    return raw === undefined ? undefined : new X509Certificate(raw);
  }

  protected handshakeFailed(cause: string): void {
    this.#handshake.failed();
    process.nextTick(() => this.refused(cause));
  }
}
