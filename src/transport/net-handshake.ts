/** A handshake with a client over a socket of `node:net`. TLS is set up when the client's hello is whole (hello-bytes.ts). */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../kit/clock.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../model/limits.ts';
import { codeOf, infoOf } from './connection-common.ts';
import { HelloBytes } from './hello-bytes.ts';
import type { SmallHellos, WaitingHandshake } from './small-hellos.ts';
import {
  HANDSHAKE_CROWDED_OUT,
  HANDSHAKE_NOT_BEGUN,
  HANDSHAKE_TIMED_OUT,
  HANDSHAKE_WENT_AWAY,
  type ServerTls,
  type TlsInfo,
} from './transport.ts';

export interface NetHandshakeOptions {
  readonly clock: Clock;
  readonly tls: ServerTls;
  readonly smallHellos: SmallHellos;
  /** The handshake is done, and has been told of. */
  readonly onSecured: (socket: TLSSocket, info: TlsInfo) => void;
}

export class NetHandshake implements WaitingHandshake {
  older: WaitingHandshake | undefined;
  newer: WaitingHandshake | undefined;
  readonly #raw: Socket;
  readonly #options: NetHandshakeOptions;
  readonly #hello = new HelloBytes();
  #timer: Timer | undefined;
  /** Done, or failed. */
  #over = false;

  constructor(raw: Socket, options: NetHandshakeOptions) {
    this.#raw = raw;
    this.#options = options;
  }

  wait(): void {
    const raw = this.#raw;
    this.#timer = this.#options.clock.after(HANDSHAKE_TIMEOUT_MS, () => this.#failed(HANDSHAKE_TIMED_OUT));
    raw.on('error', (error) => this.#failed(codeOf(error)));
    raw.on('close', this.#onGone).on('end', this.#onGone).on('data', this.#onData);
    raw.resume();
  }

  crowdedOut(): void {
    this.#failed(HANDSHAKE_CROWDED_OUT);
  }

  readonly #onGone = (): void => this.#failed(HANDSHAKE_WENT_AWAY);

  readonly #onData = (chunk: Buffer): void => {
    if (this.#hello.add(chunk)) this.#begin();
  };

  /** The socket belongs to TLS from now on, with what has been read. */
  #begin(): void {
    const raw = this.#raw;
    // It closes before the socket on top of it says why.
    raw.off('close', this.#onGone).off('data', this.#onData);
    raw.pause();
    raw.unshift(this.#hello.bytes);
    const { tls, smallHellos } = this.#options;
    const socket = new TLSSocket(raw, { isServer: true, secureContext: tls.context });
    socket.on('error', (error) => this.#failed(codeOf(error)));
    socket.on('close', this.#onGone);
    socket.on('end', () => this.#over || this.#onGone());
    socket.on('secure', () => this.#secured(socket));
    // There is no data before the handshake is done, but there may be an end.
    socket.resume();
    smallHellos.add(this, this.#hello.bytes.length);
    // By then OpenSSL has had what came: it would wait for more.
    if (this.#hello.hopeless) process.nextTick(() => socket.destroyed || this.#failed(HANDSHAKE_NOT_BEGUN));
  }

  #secured(socket: TLSSocket): void {
    if (this.#over) return;
    this.#end();
    const info = infoOf(socket);
    this.#options.tls.onHandshake(info, undefined);
    this.#options.onSecured(socket, info);
  }

  #failed(cause: string): void {
    this.#raw.destroy();
    if (this.#over) return;
    this.#end();
    this.#options.tls.onHandshake(undefined, cause);
  }

  #end(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#options.smallHellos.delete(this);
  }
}
