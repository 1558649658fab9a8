/** An instance must not be this process's own API: a client of the load balancer would reach it from inside. */
import { realPort } from '../../../model/load-balancer.ts';
import type { Instance } from '../../../model/load-balancer.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import type { CallContext } from './operation.ts';

/** The first instance whose real port for one of `instancePorts` is that of the API, with that port. */
export function findOwnApi(
  instances: readonly Instance[],
  instancePorts: Iterable<number>,
  context: CallContext,
): { readonly instance: Instance; readonly port: number } | undefined {
  if (context.configuration.instances.allowReserved) return undefined;
  const ports = [...instancePorts];
  for (const instance of instances) {
    const address = context.addressOf(instance.host);
    if (address === undefined) continue;
    const port = ports.map((one) => realPort(instance, one)).find((one) => context.isOwnApi(address, one));
    if (port !== undefined) return { instance, port };
  }
  return undefined;
}

/** Why instances that are registered cannot be connected to at `instancePorts`. */
export function ownApiFault(
  instances: readonly Instance[],
  instancePorts: Iterable<number>,
  context: CallContext,
): ElbFault | undefined {
  const own = findOwnApi(instances, instancePorts, context);
  if (own === undefined) return undefined;
  return elbFault(
    'InvalidConfigurationRequest',
    `Port ${own.port} of the instance ${own.instance.instanceId} is the API of weir itself; ` +
      'set instances.allowReserved in the configuration to allow it.',
  );
}
