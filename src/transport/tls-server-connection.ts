import type { Timer } from '../kit/clock.ts';
import { NOBODY } from './connection-common.ts';
import type { HandleConnection } from './handle-connection.ts';
import type { HandleTransport } from './handle-transport.ts';
import type { TcpHandle } from './node-internals.ts';
import type { WaitingHandshake } from './small-hellos.ts';
import { TlsConnection } from './tls-connection.ts';
import {
  HANDSHAKE_CROWDED_OUT,
  HANDSHAKE_NOT_BEGUN,
  HANDSHAKE_WENT_AWAY,
  type Connection,
  type ServerTls,
  type TlsInfo,
} from './transport.ts';

/** TLSWrap keeps a buffer of 1 KB, out of which OpenSSL takes all at once. What does not fit makes it keep another of 16 KB. */
const PIECE_BYTES = 1000;

/** A client's connection, from its ClientHello on: nobody hears of it before its handshake is done. */
export class TlsServerConnection extends TlsConnection implements WaitingHandshake {
  older: WaitingHandshake | undefined;
  newer: WaitingHandshake | undefined;
  readonly #tls: ServerTls;
  readonly #onConnection: (connection: Connection) => void;

  constructor(
    transport: HandleTransport,
    tcp: TcpHandle,
    tls: ServerTls,
    onConnection: (connection: Connection) => void,
  ) {
    const { context } = tls;
    super(transport, tcp, NOBODY, transport.internals.wrapTls(tcp, context.context, true, false), context);
    this.#tls = tls;
    this.#onConnection = onConnection;
  }

  /** Takes the socket over from who has read the `hello`, and answers it. Behind what is `hopeless` nothing more is waited for. */
  handshake(before: HandleConnection, hello: Uint8Array, timer: Timer | undefined, hopeless: boolean): void {
    this.takeOver(before);
    this.limitHandshake(timer);
    this.transport.smallHellos.add(this, hello.length);
    this.startReading();
    if (hello.length <= PIECE_BYTES) this.ssl.receive(hello);
    else this.#receiveInPieces(hello);
    if (hopeless && !this.closed) this.handshakeFailed(HANDSHAKE_NOT_BEGUN);
  }

  #receiveInPieces(hello: Uint8Array): void {
    for (let at = 0; at < hello.length && !this.closed; at += PIECE_BYTES)
      this.ssl.receive(hello.subarray(at, at + PIECE_BYTES));
  }

  crowdedOut(): void {
    this.handshakeFailed(HANDSHAKE_CROWDED_OUT);
  }

  protected handshakeDone(info: TlsInfo): void {
    this.transport.smallHellos.delete(this);
    this.#tls.onHandshake(info, undefined);
    this.#onConnection(this);
  }

  protected handshakeFailed(cause: string): void {
    this.#tls.onHandshake(undefined, cause);
    this.destroy();
  }

  protected override closeHandles(): void {
    this.transport.smallHellos.delete(this);
    super.closeHandles();
  }

  override lost(status: number): void {
    if (!this.secured && !this.closed) this.#tls.onHandshake(undefined, HANDSHAKE_WENT_AWAY);
    super.lost(status);
  }

  override readEnded(status: number): void {
    if (this.secured) super.readEnded(status);
    else if (!this.closed) this.lost(0);
  }
}
