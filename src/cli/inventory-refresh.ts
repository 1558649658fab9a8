/**
 * A registered instance keeps what its id stood for when it was registered. When the inventory says something else now,
 * at the start or after SIGHUP, the instance is registered again, as an operator would do by hand.
 */
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../api/fault.ts';
import type { QueryService } from '../api/service.ts';
import { destinationOf } from '../api/services/elb/instance-id.ts';
import type { Log } from '../kit/log.ts';
import type { Configuration } from '../model/configuration.ts';
import type { Instance, LoadBalancer } from '../model/load-balancer.ts';
import type { View } from '../store/store.ts';

export interface InventoryRefreshOptions {
  readonly view: View;
  readonly configuration: Configuration;
  readonly service: QueryService;
  readonly log: Log;
}

/** Registers again what the inventory has moved. What is refused stays as it was, and is told in the log. */
export async function refreshInventory({ view, configuration, service, log }: InventoryRefreshOptions): Promise<void> {
  for (const record of view.list('load-balancer')) {
    const moved = record.instances
      .filter((instance) => hasMoved(instance, configuration))
      .map(({ instanceId }) => instanceId);
    if (moved.length === 0) continue;
    const fields = { loadBalancer: record.name, instances: moved };
    const fault = await registerAgain(record, moved, service);
    if (fault === undefined) log.info(fields, 'instances moved to where the inventory says they are now');
    else
      log.warn(
        { ...fields, cause: fault.message },
        'instances stay where they were, though the inventory says otherwise',
      );
  }
}

async function registerAgain(
  record: LoadBalancer,
  ids: readonly string[],
  service: QueryService,
): Promise<Fault | undefined> {
  const { accountId, region, name } = record;
  const input = { LoadBalancerName: name, Instances: ids.map((InstanceId) => ({ InstanceId })) };
  const result = await service.perform('RegisterInstancesWithLoadBalancer', input, {
    accountId,
    region,
    readOnly: false,
  });
  return result instanceof Fault ? result : undefined;
}

/** Only ids of the inventory move; a literal is where it says. */
function hasMoved(instance: Instance, configuration: Configuration): boolean {
  if (!Object.hasOwn(configuration.instances.inventory, instance.instanceId)) return false;
  const { zone, ...wanted } = destinationOf(instance.instanceId, configuration) ?? {};
  const { host, port, ports } = instance;
  const is = { host, ...(port === undefined ? {} : { port }), ...(ports === undefined ? {} : { ports }) };
  return !isDeepStrictEqual(wanted, is) || (zone !== undefined && zone !== instance.zone);
}
