/**
 * What the EC2 endpoint of the configuration knows: instances by id, and the network. Kept, asked for again, and never
 * waited for by traffic: an endpoint that is away takes nothing away that was known.
 */
import { isDeepStrictEqual } from 'node:util';
import { sleep, type Clock, type Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { AwsKey, Configuration, Ec2Endpoint } from '../model/configuration.ts';
import { EC2_ENDPOINT } from '../model/limits.ts';
import {
  readInstances,
  readSecurityGroups,
  readSubnets,
  readZones,
  type Ec2Instance,
  type Ec2Network,
} from './ec2-answers.ts';
import { Ec2Client, Ec2Failure, type Parameters } from './ec2-client.ts';
import type { XmlElement } from './ec2-xml.ts';

export interface Ec2DirectoryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The endpoint of the configuration in force; undefined where there is none. */
  readonly endpoint: () => Ec2Endpoint | undefined;
  readonly key: (endpoint: Ec2Endpoint) => AwsKey | Ec2Failure;
  /** Ids of instances that load balancers have and that only EC2 can know. */
  readonly registered: () => readonly string[];
  /** Zones, subnets or security groups are others now. */
  readonly onNetwork: () => void;
  /** Everything was asked for again, as happens from time to time. */
  readonly onRefresh: () => void;
}

/** What a call of the API has to know before it is decided. */
export interface Ec2Needs {
  /** Ids of instances. */
  readonly instances?: readonly string[];
  /** Names of zones, ids of subnets and security groups. */
  readonly network?: readonly string[];
}

interface Known extends Ec2Instance {
  /** Monotonic time of the answer. */
  readonly atMs: number;
}

export class Ec2Directory {
  readonly #options: Ec2DirectoryOptions;
  readonly #instances = new Map<string, Known>();
  #network: Ec2Network | undefined;
  #networkAtMs = -Infinity;
  /** What all of it is from. */
  #source: Ec2Endpoint | undefined;
  #asking = 0;
  #failing = false;
  #refresh: Timer | undefined;

  constructor(options: Ec2DirectoryOptions) {
    this.#options = options;
  }

  /** Asks for everything, and from then on again and again. Waits for the first answers, but not for long. */
  async start(): Promise<void> {
    this.#refresh = this.#options.clock.every(EC2_ENDPOINT.refreshMs, () => void this.#refreshInTurn());
    await Promise.race([this.refresh(), sleep(this.#options.clock, EC2_ENDPOINT.patienceMs)]);
  }

  stop(): void {
    this.#refresh?.cancel();
  }

  /** Whether an endpoint is configured. */
  get isConfigured(): boolean {
    return this.#options.endpoint() !== undefined;
  }

  /** Where the instance is, as far as is known. */
  instance(id: string): Ec2Instance | undefined {
    return this.#current() ? this.#instances.get(id) : undefined;
  }

  /** `configuration` with what EC2 has of zones, subnets and groups; what the configuration says itself wins. */
  complete(configuration: Configuration): Configuration {
    if (!this.#current() || this.#network === undefined) return configuration;
    const { zones, subnets, securityGroups } = this.#network;
    return {
      ...configuration,
      zones: configuration.zones.length > 0 ? configuration.zones : zones,
      subnets: { ...subnets, ...configuration.subnets },
      securityGroups: { ...securityGroups, ...named(configuration.securityGroups, securityGroups) },
    };
  }

  /** Sees to it that what is needed is known as of late. Undefined, or why not; where no endpoint is, nothing is needed. */
  async ensure({ instances = [], network = [] }: Ec2Needs): Promise<Ec2Failure | undefined> {
    if (!this.#current()) return undefined;
    const freshMs = this.#options.clock.monotonicMs() - EC2_ENDPOINT.refreshMs;
    const unknown = instances.filter((id) => (this.#instances.get(id)?.atMs ?? -Infinity) < freshMs);
    const asked = network.length > 0 && (this.#networkAtMs < freshMs || network.some((name) => !this.#knows(name)));
    return (
      (unknown.length > 0 ? await this.#askInstances(unknown) : undefined) ??
      (asked ? await this.#askNetwork() : undefined)
    );
  }

  /** Asks for the network and for the registered instances again. */
  async refresh(): Promise<void> {
    if (!this.#current()) return;
    const registered = this.#options.registered();
    const wanted = new Set(registered);
    for (const id of this.#instances.keys()) if (!wanted.has(id)) this.#instances.delete(id);
    const failure =
      (await this.#askNetwork()) ?? (registered.length > 0 ? await this.#askInstances(registered) : undefined);
    this.#tell(failure);
  }

  async #refreshInTurn(): Promise<void> {
    if (!this.isConfigured) return;
    await this.refresh();
    this.#options.onRefresh();
  }

  /** Whether there is an endpoint. What another one has said is forgotten. */
  #current(): boolean {
    const endpoint = this.#options.endpoint();
    if (!isDeepStrictEqual(endpoint, this.#source)) {
      this.#source = endpoint;
      this.#instances.clear();
      this.#network = undefined;
      this.#networkAtMs = -Infinity;
    }
    return endpoint !== undefined;
  }

  #knows(name: string): boolean {
    const { zones = [], subnets = {}, securityGroups = {} } = this.#network ?? {};
    return zones.includes(name) || Object.hasOwn(subnets, name) || Object.hasOwn(securityGroups, name);
  }

  async #askInstances(ids: readonly string[]): Promise<Ec2Failure | undefined> {
    for (let first = 0; first < ids.length; first += EC2_ENDPOINT.idsPerCall) {
      const some = ids.slice(first, first + EC2_ENDPOINT.idsPerCall);
      // By a filter: an id that is not there is left out, where a list of ids would be refused as a whole.
      const values = some.map((id, index) => [`Filter.1.Value.${index + 1}`, id] as const);
      const parameters = { 'Filter.1.Name': 'instance-id', ...Object.fromEntries(values), MaxResults: PAGE_SIZE };
      const pages = await this.#ask('DescribeInstances', parameters);
      if (pages instanceof Ec2Failure) return pages;
      const atMs = this.#options.clock.monotonicMs();
      const found = readInstances(pages);
      for (const id of some) {
        const instance = found.get(id);
        // One that EC2 does not know any more is not to be registered anew. Where it is registered, its record stays.
        if (instance === undefined) this.#instances.delete(id);
        else this.#instances.set(id, { ...instance, atMs });
      }
    }
    return undefined;
  }

  async #askNetwork(): Promise<Ec2Failure | undefined> {
    const zones = await this.#ask('DescribeAvailabilityZones', {});
    if (zones instanceof Ec2Failure) return zones;
    const subnets = await this.#ask('DescribeSubnets', { MaxResults: PAGE_SIZE });
    if (subnets instanceof Ec2Failure) return subnets;
    const groups = await this.#ask('DescribeSecurityGroups', { MaxResults: PAGE_SIZE });
    if (groups instanceof Ec2Failure) return groups;
    const network = {
      zones: readZones(zones),
      subnets: readSubnets(subnets),
      securityGroups: readSecurityGroups(groups),
    };
    this.#networkAtMs = this.#options.clock.monotonicMs();
    if (isDeepStrictEqual(network, this.#network)) return undefined;
    this.#network = network;
    this.#options.onNetwork();
    return undefined;
  }

  async #ask(action: string, parameters: Parameters): Promise<readonly XmlElement[] | Ec2Failure> {
    const { clock, endpoint: endpointOf, key } = this.#options;
    const endpoint = endpointOf();
    if (endpoint === undefined) return new Ec2Failure('no EC2 endpoint is configured any more');
    if (this.#asking >= EC2_ENDPOINT.maxAsking) return new Ec2Failure('too many calls wait for it already');
    this.#asking++;
    try {
      const pages = await new Ec2Client({ clock, endpoint, key: () => key(endpoint) }).describe(action, parameters);
      if (isDeepStrictEqual(endpoint, endpointOf())) return pages;
      return new Ec2Failure('another EC2 endpoint was configured meanwhile');
    } finally {
      this.#asking--;
    }
  }

  /** Once when it begins, once when it is over. */
  #tell(failure: Ec2Failure | undefined): void {
    const fields = { endpoint: this.#source?.url };
    if (failure !== undefined && !this.#failing) {
      this.#options.log.warn(
        { ...fields, cause: failure.message },
        'the EC2 endpoint does not answer as it should: what is known of it stays in use',
      );
    } else if (failure === undefined && this.#failing) this.#options.log.info(fields, 'the EC2 endpoint answers again');
    this.#failing = failure !== undefined;
  }
}

/** `own` with what EC2 has for their names, where it has the groups too. */
function named(own: SecurityGroups, ec2: SecurityGroups): SecurityGroups {
  return Object.fromEntries(Object.entries(own).map(([id, group]) => [id, { ...ec2[id], ...group }]));
}

type SecurityGroups = Configuration['securityGroups'];

const PAGE_SIZE = '1000';
