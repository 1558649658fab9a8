/**
 * The seam between the engine and the sockets. The engine sees connections through these interfaces only, so that
 * another transport can take the place of Node's handles without touching it.
 *
 * Rules that every transport keeps:
 * - Bytes handed to `onData` are valid only during the call. Whoever keeps them copies them.
 * - An owner is never called back from inside its own call: an error found while sending is reported later.
 * - After `destroy` or `finish` the owner hears nothing more of the connection. After `onClose` neither.
 * - Whatever an owner throws ends that connection, and is reported to the transport's `onFailure`.
 */
import type { SecureContext } from 'node:tls';
import type { ExtraSockets } from './extra-sockets.ts';
import type { Outbox } from './outbox.ts';

/** Free bytes that a transport leaves before and behind what it reads, for framing written in place. */
export const READ_ROOM = 32;

/** Who a connection reports to. A connection has one owner at a time; assigning `owner` hands it over. */
export interface ConnectionOwner {
  /** The connection that was asked for with `connect` is up. */
  onConnect(connection: Connection): void;
  /** `bytes[start, end)` arrived. {@link READ_ROOM} bytes before and behind may be overwritten too. */
  onData(connection: Connection, bytes: Buffer, start: number, end: number): void;
  /** The peer has shut down its sending side. */
  onEnd(connection: Connection): void;
  /** All that was sent is with the kernel (called only after `pending` was true). */
  onDrain(connection: Connection): void;
  /**
   * The connection is gone, by the peer or by an error; `code` is the system's (`ECONNRESET` …). One that was asked for, and
   * whose peer takes nothing more, is read to its end before: to one who has paused it, it is not gone before it goes on.
   */
  onClose(connection: Connection, code: string): void;
}

/** What was agreed in a handshake. */
export interface TlsInfo {
  /** `TLSv1.2`. */
  readonly protocol: string;
  /** OpenSSL's name: `ECDHE-RSA-AES128-GCM-SHA256`. */
  readonly cipher: string;
  readonly resumed: boolean;
}

/** Whose address can be asked for, which is a system call: after a reset there is none, and it is empty. */
export interface Addressed {
  readonly remoteAddress: string;
}

/** TLS of a listener. Read anew for each handshake: what is swapped in serves the next connection. */
export interface ServerTls {
  context: SecureContext;
  /** Asked before the handshake: may this client connect? Otherwise it is closed at once. */
  admits(client: Addressed): boolean;
  /** A handshake ended: with what was agreed, or with what went wrong (one of the four below, or a code of OpenSSL's). */
  onHandshake(info: TlsInfo | undefined, error: string | undefined): void;
}

/** It took longer than HANDSHAKE_TIMEOUT_MS; also a code of `onClose`. */
export const HANDSHAKE_TIMED_OUT = 'handshake timed out';
export const HANDSHAKE_WENT_AWAY = 'the client went away';
/** OpenSSL would have waited for more behind what is no beginning of a handshake, such as an empty record. */
export const HANDSHAKE_NOT_BEGUN = 'no ClientHello';
/** Too many clients with small hellos waited (small-hellos.ts), and this one for longest. */
export const HANDSHAKE_CROWDED_OUT = 'crowded out by other clients';

/** The code of `onClose` when the peer's public key is not one of those that are accepted. */
export const PUBLIC_KEY_REFUSED = 'EPUBLICKEY';

/** Does the code of `onClose` tell of what the peer has said in a handshake, an alert or no TLS at all? Not of an end, nor of silence. */
export function isTlsError(code: string): boolean {
  return code.startsWith('ERR_SSL_');
}

/** TLS towards a back end. */
export interface ClientTls {
  readonly context: SecureContext;
  /** A session to resume, replaced by newer ones as they come. */
  session: Buffer | undefined;
  /** May the peer with this public key (SubjectPublicKeyInfo, DER) be talked to? Undefined: any may. */
  readonly accepts: ((publicKey: Buffer) => boolean) | undefined;
}

export interface Connection {
  /** Undefined where the connection is not encrypted. */
  readonly tls: TlsInfo | undefined;
  owner: ConnectionOwner;
  /** Something that was sent is not with the kernel yet, or never will be: send no more before `onDrain`. */
  readonly pending: boolean;
  readonly closed: boolean;
  /** Ask for a large private read buffer, or let go of it; takes effect when the current `onData` returns. */
  bulk: boolean;
  /** The bytes of the current `onData` lie in the private buffer: `sendBulk` can send them without a copy. */
  readonly readingBulk: boolean;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The address and port that the client connected to. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Sends what was composed in the transport's outbox and empties it. */
  send(outbox: Outbox): void;
  /**
   * Sends `[start, end)` of the private read buffer of `source`, without a copy. While `pending`, the source must stay
   * paused or have let go of the buffer.
   */
  sendBulk(source: Connection, start: number, end: number): void;
  pause(): void;
  resume(): void;
  /** Shuts down the sending side once everything is sent; reading goes on. */
  end(): void;
  /** Closes once everything is sent. Nothing more is read. */
  finish(): void;
  /** Closes at once; what was not sent is lost. */
  destroy(): void;
  /** Closes at once with a reset, so that the peer cannot take what it got for complete. */
  reset(): void;
}

/** A socket that accepts. */
export interface ListeningSocket {
  readonly address: string;
  readonly port: number;
  readonly closed: boolean;
  /** Stops accepting; open connections go on, handshakes that are not done do not. */
  close(): void;
}

export interface Transport {
  readonly name: 'handle' | 'net';
  /** Where messages are put together before `Connection.send`. */
  readonly outbox: Outbox;
  /**
   * Binds with SO_REUSEPORT. `onConnection` sets the owner; reading starts when it returns. `extra` is what all threads have
   * in common of this listener. Rejects with the system's error.
   */
  listen(
    address: string,
    port: number,
    onConnection: (connection: Connection) => void,
    tls?: ServerTls,
    extra?: ExtraSockets,
  ): Promise<ListeningSocket>;
  /** Starts to connect to an IP address; `owner` hears of the outcome, never before `connect` has returned. */
  connect(address: string, port: number, owner: ConnectionOwner, tls?: ClientTls): Connection;
}

/** What a transport tells of itself. */
export interface TransportEvents {
  /** An owner threw: the connection was ended. A defect of weir, to be logged. */
  onFailure(error: unknown): void;
  /** Accepting failed (out of file descriptors). */
  onAcceptError(code: string): void;
}
