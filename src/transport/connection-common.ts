import type { TLSSocket } from 'node:tls';
import type { ConnectionOwner, TlsInfo } from './transport.ts';

function ignore(): void {}

/** Owner of a connection that nobody listens to any more. */
export const NOBODY: ConnectionOwner = {
  onConnect: ignore,
  onData: ignore,
  onEnd: ignore,
  onDrain: ignore,
  onClose: ignore,
};

/** IPv4 addresses that came in over a dual-stack socket are written as what they are. */
export function unmapped(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** What the handshake of a socket of `node:tls` has agreed on. */
export function infoOf(socket: TLSSocket): TlsInfo {
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    resumed: socket.isSessionReused(),
  };
}

/** What a socket broke with: the code of the system, or of OpenSSL in Node's spelling. */
export function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? 'ECONNRESET';
}
