/** From a record to what traffic threads are told: pure, one load balancer at a time. */
import {
  idOf,
  isTls,
  realPort,
  type DesyncMitigationMode,
  type Instance,
  type Listener,
  type LoadBalancer,
} from '../model/load-balancer.ts';
import { backendPublicKeys, hasProxyProtocol } from '../model/backend-policies.ts';
import type { Configuration } from '../model/configuration.ts';
import { admittedNetworks } from '../model/security-groups.ts';
import { stickinessOf } from '../model/stickiness-policy.ts';
import type { CompiledListener, CompiledLoadBalancer, CompiledTarget, CompiledTls } from '../traffic/snapshot.ts';

/** What of the configuration goes into what is compiled; it can change while running. */
export type CompiledConfiguration = Pick<Configuration, 'preconnect' | 'securityGroups'>;

/** Everything besides the record that a compiled load balancer depends on. */
export interface CompileInputs {
  readonly configuration: CompiledConfiguration;
  /** The address of an instance's host; undefined when a name has none, or when nothing may go to `port` there. */
  readonly addressOf: (host: string, port: number) => string | undefined;
  /** The slot allotted to a wanted target. */
  readonly slotOf: (instanceId: string, instancePort: number) => number;
  /** Whether threads may bind the listener: nobody else holds its port. */
  readonly mayListen: (listener: Listener) => boolean;
  /** Certificate and policy of an HTTPS or SSL listener, opened and resolved; undefined when they cannot be used. */
  readonly tlsOf: (listener: Listener) => CompiledTls | undefined;
  /** Of sticky cookies, the first one to make them with; asked for where a listener is sticky. */
  readonly cookieKeys: () => readonly Uint8Array[];
  /** What marks the lines of its access log; undefined: none are written. */
  readonly accessLog?: number | undefined;
  /** Of the counters, in their order. */
  readonly countedZones: readonly string[];
  /** Of this load balancer (traffic/counters.ts). */
  readonly counters: SharedArrayBuffer;
}

export function compile(record: LoadBalancer, inputs: CompileInputs): CompiledLoadBalancer {
  const { attributes } = record;
  const { additional } = attributes;
  const instances = record.instances.filter((instance) => isZoneEnabled(record, instance));
  // Listeners with the same instance port have the same targets: one array, which structured clone copies once.
  const targets = new Map<number, readonly CompiledTarget[]>();
  for (const { instancePort } of record.listeners) {
    if (!targets.has(instancePort)) targets.set(instancePort, compileTargets(instances, instancePort, inputs));
  }
  return {
    id: idOf(record),
    name: record.name,
    zones: record.zones,
    countedZones: inputs.countedZones,
    crossZone: attributes.crossZoneLoadBalancing,
    idleTimeoutMs: attributes.idleTimeout * 1000,
    desyncMitigationMode: desyncMode(additional['elb.http.desyncmitigationmode']),
    upgrade: isTrue(additional['weir.http.upgrade']),
    ...(isTrue(additional['weir.http.requestid']) ? { traceId: true } : {}),
    ...(inputs.accessLog === undefined ? {} : { accessLog: inputs.accessLog }),
    maxConnectionsPerTarget: connectionCap(additional['weir.backend.maxconnections']),
    preconnect: inputs.configuration.preconnect,
    slowStartMs: 1000 * Number(additional['weir.backend.slowstartseconds'] ?? 0),
    drainingTimeoutMs: drainingTimeoutMs(record),
    listeners: record.listeners.flatMap((listener) => {
      const compiled = compileListener(record, listener, inputs);
      return compiled === undefined ? [] : [{ ...compiled, targets: targets.get(listener.instancePort) ?? [] }];
    }),
    counters: inputs.counters,
  };
}

/** Undefined for a listener that cannot serve: its port is not to be had, or it has no certificate that can be used. */
function compileListener(
  record: LoadBalancer,
  listener: Listener,
  { mayListen, tlsOf, cookieKeys, configuration }: CompileInputs,
): Omit<CompiledListener, 'targets'> | undefined {
  const { protocol, loadBalancerPort: port, instanceProtocol, instancePort } = listener;
  const tls = isTls(protocol) ? tlsOf(listener) : undefined;
  if (!mayListen(listener) || (isTls(protocol) && tls === undefined)) return undefined;
  const keys = backendPublicKeys(record, instancePort);
  const ingress = admittedNetworks(configuration.securityGroups, record.securityGroups, port);
  const stickiness = stickinessOf(record, listener);
  return {
    protocol,
    address: record.address,
    port,
    instanceProtocol,
    instancePort,
    ...(tls === undefined ? {} : { tls }),
    ...(keys === undefined ? {} : { backendPublicKeys: keys }),
    ...(ingress === undefined ? {} : { ingress }),
    proxyProtocol: hasProxyProtocol(record, listener),
    ...(stickiness === undefined ? {} : { stickiness: { ...stickiness, keys: cookieKeys() } }),
  };
}

/** A target that a load balancer needs a slot for: listeners with the same instance port share it. */
export interface WantedTarget {
  readonly instanceId: string;
  readonly instancePort: number;
}

/** The targets of `record`: its instances in enabled zones, once for each instance port of its listeners. */
export function wantedTargets(record: LoadBalancer): WantedTarget[] {
  const ports = new Set(record.listeners.map((listener) => listener.instancePort));
  return record.instances
    .filter((instance) => isZoneEnabled(record, instance))
    .flatMap(({ instanceId }) => Array.from(ports, (instancePort) => ({ instanceId, instancePort })));
}

/** 0 where connection draining is off: what runs is cut at once then. */
export function drainingTimeoutMs({ attributes }: LoadBalancer): number {
  const { enabled, timeout } = attributes.connectionDraining;
  return enabled ? timeout * 1000 : 0;
}

export function isZoneEnabled(record: LoadBalancer, instance: Instance): boolean {
  return record.zones.includes(instance.zone);
}

function compileTargets(
  instances: readonly Instance[],
  instancePort: number,
  { addressOf, slotOf }: CompileInputs,
): CompiledTarget[] {
  return instances.flatMap((instance) => {
    const { instanceId, zone } = instance;
    const port = realPort(instance, instancePort);
    const host = addressOf(instance.host, port);
    return host === undefined ? [] : [{ slot: slotOf(instanceId, instancePort), instanceId, host, port, zone }];
  });
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true';
}

function desyncMode(value: string | undefined): DesyncMitigationMode {
  const mode = value?.toLowerCase();
  return mode === 'monitor' || mode === 'strictest' ? mode : 'defensive';
}

/** The API lets only whole numbers in; 0 and absence mean no cap. */
function connectionCap(value: string | undefined): number {
  const cap = Number(value ?? 0);
  return Number.isSafeInteger(cap) && cap > 0 ? cap : Infinity;
}
