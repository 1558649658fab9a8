/** RegisterInstancesWithLoadBalancer, DeregisterInstancesFromLoadBalancer. */
import { isDeepStrictEqual } from 'node:util';
import type { Ec2Needs } from '../../../control/ec2-directory.ts';
import { parseHealthCheckTarget } from '../../../health/health-check-target.ts';
import type { Configuration } from '../../../model/configuration.ts';
import type { Instance, LoadBalancer } from '../../../model/load-balancer.ts';
import { Fault } from '../../fault.ts';
import {
  couldBeInstance,
  hostNameOf,
  invalidInstance,
  isEc2Id,
  resolveInstance,
  unknownInstance,
} from './instance-id.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import { findOwnApi } from './own-api.ts';
import type * as shapes from './shapes.ts';

/** The ids of a list, each once; entries without one are refused. */
export function readInstanceIds(instances: readonly shapes.Instance[]): readonly string[] | ElbFault {
  const ids = instances.map(({ InstanceId }) => InstanceId ?? '');
  return ids.includes('')
    ? elbFault('ValidationError', 'Each of Instances must have an InstanceId.')
    : [...new Set(ids)];
}

export function describeInstances(record: LoadBalancer): readonly shapes.Instance[] {
  return record.instances.map(({ instanceId }) => ({ InstanceId: instanceId }));
}

/** Ports that connections to the instances of `record` go to, as instance ports. */
function instancePortsOf(record: LoadBalancer): ReadonlySet<number> {
  const ports = new Set(record.listeners.map(({ instancePort }) => instancePort));
  const probed = parseHealthCheckTarget(record.healthCheck.target);
  if (probed !== undefined) ports.add(probed.port);
  return ports;
}

function toInstance(id: string, record: LoadBalancer, context: CallContext): Instance | ElbFault {
  const destination = resolveInstance(id, context);
  if (destination instanceof Fault) return destination;
  const registered = record.instances.find(({ instanceId }) => instanceId === id);
  const { host, port, ports, zone } = destination;
  return {
    instanceId: id,
    host,
    ...(port === undefined ? {} : { port }),
    ...(ports === undefined ? {} : { ports }),
    zone: zone ?? record.zones[0]!,
    registeredTimeMs: registered?.registeredTimeMs ?? context.nowMs,
  };
}

/** The record with the instances of `ids`: new ones at the end, known ones with what their id stands for now. */
function withInstances(ids: readonly string[], record: LoadBalancer, context: CallContext): LoadBalancer | ElbFault {
  const byId = new Map(record.instances.map((instance) => [instance.instanceId, instance]));
  const limit = context.configuration.limits.instances;
  // Before the ids are read: names of too many instances were not looked up.
  if (new Set([...byId.keys(), ...ids]).size > limit) {
    return elbFault(
      'InvalidConfigurationRequest',
      `A load balancer can have at most ${limit} registered instances (limits.instances in the configuration).`,
    );
  }
  for (const id of ids) {
    const instance = toInstance(id, record, context);
    if (instance instanceof Fault) return instance;
    byId.set(id, instance);
  }
  const changed = { ...record, instances: [...byId.values()] };
  const registered = ids.map((id) => byId.get(id)!);
  const own = findOwnApi(registered, instancePortsOf(record), context);
  if (own === undefined) return changed;
  return invalidInstance(
    own.instance.instanceId,
    `Connections would go to port ${own.port} of ${own.instance.host}, which is the API of weir itself; ` +
      'set instances.allowReserved in the configuration to allow it.',
  );
}

function register(
  input: shapes.RegisterEndPointsInput,
  context: CallContext,
): Decision<shapes.RegisterEndPointsOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const ids = readInstanceIds(input.Instances);
  if (ids instanceof Fault) return ids;
  const changed = withInstances(ids, record, context);
  if (changed instanceof Fault) return changed;
  const output = { Instances: describeInstances(changed) };
  const isSame = isDeepStrictEqual(changed.instances, record.instances);
  return isSame ? answer(output) : save(changed, output);
}

/** Nobody is asked again whether an instance shall be registered: one that was deregistered meanwhile stays away. */
function move(
  input: shapes.RegisterEndPointsInput,
  context: CallContext,
): Decision<shapes.RegisterEndPointsOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const registered = new Set(record.instances.map(({ instanceId }) => instanceId));
  const Instances = input.Instances.filter(({ InstanceId }) => registered.has(InstanceId ?? ''));
  return register({ ...input, Instances }, context);
}

function idsToAskFor(input: shapes.RegisterEndPointsInput, configuration: Configuration): Ec2Needs {
  const ids = [...new Set(input.Instances.map(({ InstanceId }) => InstanceId ?? ''))];
  if (ids.length > configuration.limits.instances) return {};
  return { instances: ids.filter((id) => isEc2Id(id, configuration)) };
}

function namesToLookUp(input: shapes.RegisterEndPointsInput, configuration: Configuration): readonly string[] {
  // More than there may be are refused without a look-up.
  if (new Set(input.Instances.map(({ InstanceId }) => InstanceId)).size > configuration.limits.instances) return [];
  const names = input.Instances.map(({ InstanceId }) => hostNameOf(InstanceId ?? '', configuration));
  return names.filter((name) => name !== undefined);
}

/** An instance that is not registered (any more) is fine, an id that could never have been is not. */
function deregister(
  input: shapes.DeregisterEndPointsInput,
  context: CallContext,
): Decision<shapes.DeregisterEndPointsOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const ids = readInstanceIds(input.Instances);
  if (ids instanceof Fault) return ids;
  const registered = new Set(record.instances.map(({ instanceId }) => instanceId));
  const unknown = ids.find((id) => !registered.has(id) && !couldBeInstance(id, context));
  if (unknown !== undefined) return unknownInstance(unknown, context);
  const changed = { ...record, instances: record.instances.filter(({ instanceId }) => !ids.includes(instanceId)) };
  const output = { Instances: describeInstances(changed) };
  return changed.instances.length === record.instances.length ? answer(output) : save(changed, output);
}

/** RegisterInstancesWithLoadBalancer for those that are registered already. */
export const movingHandler: Handler<'RegisterInstancesWithLoadBalancer'> = {
  mutates: true,
  hosts: namesToLookUp,
  ec2: idsToAskFor,
  decide: move,
};

export const instanceHandlers = {
  RegisterInstancesWithLoadBalancer: { mutates: true, hosts: namesToLookUp, ec2: idsToAskFor, decide: register },
  DeregisterInstancesFromLoadBalancer: { mutates: true, decide: deregister },
} satisfies {
  RegisterInstancesWithLoadBalancer: Handler<'RegisterInstancesWithLoadBalancer'>;
  DeregisterInstancesFromLoadBalancer: Handler<'DeregisterInstancesFromLoadBalancer'>;
};
