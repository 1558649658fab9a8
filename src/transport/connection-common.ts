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

/**
 * An address as it is told to others. IPv4 addresses that came in over a dual-stack socket are written as what they are;
 * the zone of a link-local one (`fe80::1%eth0`, RFC 4007) means something on this machine alone.
 */
export function unmapped(address: string | undefined): string {
  if (address === undefined) return '';
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7);
  const zone = address.indexOf('%');
  return zone === -1 ? address : address.slice(0, zone);
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
