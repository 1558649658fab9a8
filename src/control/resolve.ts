/** Addresses of instances that are registered by name: looked up, kept, looked up again, never waited for by traffic. */
import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { errorCode, messageOf } from '../kit/assert.ts';
import { sleep, type Clock, type Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { LoadBalancerId } from '../model/load-balancer.ts';
import type { Unanswered } from './control.ts';

/** All addresses of a name, in order of preference. Rejects when it has none, with the code `ENOTFOUND` if that is certain. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** Also what Node makes of a name that exists and has no address; a name server that is away or fails is `EAI_AGAIN`. */
const NOT_FOUND = 'ENOTFOUND';
/** RFC 6761 section 6.4: no such name exists, and nobody needs to be asked. */
const NEVER_A_NAME = /(?:^|\.)invalid\.?$/i;
/**
 * Names that no name server is needed for: of one label, which stand in the hosts file if anywhere, and nobody's (RFC 2606, RFC 6761).
 * Where nobody answers they are told as what they most likely are, slips of the pen and examples.
 */
const SELDOM_ANSWERED = /^[^.]+\.?$|(?:^|\.)(?:test|example(?:\.(?:com|net|org))?)\.?$/i;

/** The system's way (hosts file, then DNS). IPv4 first: what listens on IPv6 mostly listens on both. */
export const systemLookup: Lookup = async (host) => {
  if (NEVER_A_NAME.test(host)) throw Object.assign(new Error(`there is no name ${host}`), { code: NOT_FOUND });
  return (await dnsLookup(host, { all: true, order: 'ipv4first' })).map(({ address }) => address);
};

const REFRESH_MS = 30_000;
/** For whoever waits; a lookup itself cannot be ended and is only left alone. */
const PATIENCE_MS = 5000;
/** The system looks up on a few threads that it shares with file access. */
const MAX_LOOKUPS = 2;

export interface HostResolverOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly lookup: Lookup;
  /** Whether traffic may go to an address; a name can come to stand for one that must not be an instance. */
  readonly accept: (address: string) => boolean;
  /** Whether connections may be made there: a name can come to stand for our own API, and the API can come to be elsewhere. */
  readonly mayConnect: (address: string, port: number) => boolean;
  /** The address of a name has changed that these load balancers use. */
  readonly onChange: (users: readonly LoadBalancerId[]) => void;
}

/** There is no such name, or no address that may be an instance; or nobody knows. */
type Failure = 'none' | Unanswered;

interface Name {
  readonly host: string;
  readonly users: Set<LoadBalancerId>;
  /** The last that was found: a name server that is away takes no instance away. */
  address: string | undefined;
  /** Why there was none when it was asked for last. */
  failure: Failure | undefined;
  /** Asked for since the last refresh, though nobody may use it yet. */
  recent: boolean;
  lookup: Promise<void> | undefined;
}

export class HostResolver {
  readonly #options: HostResolverOptions;
  readonly #names = new Map<string, Name>();
  readonly #queue: (() => void)[] = [];
  #lookups = 0;
  #refresh: Timer | undefined;
  #stopped = false;

  constructor(options: HostResolverOptions) {
    this.#options = options;
  }

  start(): void {
    this.#refresh = this.#options.clock.every(REFRESH_MS, () => this.#refreshAll());
  }

  stop(): void {
    this.#stopped = true;
    this.#refresh?.cancel();
    this.#names.clear();
  }

  /** What `host` stands for as far as is known: an address for itself. With `port`: if connections may be made to it there. */
  addressOf(host: string, port?: number): string | undefined {
    const address = isIP(host) === 0 ? this.#names.get(host.toLowerCase())?.address : host;
    if (address === undefined || port === undefined) return address;
    return this.#options.mayConnect(address, port) ? address : undefined;
  }

  /**
   * The address of `host` now; undefined when it has none, or none that is acceptable. Where nobody answers, what was found
   * last, if anything was.
   */
  async resolve(host: string): Promise<string | Unanswered | undefined> {
    if (isIP(host) !== 0) return host;
    const name = this.#nameOf(host);
    name.recent = true;
    const tooSlow = failureOf(name, `no answer within ${PATIENCE_MS / 1000} seconds`);
    const failure = await Promise.race([
      this.#look(name).then(() => name.failure),
      sleep(this.#options.clock, PATIENCE_MS).then(() => tooSlow),
    ]);
    return failure === 'none' ? undefined : (name.address ?? failure);
  }

  /** The hosts of a load balancer's instances, from now on; none when it is gone. New names are looked up. */
  use(user: LoadBalancerId, hosts: readonly string[]): void {
    const wanted = new Set(hosts.filter((host) => isIP(host) === 0).map((host) => host.toLowerCase()));
    for (const name of this.#names.values()) if (!wanted.has(name.host)) name.users.delete(user);
    for (const host of wanted) {
      const name = this.#nameOf(host);
      name.users.add(user);
      if (name.address === undefined) void this.#look(name);
    }
  }

  /** Waits for the lookups under way, but not for long. */
  async settle(): Promise<void> {
    const lookups = [...this.#names.values()].map((name) => name.lookup).filter((lookup) => lookup !== undefined);
    await Promise.race([Promise.all(lookups), sleep(this.#options.clock, PATIENCE_MS)]);
  }

  #nameOf(host: string): Name {
    const key = host.toLowerCase();
    let name = this.#names.get(key);
    if (name === undefined) {
      name = { host: key, users: new Set(), address: undefined, failure: undefined, recent: true, lookup: undefined };
      this.#names.set(key, name);
    }
    return name;
  }

  #refreshAll(): void {
    for (const name of this.#names.values()) {
      if (name.users.size === 0 && !name.recent) this.#names.delete(name.host);
      else void this.#look(name);
      name.recent = false;
    }
  }

  /** Looks `name` up, unless that is being done already. Never rejects. */
  #look(name: Name): Promise<void> {
    name.lookup ??= this.#turn()
      .then(() => this.#options.lookup(name.host))
      .then(
        (addresses) => this.#found(name, addresses),
        (error) => {
          const reason = messageOf(error);
          this.#failed(name, errorCode(error) === NOT_FOUND ? 'none' : failureOf(name, reason), reason);
        },
      )
      .finally(() => {
        name.lookup = undefined;
        this.#passTurn();
      });
    return name.lookup;
  }

  async #turn(): Promise<void> {
    if (this.#lookups < MAX_LOOKUPS) this.#lookups++;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  #passTurn(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#lookups--;
    else next();
  }

  #found(name: Name, addresses: readonly string[]): void {
    const acceptable = addresses.filter((address) => this.#options.accept(address));
    if (acceptable.length === 0) {
      this.#failed(name, 'none', `it stands for ${addresses.join(', ') || 'no address'}, which may not be an instance`);
      return;
    }
    name.failure = undefined;
    // Servers rotate their answers: as long as ours is among them, nothing has changed.
    if (name.address !== undefined && acceptable.includes(name.address)) return;
    const before = name.address;
    name.address = acceptable[0]!;
    if (before !== undefined) {
      this.#options.log.info({ host: name.host, before, address: name.address }, 'host name has a new address');
    }
    this.#changed(name);
  }

  #failed(name: Name, failure: Failure, reason: string): void {
    if (name.failure === undefined && name.users.size > 0 && !this.#stopped) {
      const goesOn = name.address === undefined ? 'its instances have no traffic' : `${name.address} stays in use`;
      this.#options.log.warn({ host: name.host, reason }, `host name of an instance has no address: ${goesOn}`);
    }
    name.failure = failure;
  }

  #changed(name: Name): void {
    if (name.users.size > 0 && !this.#stopped) this.#options.onChange([...name.users]);
  }
}

/** What it means that nobody has answered. */
function failureOf({ host, address }: Name, cause: string): Failure {
  return address === undefined && SELDOM_ANSWERED.test(host) ? 'none' : { cause };
}
