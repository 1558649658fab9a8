/** Handshakes on one connection to a back end: is it with the one it should be, and what of it is kept for the next. */
import type { X509Certificate } from 'node:crypto';
import { MAX_RENEGOTIATIONS } from '../model/limits.ts';
import { publicKeyOf } from '../model/public-key.ts';
import type { ClientTls } from './transport.ts';

export class ClientHandshake {
  readonly #tls: ClientTls;
  #accepted = false;
  /** Of a peer that is not judged yet. */
  #session: Buffer | undefined;
  #renegotiations = 0;
  #bytesRead = 0;

  constructor(tls: ClientTls) {
    this.#tls = tls;
  }

  /** A session that could be resumed. Those of an accepted peer are kept, and no others. */
  offerSession(session: Buffer): void {
    if (this.#accepted) this.#tls.session = session;
    else this.#session = session;
  }

  /**
   * The handshake is done: may this peer be talked to? One that resumed a session was accepted when the session began,
   * and shows no certificate again.
   */
  accepts(resumed: boolean, certificate: () => X509Certificate | undefined): boolean {
    const { accepts } = this.#tls;
    this.#accepted = accepts === undefined || resumed || hasAcceptedKey(certificate(), accepts);
    if (!this.#accepted) this.failed();
    else if (this.#session !== undefined) this.#tls.session = this.#session;
    return this.#accepted;
  }

  /**
   * The peer wants another handshake, after so many bytes of data in all. Servers do where some of their paths ask for a client's
   * certificate; one that goes on and on only costs. Who was asked for a key could show another one, and has no second handshake.
   */
  mayRenegotiate(bytesRead: number): boolean {
    if (bytesRead !== this.#bytesRead) this.#renegotiations = 0;
    this.#bytesRead = bytesRead;
    return this.#tls.accepts === undefined && ++this.#renegotiations <= MAX_RENEGOTIATIONS;
  }

  /** A session that the back end does not know any more must not fail the next handshake too. */
  failed(): void {
    this.#tls.session = undefined;
  }
}

function hasAcceptedKey(certificate: X509Certificate | undefined, accepts: (publicKey: Buffer) => boolean): boolean {
  const publicKey = certificate === undefined ? undefined : publicKeyOf(certificate);
  return publicKey !== undefined && accepts(publicKey);
}
