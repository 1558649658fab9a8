/**
 * Which address a load balancer gets: one of its own while the pool has free ones; after that it shares one, where
 * its ports are free. Nothing here asks the machine: whether an address can be bound is tried before the commit.
 */
import { assert, present } from '../kit/assert.ts';
import { formatIp, networkContains, parseIp, parseNetwork } from '../kit/ip.ts';
import type { IpAddress, Network } from '../kit/ip.ts';

/** An address that is in use, and by whom. */
export interface Holder<Owner> {
  readonly owner: Owner;
  readonly address: string;
  /** Load balancer ports in use. */
  readonly ports: readonly number[];
}

/** Two load balancers want the same port where they share an address. */
export interface PortClash<Owner> {
  readonly owner: Owner;
  readonly address: string;
  readonly port: number;
}

export type Assignment<Owner> = { readonly address: string } | { readonly clash: PortClash<Owner> };

const BITS = { 4: 32, 6: 128 } as const;

/** `0.0.0.0` stands for every IPv4 address, `::` for every address: sockets on it take IPv4 as well. */
function covers(wildcard: string, address: string): boolean {
  return wildcard === '::' || (wildcard === '0.0.0.0' && parseIp(address)?.family === 4);
}

/** Whether sockets on both could be asked for the same connection. */
export function meets(a: string, b: string): boolean {
  return a === b || covers(a, b) || covers(b, a);
}

/** The first of `ports` on `address` that another holder has, on that address or on one that covers it. */
export function findClash<Owner>(
  address: string,
  ports: readonly number[],
  holders: readonly Holder<Owner>[],
): PortClash<Owner> | undefined {
  for (const holder of holders) {
    const port = ports.find((port) => holder.ports.includes(port));
    if (port !== undefined && meets(address, holder.address)) return { owner: holder.owner, address, port };
  }
  return undefined;
}

/** What of a network can be given away: not the network and broadcast addresses, nor the subnet-router anycast one. */
function usableRange({ family, first, prefix }: Network): { readonly from: bigint; readonly to: bigint } {
  const size = 1n << BigInt(BITS[family] - prefix);
  // Point-to-point networks use both their addresses (RFC 3021, RFC 6164).
  if (size <= 2n) return { from: first, to: first + size - 1n };
  return { from: first + 1n, to: first + size - (family === 4 ? 2n : 1n) };
}

function isUsable(network: Network, address: IpAddress): boolean {
  const { from, to } = usableRange(network);
  return networkContains(network, address) && address.value >= from && address.value <= to;
}

/** The lowest address of the network that nobody has. Looks at most at one more than are taken. */
function firstFree(network: Network, taken: ReadonlySet<string>): string | undefined {
  const { from, to } = usableRange(network);
  for (let value = from; value <= to; value++) {
    const address = formatIp({ family: network.family, value });
    if (!taken.has(address)) return address;
  }
  return undefined;
}

/** Addresses of the pool that somebody has, those with the fewest holders first, in the order of the pool. */
function sharedAddresses(pool: readonly Network[], holders: readonly Holder<unknown>[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { address } of holders) counts.set(address, (counts.get(address) ?? 0) + 1);
  return pool
    .flatMap((network) => {
      const inside = Array.from(counts.keys(), (text) => present(parseIp(text), 'an address in use'));
      const usable = inside.filter((address) => isUsable(network, address));
      return usable.toSorted((a, b) => (a.value < b.value ? -1 : 1)).map(formatIp);
    })
    .toSorted((a, b) => counts.get(a)! - counts.get(b)!);
}

/**
 * The address for a load balancer with these ports. `pool` is addresses and networks of the configuration, checked
 * and not empty; `holders` are the other load balancers of the process. A clash names the holder of the port on the
 * address that would have been the best.
 */
export function assignAddress<Owner>(
  pool: readonly string[],
  ports: readonly number[],
  holders: readonly Holder<Owner>[],
): Assignment<Owner> {
  assert(pool.length > 0, 'a pool has addresses');
  const networks = pool.map((text) => present(parseNetwork(text), `an address or network: ${text}`));
  const taken = new Set(holders.map(({ address }) => address));
  // A free address can clash with a wildcard only, and then so does every free address of that network.
  const free = networks.map((network) => firstFree(network, taken)).filter((address) => address !== undefined);
  let best: PortClash<Owner> | undefined;
  for (const address of [...free, ...sharedAddresses(networks, holders)]) {
    const clash = findClash(address, ports, holders);
    if (clash === undefined) return { address };
    best ??= clash;
  }
  return { clash: present(best, 'an address in the pool') };
}
