/** What the kernel tells of listening sockets. */
import { readFileSync } from 'node:fs';

/** How many sockets listen there, from /proc/net/tcp: each traffic thread has one of its own. */
export function listeningSockets(address: string, port: number): number {
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
  const bytes = address.split('.').map((part) => hex(Number(part), 2));
  const local = `${bytes.reverse().join('')}:${hex(port, 4)}`;
  const listening = new RegExp(`^ *\\d+: ${local} \\S+ 0A `, 'gm');
  return readFileSync('/proc/net/tcp', 'latin1').match(listening)?.length ?? 0;
}
