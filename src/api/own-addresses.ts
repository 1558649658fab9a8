/** Which addresses lead to this process's own API. */
import { networkInterfaces } from 'node:os';
import { present } from '../kit/assert.ts';
import { networkContains, parseIp, parseNetwork } from '../kit/ip.ts';
import { canonicalAddress } from '../model/instance-address.ts';

export interface Bound {
  readonly host: string;
  readonly port: number;
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'].map((text) => present(parseNetwork(text), text));

/** An IPv4-mapped IPv6 address leads where the IPv4 address does; a name stays one. */
function canonical(text: string): string {
  return canonicalAddress(text) ?? text;
}

/** Whether only this machine can reach the address. */
export function isLoopback(text: string): boolean {
  const address = parseIp(canonical(text));
  return address !== undefined && LOOPBACK.some((network) => networkContains(network, address));
}

/** Addresses of this machine: all of loopback, and what its interfaces have now. */
function isLocal(text: string): boolean {
  if (isLoopback(text)) return true;
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => canonical(one.address) === text));
}

/** Whether a connection to `address` and `port` reaches a server that listens on `bound`. */
export function reaches(bound: Bound, address: string, port: number): boolean {
  if (port !== bound.port) return false;
  const [target, own] = [canonical(address), canonical(bound.host)];
  return own === '0.0.0.0' || own === '::' ? isLocal(target) : own === target;
}
