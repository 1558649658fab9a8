/** CreateLoadBalancer, DeleteLoadBalancer. */
import { AssertionError } from '../../../kit/assert.ts';
import { idOf } from '../../../model/load-balancer.ts';
import type { Listener, LoadBalancer, Scheme, Tag } from '../../../model/load-balancer.ts';
import { loadBalancerChange } from '../../../store/store.ts';
import { Fault } from '../../fault.ts';
import { chooseAddress } from './addresses.ts';
import { defaultAttributes } from './attributes.ts';
import { defaultHealthCheck } from './health-check.ts';
import { addListeners, isSameListener } from './listener-rules.ts';
import { listenerLimitFault } from './listeners.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { nameFault } from './names.ts';
import { answer, lookUp, ownLoadBalancers, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import { readPlacement } from './placement.ts';
import type { Placement } from './placement.ts';
import type * as shapes from './shapes.ts';
import { withDefaultSslPolicy } from './ssl-attributes.ts';
import { readTags, tagLimitFault } from './tags.ts';

/** What CreateLoadBalancer asks for, checked by itself. */
interface Wanted {
  readonly name: string;
  readonly listeners: readonly Listener[];
  readonly placement: Placement;
  readonly tags: readonly Tag[];
}

function readWanted(input: shapes.CreateAccessPointInput, context: CallContext): Wanted | ElbFault {
  const name = input.LoadBalancerName;
  const wrongName = nameFault(name);
  if (wrongName !== undefined) return wrongName;
  if (input.Listeners.length === 0) return elbFault('ValidationError', 'At least one listener must be specified');
  const listeners = addListeners(name, [], input.Listeners, context);
  if (listeners instanceof Fault) return listeners;
  const placement = readPlacement(input, context);
  if (placement instanceof Fault) return placement;
  const tags = readTags(input.Tags ?? []);
  if (tags instanceof Fault) return tags;
  const fault = listenerLimitFault(listeners, context) ?? tagLimitFault(tags);
  return fault ?? { name, listeners, placement, tags };
}

function sameSet<T>(a: readonly T[], b: readonly T[], isSame: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((x) => b.some((y) => isSame(x, y)));
}

/** Whether `record` is what `wanted` would make, as it stands now. */
function isAsWanted(record: LoadBalancer, { listeners, placement, tags }: Wanted): boolean {
  const isEqual = (a: string, b: string): boolean => a === b;
  return (
    record.scheme === placement.scheme &&
    sameSet(record.listeners, listeners, isSameListener) &&
    sameSet(record.zones, placement.zones, isEqual) &&
    sameSet(record.subnets, placement.subnets, isEqual) &&
    sameSet(record.securityGroups, placement.securityGroups, isEqual) &&
    sameSet(record.tags, tags, (a, b) => a.key === b.key && a.value === b.value)
  );
}

/** `<name>-<digits>.<region>.elb.<domain>`, unlike that of any other load balancer. */
function makeDnsName(name: string, scheme: Scheme, context: CallContext): string {
  const taken = new Set(context.view.list('load-balancer').map(({ dnsName }) => dnsName));
  for (let attempt = 0; attempt < 100; attempt++) {
    const digits = 1_000_000_000 + context.random.below(1_000_000_000);
    const host = `${scheme === 'internal' ? 'internal-' : ''}${name}-${digits}`;
    const dnsName = `${host}.${context.region}.elb.${context.configuration.domain}`;
    if (!taken.has(dnsName)) return dnsName;
  }
  throw new AssertionError('of 100 random names, none is free');
}

function makeRecord(wanted: Wanted, address: string, context: CallContext): LoadBalancer {
  return {
    accountId: context.accountId,
    region: context.region,
    name: wanted.name,
    createdTimeMs: Math.floor(context.nowMs),
    dnsName: makeDnsName(wanted.name, wanted.placement.scheme, context),
    address,
    ...wanted.placement,
    listeners: wanted.listeners,
    instances: [],
    healthCheck: defaultHealthCheck(wanted.listeners[0]!.instancePort),
    attributes: defaultAttributes(),
    policies: withDefaultSslPolicy([], wanted.listeners),
    backendServerPolicies: [],
    tags: wanted.tags,
  };
}

function createLoadBalancer(
  input: shapes.CreateAccessPointInput,
  context: CallContext,
): Decision<shapes.CreateAccessPointOutput> | ElbFault {
  const wanted = readWanted(input, context);
  if (wanted instanceof Fault) return wanted;
  const existing = lookUp(context, wanted.name);
  if (existing !== undefined) {
    if (isAsWanted(existing, wanted)) return answer({ DNSName: existing.dnsName });
    return elbFault(
      'DuplicateLoadBalancerName',
      `Load Balancer named '${existing.name}' already exists and it is configured with different parameters.`,
    );
  }
  const limit = context.configuration.limits.loadBalancers;
  if (ownLoadBalancers(context).length >= limit) {
    return elbFault(
      'TooManyLoadBalancers',
      `Exceeded quota of account ${context.accountId}: at most ${limit} load balancers per region (limits.loadBalancers in the configuration).`,
    );
  }
  const ports = wanted.listeners.map(({ loadBalancerPort }) => loadBalancerPort);
  const chosen = chooseAddress(wanted.placement.scheme, ports, context);
  if (chosen instanceof Fault) return chosen;
  const record = makeRecord(wanted, chosen.address, context);
  const opens = ports.map((port) => ({ address: chosen.address, port }));
  return save(record, { DNSName: record.dnsName }, opens);
}

/** One that does not exist is as good as deleted. */
function deleteLoadBalancer(
  input: shapes.DeleteAccessPointInput,
  context: CallContext,
): Decision<shapes.DeleteAccessPointOutput> {
  const record = lookUp(context, input.LoadBalancerName);
  if (record === undefined) return answer({});
  return { output: {}, changes: [loadBalancerChange(idOf(record), undefined)], opens: [] };
}

export const loadBalancerHandlers = {
  CreateLoadBalancer: {
    mutates: true,
    ec2: ({ AvailabilityZones: zones = [], Subnets: subnets = [], SecurityGroups: groups = [] }) => ({
      network: [...zones, ...subnets, ...groups],
    }),
    decide: createLoadBalancer,
  },
  DeleteLoadBalancer: { mutates: true, decide: deleteLoadBalancer },
} satisfies {
  CreateLoadBalancer: Handler<'CreateLoadBalancer'>;
  DeleteLoadBalancer: Handler<'DeleteLoadBalancer'>;
};
