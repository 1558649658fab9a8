/**
 * A client's connection until its ClientHello is whole. OpenSSL and Node hold some 40 KB for a handshake, and 128 KB more for a
 * hello that announces so much: who sends a few bytes, or none, is not to have that. It costs a socket, and what it has sent.
 */
import type { Timer } from '../kit/clock.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../model/limits.ts';
import { NOBODY } from './connection-common.ts';
import { HandleConnection } from './handle-connection.ts';
import type { HandleTransport } from './handle-transport.ts';
import { HelloBytes } from './hello-bytes.ts';
import type { TcpHandle } from './node-internals.ts';
import { TlsServerConnection } from './tls-server-connection.ts';
import { HANDSHAKE_TIMED_OUT, HANDSHAKE_WENT_AWAY, type Connection, type ServerTls } from './transport.ts';

export class AwaitedHello extends HandleConnection {
  readonly #tls: ServerTls;
  readonly #onConnection: (connection: Connection) => void;
  readonly #hello = new HelloBytes();
  #timer: Timer | undefined;
  /** When the whole handshake is to be done. */
  #dueMs = 0;

  constructor(
    transport: HandleTransport,
    tcp: TcpHandle,
    tls: ServerTls,
    onConnection: (connection: Connection) => void,
  ) {
    super(transport, tcp, NOBODY);
    this.#tls = tls;
    this.#onConnection = onConnection;
  }

  wait(): void {
    const { clock } = this.transport;
    this.#dueMs = clock.monotonicMs() + HANDSHAKE_TIMEOUT_MS;
    this.#timer = clock.after(HANDSHAKE_TIMEOUT_MS, () => this.#fail(HANDSHAKE_TIMED_OUT));
    this.startReading();
  }

  override received(count: number): undefined {
    if (this.#hello.add(this.transport.readArea.subarray(0, count))) this.beginHandshake();
  }

  /** The socket goes to a connection with TLS, which answers. Never throws. */
  beginHandshake(): void {
    const connection = this.#addTls();
    if (connection === undefined) return;
    this.#timer?.cancel();
    const leftMs = this.#dueMs - this.transport.clock.monotonicMs();
    connection.handshake(this, this.#hello.bytes, leftMs, this.#hello.hopeless);
  }

  #addTls(): TlsServerConnection | undefined {
    try {
      return new TlsServerConnection(this.transport, this.tcp, this.#tls, this.#onConnection);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  override readEnded(): void {
    this.lost();
  }

  override lost(): void {
    this.#fail(HANDSHAKE_WENT_AWAY);
  }

  #fail(cause: string): void {
    if (this.closed) return;
    this.destroy();
    this.#tls.onHandshake(undefined, cause);
  }

  protected override closeHandles(): void {
    this.#timer?.cancel();
    super.closeHandles();
  }
}
