/**
 * The health of every registered instance of every load balancer: what is probed follows the records, what is found is
 * counted and reported. Health belongs to (load balancer, instance) and outlives every change of configuration.
 */
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import { HEALTH_CHECK } from '../model/limits.ts';
import { idOf, realPort, type Instance, type LoadBalancer, type LoadBalancerId } from '../model/load-balancer.ts';
import { ChangeLog } from './change-log.ts';
import { parseHealthCheckTarget } from './health-check-target.ts';
import type { Probe } from './probe.ts';
import { ProbeSchedule, type ScheduledTarget } from './schedule.ts';
import { initialHealth, observe, restartCounts, type Health, type ProbeResult } from './threshold-counter.ts';

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
  record: LoadBalancer;
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
      probe: options.probe,
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
        known?.registeredTimeMs === instance.registeredTimeMs ? known : this.#begin(record, instance, knownBefore);
      watched.record = record;
      this.#aim(watched, targetOf(record, instance, addressOf));
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
    return this.of(id, instanceId)?.status === 'in-service';
  }

  stop(): void {
    this.#schedule.stop();
  }

  #begin(record: LoadBalancer, instance: Instance, knownBefore: boolean): Watched {
    const { clock, log } = this.#options;
    const watched: Watched = {
      loadBalancer: idOf(record),
      instanceId: instance.instanceId,
      registeredTimeMs: instance.registeredTimeMs,
      changes: new ChangeLog(clock, log, { loadBalancer: record.name, instance: instance.instanceId }),
      record,
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
  #aim(watched: Watched, target: ScheduledTarget): void {
    const before = watched.target;
    if (same(before, target)) return;
    watched.target = target;
    if (before !== undefined && !sameQuestion(before, target)) watched.health = restartCounts(watched.health);
    this.#schedule.set(keyOf(watched), target);
  }

  #onResult(key: string, result: ProbeResult): void {
    const watched = this.#byKey.get(key);
    if (watched === undefined) return;
    const before = watched.health;
    const kept = { ...result, timeMs: this.#options.clock.epochMs() };
    const after = observe(before, kept, watched.record.healthCheck);
    watched.health = after;
    watched.changes.record(before, after);
    const inService = after.status === 'in-service';
    if (inService !== (before.status === 'in-service')) {
      this.#options.onChange(watched.loadBalancer, watched.instanceId, inService);
    }
  }
}

/** Ids hold no space: accounts are digits, regions and names are checked by the API, instance ids likewise. */
function keyOf(watched: Watched): string {
  return `${watched.loadBalancer} ${watched.instanceId}`;
}

function targetOf(record: LoadBalancer, instance: Instance, addressOf: AddressOf): ScheduledTarget {
  const { target, interval, timeout } = record.healthCheck;
  const intervalMs = interval * 1000;
  const address = addressOf(instance.host);
  if (address === undefined) return { target: { problem: `no address for ${instance.host}` }, intervalMs };
  const parsed = parseHealthCheckTarget(target);
  if (parsed === undefined) return { target: { problem: `malformed health check target ${target}` }, intervalMs };
  const port = realPort(instance, parsed.port);
  return { target: { ...parsed, address, port, timeoutMs: timeout * 1000 }, intervalMs };
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
