import type { ConnectionOwner } from './transport.ts';

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
