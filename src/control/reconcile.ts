/**
 * Makes the running system follow the records: each change is compiled, compared with what threads have, and sent if it
 * is different. Slots, health and drains live beside the records and survive every change of them.
 */
import { isDeepStrictEqual } from 'node:util';
import { present } from '../kit/assert.ts';
import type { HealthMonitor } from '../health/monitor.ts';
import { isTls, type Instance, type Listener, type LoadBalancer, type LoadBalancerId } from '../model/load-balancer.ts';
import { stickinessOf } from '../model/stickiness-policy.ts';
import type { AccessLogs } from '../observe/access-logs.ts';
import { forgetGauges, makeCounters } from '../traffic/counters.ts';
import type { CompiledLoadBalancer, CompiledTls, TargetReport } from '../traffic/snapshot.ts';
import { TARGET_STATE } from '../traffic/target-table.ts';
import { countedZones } from '../traffic/zone-counters.ts';
import { compile, drainingTimeoutMs, wantedTargets, type CompiledConfiguration } from './compile.ts';
import type { Drains } from './drains.ts';
import type { ListenerGate } from './listener-gate.ts';
import type { HostResolver } from './resolve.ts';
import { retire, type Retired } from './retired.ts';
import type { SlotHolder, Slots } from './slots.ts';
import type { Snapshot } from './supervisor.ts';
import type { TlsReport } from './tls-reports.ts';
import type { TlsSettings } from './tls-settings.ts';
import { noteUnreached } from './unreached.ts';

export interface ReconcilerOptions {
  readonly threads: number;
  readonly configuration: CompiledConfiguration;
  readonly slots: Slots;
  readonly drains: Drains;
  readonly gate: ListenerGate;
  readonly resolver: HostResolver;
  readonly monitor: HealthMonitor;
  readonly tls: TlsSettings;
  /** Of sticky cookies, the first one to make them with. */
  readonly cookieKeys: () => readonly Uint8Array[];
  /** What is to be told of the TLS of a load balancer, before and now. */
  readonly onTls: (record: LoadBalancer, before: readonly TlsReport[], now: readonly TlsReport[]) => void;
  /** Tells the threads; the number of the message is returned. */
  readonly apply: (change: Snapshot) => number;
  readonly cut: (slots: readonly number[]) => void;
  /** A load balancer that runs is about to be taken away. */
  readonly onRemove: (id: LoadBalancerId, running: Running) => void;
  /** Undefined: nothing is logged. */
  readonly accessLogs: Pick<AccessLogs, 'ordinalOf' | 'forget' | 'threadEnded'> | undefined;
}

/** A load balancer as it runs. */
export interface Running {
  readonly record: LoadBalancer;
  /** Of the record, by id. */
  readonly instances: ReadonlyMap<string, Instance>;
  readonly compiled: CompiledLoadBalancer;
  readonly counters: SharedArrayBuffer;
  /** Its targets, by instance and port ({@link targetKey}). */
  readonly holders: ReadonlyMap<string, SlotHolder>;
  /** Of its listeners with TLS. */
  readonly tlsReports: readonly TlsReport[];
}

/** What a commit changed; undefined: deleted. */
export type RecordChange = readonly [LoadBalancerId, LoadBalancer | undefined];

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #running = new Map<LoadBalancerId, Running>();
  #configuration: CompiledConfiguration;
  #revision = 0;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#configuration = options.configuration;
  }

  get revision(): number {
    return this.#revision;
  }

  get running(): ReadonlyMap<LoadBalancerId, Running> {
    return this.#running;
  }

  /** Everything, for a thread that starts. */
  snapshot(): Snapshot {
    const upserts = [...this.#running.values()].map(({ compiled }) => compiled);
    return { revision: this.#revision, upserts, removals: [] };
  }

  /**
   * Follows one commit. Threads are told of every revision, changed or not, so that what they serve can be compared with
   * the store. `knownBefore`: the records are those that the process found when it started.
   */
  commit(revision: number, changes: readonly RecordChange[], knownBefore = false): void {
    const retired: Retired[] = [];
    const removals: LoadBalancerId[] = [];
    // Deletions first: the ports that they give up may be what another load balancer asks for in the same commit.
    for (const [id, record] of changes) {
      if (record !== undefined) continue;
      const gone = this.#remove(id);
      if (gone === undefined) continue;
      retired.push(gone);
      removals.push(id);
    }
    const upserts: CompiledLoadBalancer[] = [];
    for (const [id, record] of changes) {
      if (record === undefined) continue;
      const before = this.#running.get(id);
      const holders = this.#settle(id, record, knownBefore);
      if (before !== undefined) retired.push(...retire(before.holders, record, holders));
      const changed = this.#compile(id, record, holders);
      if (changed !== undefined) upserts.push(changed);
    }
    this.#revision = revision;
    const sequence = this.#options.apply({ revision, upserts, removals });
    for (const { holders, reason, timeoutMs } of retired) {
      this.#options.drains.begin(holders, reason, timeoutMs, sequence);
    }
  }

  /** What the hosts of these load balancers' instances stand for has changed, or where traffic may go. */
  readdress(ids: readonly LoadBalancerId[]): void {
    for (const id of ids) {
      const running = this.#running.get(id);
      if (running !== undefined) this.#options.monitor.watch(running.record, this.#addressOf, false);
    }
    this.recompile(ids);
  }

  /** Something besides the records has changed, such as a port that may be bound now. */
  recompile(ids: Iterable<LoadBalancerId>): void {
    const upserts: CompiledLoadBalancer[] = [];
    for (const id of ids) {
      const running = this.#running.get(id);
      if (running === undefined) continue;
      const changed = this.#compile(id, running.record, running.holders);
      if (changed !== undefined) upserts.push(changed);
    }
    if (upserts.length > 0) this.#options.apply({ revision: this.#revision, upserts, removals: [] });
  }

  /** Has threads try again what they could not bind. */
  resend(ids: Iterable<LoadBalancerId>): void {
    const upserts = [...ids].flatMap((id) => this.#running.get(id)?.compiled ?? []);
    if (upserts.length > 0) this.#options.apply({ revision: this.#revision, upserts, removals: [] });
  }

  /** The configuration was read again. */
  reconfigure(configuration: CompiledConfiguration): void {
    this.#configuration = configuration;
    this.readdress([...this.#running.keys()]);
  }

  /** An instance came into service or left it. */
  onHealth(id: LoadBalancerId, instanceId: string, inService: boolean): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    const holders = [...running.holders.values()].filter((holder) => holder.instanceId === instanceId);
    for (const { slot } of holders) this.#setState(slot, inService);
    if (inService || running.record.attributes.connectionDraining.enabled || holders.length === 0) return;
    this.#options.cut(holders.map(({ slot }) => slot));
  }

  /** A health check has come to no connection. */
  onUnreached = (id: LoadBalancerId, instanceId: string): void => noteUnreached(this.#running.get(id), instanceId);

  /** Traffic has found out something about a target. */
  onReport(report: TargetReport): void {
    const { monitor, slots } = this.#options;
    const holder = slots.holderOf(report.slot);
    if (holder === undefined) return;
    const { loadBalancer, instanceId, instancePort } = holder;
    if (report.type === 'publicKeyRefused') monitor.publicKeyRefused(loadBalancer, instanceId, instancePort);
    else if (report.type === 'tlsFailed') monitor.tlsFailed(loadBalancer, instanceId, instancePort);
    else monitor.shortKeepAlive(loadBalancer, instanceId, instancePort, report.idleMs);
  }

  /** Load balancers that end TLS. */
  get withTls(): LoadBalancer[] {
    return this.#recordsWith(({ protocol }) => isTls(protocol));
  }

  /** Load balancers with sticky sessions. */
  get withStickiness(): LoadBalancer[] {
    return this.#recordsWith((listener, record) => stickinessOf(record, listener) !== undefined);
  }

  #recordsWith(has: (listener: Listener, record: LoadBalancer) => boolean): LoadBalancer[] {
    const records = Array.from(this.#running.values(), ({ record }) => record);
    return records.filter((record) => record.listeners.some((listener) => has(listener, record)));
  }

  /** Takes back what a thread that is no more had counted. */
  forgetThread(thread: number): void {
    this.#options.accessLogs?.threadEnded(thread);
    for (const page of this.#options.slots.table.pages) page.forgetThread(thread);
    for (const { counters } of this.#running.values()) forgetGauges(counters, thread);
  }

  #addressOf = (host: string, port?: number) => this.#options.resolver.addressOf(host, port);

  #remove(id: LoadBalancerId): Retired | undefined {
    const running = this.#running.get(id);
    if (running === undefined) return undefined;
    const { gate, resolver, monitor, onRemove } = this.#options;
    onRemove(id, running);
    gate.want({ id, name: running.record.name }, []);
    resolver.use(id, []);
    monitor.forget(id);
    this.#options.accessLogs?.forget(id);
    this.#running.delete(id);
    return {
      holders: [...running.holders.values()],
      reason: 'load-balancer-deleted',
      timeoutMs: drainingTimeoutMs(running.record),
    };
  }

  /** Gets `record` the names, ports, probes and slots that it wants. Returns the slots. */
  #settle(id: LoadBalancerId, record: LoadBalancer, knownBefore: boolean): ReadonlyMap<string, SlotHolder> {
    const { gate, resolver, monitor, slots, drains } = this.#options;
    const hosts = record.instances.map((instance) => instance.host);
    resolver.use(id, hosts);
    gate.want(
      { id, name: record.name },
      record.listeners.map((listener) => ({ address: record.address, port: listener.loadBalancerPort })),
    );
    monitor.watch(record, this.#addressOf, knownBefore);
    const holders = new Map<string, SlotHolder>();
    for (const { instanceId, instancePort } of wantedTargets(record)) {
      const holder = slots.allot(id, instanceId, instancePort);
      drains.end(holder.slot);
      this.#setState(holder.slot, monitor.inService(id, instanceId));
      holders.set(targetKey(instanceId, instancePort), holder);
    }
    return holders;
  }

  /** Compiles a load balancer and remembers how it runs. Undefined when threads have exactly that already. */
  #compile(
    id: LoadBalancerId,
    record: LoadBalancer,
    holders: ReadonlyMap<string, SlotHolder>,
  ): CompiledLoadBalancer | undefined {
    const before = this.#running.get(id);
    const counters = before?.counters ?? makeCounters(this.#options.threads);
    const tlsReports: TlsReport[] = [];
    const compiled = compile(record, {
      configuration: this.#configuration,
      cookieKeys: this.#options.cookieKeys,
      addressOf: this.#addressOf,
      slotOf: (instanceId, instancePort) =>
        present(holders.get(targetKey(instanceId, instancePort)), 'slot of a wanted target').slot,
      mayListen: ({ loadBalancerPort }) =>
        this.#options.gate.mayListen(id, { address: record.address, port: loadBalancerPort }),
      tlsOf: (listener) => this.#tlsOf(record, listener, before, tlsReports),
      accessLog: this.#options.accessLogs?.ordinalOf(record),
      countedZones: countedZones(before?.compiled.countedZones ?? [], record.zones),
      counters,
    });
    const unchanged = before !== undefined && isSame(before.compiled, compiled);
    const instances =
      before?.record === record ? before.instances : new Map(record.instances.map((one) => [one.instanceId, one]));
    this.#running.set(id, { record, instances, holders, counters, compiled, tlsReports });
    this.#options.onTls(record, before?.tlsReports ?? [], tlsReports);
    return unchanged ? undefined : compiled;
  }

  /** What the listener serves: where what it should have cannot be used, what it had before goes on. */
  #tlsOf(
    record: LoadBalancer,
    listener: Listener,
    before: Running | undefined,
    reports: TlsReport[],
  ): CompiledTls | undefined {
    const { protocol, loadBalancerPort: port } = listener;
    const { tls: wanted, problem, policy, notOffered } = this.#options.tls.of(record, listener);
    const had = before?.compiled.listeners.find((other) => other.port === port && other.protocol === protocol)?.tls;
    const tls = wanted ?? had;
    reports.push({ address: record.address, port, problem, policy, notOffered, serves: tls !== undefined });
    return tls;
  }

  #setState(slot: number, inService: boolean): void {
    this.#options.slots.setState(slot, inService ? TARGET_STATE.inService : TARGET_STATE.outOfService);
  }
}

/** Counters are left out: they are the same memory or belong to another load balancer, and change all the time. */
function isSame(a: CompiledLoadBalancer, b: CompiledLoadBalancer): boolean {
  return isDeepStrictEqual({ ...a, counters: undefined }, { ...b, counters: undefined });
}

function targetKey(instanceId: string, instancePort: number): string {
  return `${instanceId} ${instancePort}`;
}
