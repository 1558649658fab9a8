/** IP addresses as numbers, and networks in CIDR form (RFC 4632, RFC 4291 2.2). No zone ids (`%eth0`). */
import { isIPv4, isIPv6 } from 'node:net';

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** All addresses whose first `prefix` bits are those of `first`. A single address is a network of the full prefix. */
export interface Network {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;

/** Undefined for what is no address. `::ffff:1.2.3.4` stays an IPv6 address. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: 4, value: ipv4Value(text) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n);
  return { family: 6, value: [...before, ...zeros, ...after].reduce((value, group) => (value << 16n) | group, 0n) };
}

/** The canonical text (RFC 5952: lower case, the longest run of zero groups as `::`). */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const runs = `:${groups.join(':')}:`.match(/:(?:0:){2,}/g) ?? [];
  const longest = runs.reduce((longest, run) => (run.length > longest.length ? run : longest), '');
  if (longest === '') return groups.join(':');
  const [before, after] = splitOnce(`:${groups.join(':')}:`, longest);
  return `${before.slice(1)}::${after.slice(0, -1)}`;
}

/** An address, or a name, as it stands in a URI or in Host: IPv6 in brackets (RFC 3986 3.2.2). */
export function hostOf(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

/** An address, or a network in CIDR form; bits below the prefix are dropped. Undefined for what is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [host = '', length, ...rest] = text.split('/');
  const address = parseIp(host);
  if (address === undefined || rest.length > 0) return undefined;
  const bits = BITS[address.family];
  if (length !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefix = length === undefined ? bits : Number(length);
  if (prefix > bits) return undefined;
  const below = BigInt(bits - prefix);
  return { family: address.family, first: (address.value >> below) << below, prefix };
}

/** `10.0.0.0/8`, always with its prefix. */
export function formatNetwork({ family, first, prefix }: Network): string {
  return `${formatIp({ family, value: first })}/${prefix}`;
}

/** False for an address of the other family. */
export function networkContains(network: Network, address: IpAddress): boolean {
  const below = BigInt(BITS[network.family] - network.prefix);
  return address.family === network.family && address.value >> below === network.first >> below;
}

function ipv4Value(text: string): bigint {
  return text.split('.').reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

/** The 16-bit groups of one side of `::`; an IPv4 address at the end is two of them. */
function groupsOf(side: string): bigint[] {
  if (side === '') return [];
  return side.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const value = ipv4Value(group);
    return [value >> 16n, value & 0xffffn];
  });
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
}
