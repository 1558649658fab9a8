/**
 * A client's connection until its ClientHello is whole. Node and OpenSSL take 17 KB for a connection with TLS, and 38 KB more when
 * they are given its first byte: who sends little, or nothing, is not to have that. It costs a socket, and what it has sent.
 */
import type { Timer } from '../kit/clock.ts';
import type { Turn } from '../kit/turns.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../model/limits.ts';
import { NOBODY } from './connection-common.ts';
import { HandleConnection } from './handle-connection.ts';
import type { HandleTransport } from './handle-transport.ts';
import { HelloBytes } from './hello-bytes.ts';
import type { TcpHandle } from './node-internals.ts';
import { TlsServerConnection } from './tls-server-connection.ts';
import { HANDSHAKE_TIMED_OUT, HANDSHAKE_WENT_AWAY, type Connection, type ServerTls } from './transport.ts';

export class AwaitedHello extends HandleConnection implements Turn {
  readonly #tls: ServerTls;
  readonly #onConnection: (connection: Connection) => void;
  readonly #hello = new HelloBytes();
  /** Of the whole handshake. */
  #timer: Timer | undefined;
  /** The hello is whole, and its turn has not come. */
  #inLine = false;
  /** Who goes on with the handshake. */
  #successor: TlsServerConnection | undefined;

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
    this.#timer = this.transport.clock.after(HANDSHAKE_TIMEOUT_MS, () => this.#timedOut());
    this.startReading();
  }

  override received(count: number): undefined {
    const isEnough = this.#hello.add(this.transport.readArea.subarray(0, count));
    // Who waits for a turn is read from, so that we hear of it when the client goes; but not for ever.
    if (this.#inLine) this.pause();
    else if (isEnough) {
      this.#inLine = true;
      this.transport.handshakeTurns.add(this);
      if (this.#successor === undefined) this.#hello.keep();
    }
  }

  get gone(): boolean {
    return this.closed;
  }

  /** The socket goes to a connection with TLS, which answers. Never throws. */
  takeTurn(): void {
    this.#inLine = false;
    this.#successor = this.#addTls();
    this.#successor?.handshake(this, this.#hello.bytes, this.#timer, this.#hello.hopeless);
  }

  #timedOut(): void {
    if (this.#successor === undefined) this.#fail(HANDSHAKE_TIMED_OUT);
    else this.#successor.handshakeTimedOut();
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
    if (this.#inLine) this.transport.handshakeTurns.leave();
    this.#tls.onHandshake(undefined, cause);
  }

  protected override closeHandles(): void {
    this.#timer?.cancel();
    super.closeHandles();
  }
}
