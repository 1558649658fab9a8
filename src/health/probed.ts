/** What is asked of an instance: from the records, and from what is known or suspected of its TLS. */
import { backendPublicKeys, encrypts } from '../model/backend-policies.ts';
import { isTls, realPort, type Instance, type LoadBalancer } from '../model/load-balancer.ts';
import { parseHealthCheckTarget } from './health-check-target.ts';
import type { KeyCheck } from './probe.ts';
import type { ScheduledTarget } from './schedule.ts';
import type { Health } from './threshold-counter.ts';

/**
 * The address that an instance's host stands for at present; undefined when a name has none, or none at which `port` may be
 * connected to.
 */
export type AddressOf = (host: string, port?: number) => string | undefined;

export interface Probed {
  readonly record: LoadBalancer;
  readonly instance: Instance;
  readonly addressOf: AddressOf;
  readonly health: Health;
  /** Instance ports where traffic had no handshake, until one of ours has come to an end there. */
  readonly suspectPorts: readonly number[];
}

/** What a probe of the instance asks, and how often. */
export function targetOf({ record, instance, addressOf, health, suspectPorts }: Probed): ScheduledTarget {
  const { target, interval, timeout } = record.healthCheck;
  const intervalMs = interval * 1000;
  const address = addressOf(instance.host);
  if (address === undefined) return { target: { problem: `no address for ${instance.host}` }, intervalMs };
  const parsed = parseHealthCheckTarget(target);
  if (parsed === undefined) return { target: { problem: `malformed health check target ${target}` }, intervalMs };
  const ports = [parsed.port, ...record.listeners.map(({ instancePort }) => instancePort)];
  const own = ports
    .map((port) => realPort(instance, port))
    .find((port) => addressOf(instance.host, port) === undefined);
  if (own !== undefined) return { target: { problem: `port ${own} of ${address} is the API of weir` }, intervalMs };
  const asksForKey = isTls(parsed.protocol) && backendPublicKeys(record, parsed.port) !== undefined;
  const checked = asksForKey ? keyCheckOf(record, instance, parsed.port) : undefined;
  const others = [...health.refusedPorts, ...suspectPorts]
    .filter((port) => port !== checked?.instancePort && encrypts(record, port))
    .map((port) => keyCheckOf(record, instance, port));
  return {
    target: {
      ...parsed,
      address,
      port: realPort(instance, parsed.port),
      timeoutMs: timeout * 1000,
      ...(checked === undefined ? {} : { keyCheck: checked }),
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

/** Nothing of the target has changed. */
export function same(a: ScheduledTarget | undefined, b: ScheduledTarget): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The same question to the same peer: results before and after count together. */
export function sameQuestion(a: ScheduledTarget, b: ScheduledTarget): boolean {
  if ('problem' in a.target || 'problem' in b.target) return false;
  return (
    a.target.protocol === b.target.protocol &&
    a.target.address === b.target.address &&
    a.target.port === b.target.port &&
    a.target.path === b.target.path
  );
}
