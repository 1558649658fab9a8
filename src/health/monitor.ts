/**
 * The health of every registered instance of every load balancer: what is probed follows the records, what is found is
 * counted and reported. Health belongs to (load balancer, instance) and outlives every change of configuration.
 */
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import { backendPublicKeys, encrypts } from '../model/backend-policies.ts';
import { HEALTH_CHECK } from '../model/limits.ts';
import { idOf, type Instance, type LoadBalancer, type LoadBalancerId } from '../model/load-balancer.ts';
import { ChangeLog } from './change-log.ts';
import { KeepAliveLog } from './keep-alive-log.ts';
import { withKeyChecks } from './key-checks.ts';
import type { Probe } from './probe.ts';
import { same, sameQuestion, targetOf, type AddressOf, type Probed } from './probed.ts';
import { ProbeSchedule, type ScheduledTarget } from './schedule.ts';
import {
  effectiveStatus,
  initialHealth,
  observe,
  PUBLIC_KEY_REFUSED_CAUSE,
  restartCounts,
  type Health,
  type ProbeResult,
} from './threshold-counter.ts';

export interface HealthMonitorOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly probe: Probe;
  readonly log: Log;
  /** Called when an instance comes into service or leaves it. */
  readonly onChange: (loadBalancer: LoadBalancerId, instanceId: string, inService: boolean) => void;
  /** A check of the instance has come to no connection. */
  readonly onUnreached?: (loadBalancer: LoadBalancerId, instanceId: string) => void;
}

interface Watched extends Probed {
  readonly loadBalancer: LoadBalancerId;
  readonly instanceId: string;
  readonly registeredTimeMs: number;
  readonly changes: ChangeLog;
  readonly keepAlive: KeepAliveLog;
  record: LoadBalancer;
  instance: Instance;
  addressOf: AddressOf;
  /** What is probed; undefined only until it is known for the first time. */
  target: ScheduledTarget | undefined;
  health: Health;
  suspectPorts: readonly number[];
  /** When the instance was last probed for that, on the monotonic clock. */
  suspectedMs: number;
}

export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  readonly #watched = new Map<LoadBalancerId, Map<string, Watched>>();
  readonly #byKey = new Map<string, Watched>();
  readonly #schedule: ProbeSchedule;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
    this.#schedule = new ProbeSchedule({
      clock: options.clock,
      random: options.random,
      probe: withKeyChecks(options.probe),
      maxInFlight: HEALTH_CHECK.maxInFlight,
      onResult: (key, result) => this.#onResult(key, result),
    });
  }

  get probesInFlight(): number {
    return this.#schedule.inFlight;
  }

  /**
   * Follows `record`: new instances are probed at once, those that are gone no more, and a changed check starts anew on
   * all. `knownBefore`: the instances were registered before this process started.
   */
  watch(record: LoadBalancer, addressOf: AddressOf, knownBefore: boolean): void {
    const id = idOf(record);
    const before = this.#watched.get(id) ?? new Map<string, Watched>();
    const after = new Map<string, Watched>();
    for (const instance of record.instances) {
      const known = before.get(instance.instanceId);
      const watched =
        known?.registeredTimeMs === instance.registeredTimeMs
          ? known
          : this.#begin(record, instance, addressOf, knownBefore);
      const asked = watched.record;
      watched.record = record;
      watched.instance = instance;
      watched.addressOf = addressOf;
      this.#aim(watched);
      this.#forgetUnasked(watched, asked);
      after.set(instance.instanceId, watched);
    }
    for (const watched of before.values()) {
      if (!after.has(watched.instanceId)) this.#end(watched);
    }
    this.#watched.set(id, after);
  }

  /** The load balancer is gone. */
  forget(id: LoadBalancerId): void {
    for (const watched of this.#watched.get(id)?.values() ?? []) this.#end(watched);
    this.#watched.delete(id);
  }

  /** Undefined when the instance is not registered. */
  of(id: LoadBalancerId, instanceId: string): Health | undefined {
    return this.#watched.get(id)?.get(instanceId)?.health;
  }

  inService(id: LoadBalancerId, instanceId: string): boolean {
    const health = this.of(id, instanceId);
    return health !== undefined && effectiveStatus(health) === 'in-service';
  }

  /**
   * Traffic met a public key at `instancePort` that the instance may not have: out of service until a probe sees a
   * right one. Said again, it changes nothing.
   */
  publicKeyRefused(id: LoadBalancerId, instanceId: string, instancePort: number): void {
    const watched = this.#watched.get(id)?.get(instanceId);
    if (watched === undefined || watched.health.refusedPorts.includes(instancePort)) return;
    // The policy may have gone since that connection was begun.
    if (backendPublicKeys(watched.record, instancePort) === undefined) return;
    const publicKeys = [{ instancePort, accepted: false }];
    const cause = PUBLIC_KEY_REFUSED_CAUSE;
    this.#observe(watched, { good: false, cause, elapsedMs: 0, inconclusive: false, publicKeys });
  }

  /**
   * A client was to be served at `instancePort`, and what the instance has said was no TLS, or an alert. One alert among many
   * handshakes takes nobody out: the instance is probed at once, but by this no more often than once in an interval, and is
   * out of service when a handshake of ours comes to the same end.
   */
  tlsFailed(id: LoadBalancerId, instanceId: string, instancePort: number): void {
    const watched = this.#watched.get(id)?.get(instanceId);
    if (watched === undefined || !encrypts(watched.record, instancePort)) return;
    if (watched.health.refusedPorts.includes(instancePort) || watched.suspectPorts.includes(instancePort)) return;
    watched.suspectPorts = [...watched.suspectPorts, instancePort];
    watched.target = targetOf(watched);
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - watched.suspectedMs < watched.target.intervalMs) this.#schedule.replace(keyOf(watched), watched.target);
    else {
      watched.suspectedMs = nowMs;
      this.#schedule.set(keyOf(watched), watched.target);
    }
  }

  /** Traffic finds that the instance ends its connections after `idleMs` without a request, sooner than weir would. */
  shortKeepAlive(id: LoadBalancerId, instanceId: string, instancePort: number, idleMs: number): void {
    const watched = this.#watched.get(id)?.get(instanceId);
    watched?.keepAlive.record(instancePort, idleMs, watched.record.attributes.idleTimeout);
  }

  stop(): void {
    this.#schedule.stop();
  }

  #begin(record: LoadBalancer, instance: Instance, addressOf: AddressOf, knownBefore: boolean): Watched {
    const { clock, log } = this.#options;
    const fields = { loadBalancer: record.name, instance: instance.instanceId };
    const watched: Watched = {
      loadBalancer: idOf(record),
      instanceId: instance.instanceId,
      registeredTimeMs: instance.registeredTimeMs,
      changes: new ChangeLog(clock, log, fields),
      keepAlive: new KeepAliveLog(clock, log, fields),
      record,
      instance,
      addressOf,
      target: undefined,
      health: initialHealth(knownBefore),
      suspectPorts: [],
      suspectedMs: -Infinity,
    };
    this.#byKey.set(keyOf(watched), watched);
    return watched;
  }

  #end(watched: Watched): void {
    const key = keyOf(watched);
    this.#schedule.delete(key);
    this.#byKey.delete(key);
  }

  /** Points the probes at `target`, at once when that is something new. */
  #aim(watched: Watched): void {
    const before = watched.target;
    const target = targetOf(watched);
    if (same(before, target)) return;
    watched.target = target;
    if (before !== undefined && !sameQuestion(before, target)) watched.health = restartCounts(watched.health);
    this.#schedule.set(keyOf(watched), target);
  }

  #onResult(key: string, result: ProbeResult): void {
    const watched = this.#byKey.get(key);
    if (watched === undefined) return;
    if (result.unreached === true) this.#options.onUnreached?.(watched.loadBalancer, watched.instanceId);
    this.#observe(watched, result);
  }

  #observe(watched: Watched, result: ProbeResult): void {
    const kept = { ...result, timeMs: this.#options.clock.epochMs() };
    this.#clear(watched, new Set(result.publicKeys?.map(({ instancePort }) => instancePort)));
    this.#become(watched, observe(watched.health, kept, watched.record.healthCheck));
  }

  /** Nobody speaks TLS to a port any more, or no policy asks for its key as one `before` did: what was refused there is forgotten. */
  #forgetUnasked(watched: Watched, before: LoadBalancer): void {
    const { health, record } = watched;
    const refusedPorts = health.refusedPorts.filter(
      (port) =>
        encrypts(record, port) &&
        (backendPublicKeys(record, port) !== undefined || backendPublicKeys(before, port) === undefined),
    );
    if (refusedPorts.length < health.refusedPorts.length) this.#become(watched, { ...health, refusedPorts });
  }

  /** Nothing is suspected of these ports any more. */
  #clear(watched: Watched, ports: ReadonlySet<number>): void {
    const suspectPorts = watched.suspectPorts.filter((port) => !ports.has(port));
    if (suspectPorts.length === watched.suspectPorts.length) return;
    watched.suspectPorts = suspectPorts;
    watched.target = targetOf(watched);
    this.#schedule.replace(keyOf(watched), watched.target);
  }

  #become(watched: Watched, after: Health): void {
    const before = watched.health;
    watched.health = after;
    watched.changes.record(before, after);
    if (String(before.refusedPorts) !== String(after.refusedPorts)) {
      // With the next probe, not at once: traffic must not set the pace of probes.
      watched.target = targetOf(watched);
      this.#schedule.replace(keyOf(watched), watched.target);
    }
    const inService = effectiveStatus(after) === 'in-service';
    if (inService !== (effectiveStatus(before) === 'in-service')) {
      this.#options.onChange(watched.loadBalancer, watched.instanceId, inService);
    }
  }
}

/** Ids hold no space: accounts are digits, regions and names are checked by the API, instance ids likewise. */
function keyOf(watched: Watched): string {
  return `${watched.loadBalancer} ${watched.instanceId}`;
}
