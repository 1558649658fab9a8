/**
 * The health of every registered instance of every load balancer: what is probed follows the records, what is found is
 * counted and reported. Health belongs to (load balancer, instance) and outlives every change of configuration.
 */
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import { backendPublicKeys, encrypts } from '../model/backend-policies.ts';
import { HEALTH_CHECK } from '../model/limits.ts';
import {
  idOf,
  isTls,
  realPort,
  type Instance,
  type LoadBalancer,
  type LoadBalancerId,
} from '../model/load-balancer.ts';
import { ChangeLog } from './change-log.ts';
import { parseHealthCheckTarget } from './health-check-target.ts';
import { KeepAliveLog } from './keep-alive-log.ts';
import { withKeyChecks } from './key-checks.ts';
import type { KeyCheck, Probe } from './probe.ts';
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
}

/** The address that an instance's host stands for at present; undefined when a name has none. */
export type AddressOf = (host: string) => string | undefined;

interface Watched {
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
    // The policy may have gone since that connection was begun.
    if (watched === undefined || backendPublicKeys(watched.record, instancePort) === undefined) return;
    this.#refuse(watched, instancePort, PUBLIC_KEY_REFUSED_CAUSE);
  }

  /** A client was to be served at `instancePort`, and the instance has said what is no TLS: out of service until a probe agrees with it. */
  tlsFailed(id: LoadBalancerId, instanceId: string, instancePort: number, code: string): void {
    const watched = this.#watched.get(id)?.get(instanceId);
    if (watched === undefined || !encrypts(watched.record, instancePort)) return;
    this.#refuse(watched, instancePort, `TLS handshake failed at port ${instancePort}: ${code}`);
  }

  #refuse(watched: Watched, instancePort: number, cause: string): void {
    if (watched.health.refusedPorts.includes(instancePort)) return;
    const publicKeys = [{ instancePort, accepted: false }];
    this.#observe(watched, { good: false, cause, elapsedMs: 0, inconclusive: false, publicKeys });
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
    };
    const key = keyOf(watched);
    this.#schedule.delete(key);
    this.#byKey.set(key, watched);
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
    if (watched !== undefined) this.#observe(watched, result);
  }

  #observe(watched: Watched, result: ProbeResult): void {
    const kept = { ...result, timeMs: this.#options.clock.epochMs() };
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

function targetOf({ record, instance, addressOf, health }: Watched): ScheduledTarget {
  const { target, interval, timeout } = record.healthCheck;
  const intervalMs = interval * 1000;
  const address = addressOf(instance.host);
  if (address === undefined) return { target: { problem: `no address for ${instance.host}` }, intervalMs };
  const parsed = parseHealthCheckTarget(target);
  if (parsed === undefined) return { target: { problem: `malformed health check target ${target}` }, intervalMs };
  const asksForKey = isTls(parsed.protocol) && backendPublicKeys(record, parsed.port) !== undefined;
  const own = asksForKey ? keyCheckOf(record, instance, parsed.port) : undefined;
  const others = health.refusedPorts
    .filter((port) => port !== own?.instancePort && encrypts(record, port))
    .map((port) => keyCheckOf(record, instance, port));
  return {
    target: {
      ...parsed,
      address,
      port: realPort(instance, parsed.port),
      timeoutMs: timeout * 1000,
      ...(own === undefined ? {} : { keyCheck: own }),
      ...(others.length === 0 ? {} : { otherKeyChecks: others }),
    },
    intervalMs,
  };
}

function keyCheckOf(record: LoadBalancer, instance: Instance, instancePort: number): KeyCheck {
  return {
    instancePort,
    port: realPort(instance, instancePort),
    publicKeys: backendPublicKeys(record, instancePort),
  };
}

function same(a: ScheduledTarget | undefined, b: ScheduledTarget): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The same question to the same peer: results before and after count together. */
function sameQuestion(a: ScheduledTarget, b: ScheduledTarget): boolean {
  if ('problem' in a.target || 'problem' in b.target) return false;
  return (
    a.target.protocol === b.target.protocol &&
    a.target.address === b.target.address &&
    a.target.port === b.target.port &&
    a.target.path === b.target.path
  );
}
