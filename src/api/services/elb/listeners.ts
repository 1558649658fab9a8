/** CreateLoadBalancerListeners, DeleteLoadBalancerListeners. */
import type { Listener } from '../../../model/load-balancer.ts';
import { Fault } from '../../fault.ts';
import { addressFault } from './addresses.ts';
import { addListeners } from './listener-rules.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import { ownApiFault } from './own-api.ts';
import type * as shapes from './shapes.ts';
import { withDefaultSslPolicy } from './ssl-attributes.ts';

export function listenerLimitFault(
  listeners: readonly Listener[],
  { configuration }: Pick<CallContext, 'configuration'>,
): ElbFault | undefined {
  const limit = configuration.limits.listeners;
  if (listeners.length <= limit) return undefined;
  return elbFault(
    'InvalidConfigurationRequest',
    `A load balancer can have at most ${limit} listeners (limits.listeners in the configuration).`,
  );
}

function createListeners(
  input: shapes.CreateLoadBalancerListenerInput,
  context: CallContext,
): Decision<shapes.CreateLoadBalancerListenerOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  if (input.Listeners.length === 0) return elbFault('ValidationError', 'At least one listener must be specified');
  const listeners = addListeners(record.name, record.listeners, input.Listeners, context);
  if (listeners instanceof Fault) return listeners;
  const added = listeners.slice(record.listeners.length);
  if (added.length === 0) return answer({});
  const ports = added.map(({ loadBalancerPort }) => loadBalancerPort);
  const instancePorts = added.map(({ instancePort }) => instancePort);
  const fault =
    listenerLimitFault(listeners, context) ??
    addressFault(record, ports, context) ??
    ownApiFault(record.instances, instancePorts, context);
  if (fault !== undefined) return fault;
  const opens = ports.map((port) => ({ address: record.address, port }));
  const policies = withDefaultSslPolicy(record.policies, added);
  return save({ ...record, listeners, policies }, {}, opens);
}

/** Ports without a listener are as good as deleted. */
function deleteListeners(
  input: shapes.DeleteLoadBalancerListenerInput,
  context: CallContext,
): Decision<shapes.DeleteLoadBalancerListenerOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const ports = new Set(input.LoadBalancerPorts);
  const listeners = record.listeners.filter(({ loadBalancerPort }) => !ports.has(loadBalancerPort));
  return listeners.length === record.listeners.length ? answer({}) : save({ ...record, listeners }, {});
}

export const listenerHandlers = {
  CreateLoadBalancerListeners: { mutates: true, decide: createListeners },
  DeleteLoadBalancerListeners: { mutates: true, decide: deleteListeners },
} satisfies {
  CreateLoadBalancerListeners: Handler<'CreateLoadBalancerListeners'>;
  DeleteLoadBalancerListeners: Handler<'DeleteLoadBalancerListeners'>;
};
