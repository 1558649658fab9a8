/**
 * A registered instance keeps what its id stood for when it was registered. When the inventory says something else now,
 * at the start or after SIGHUP, or the EC2 endpoint, whenever it was asked again, the instance is registered again, as an
 * operator would do by hand. So what is known survives a restart, and an EC2 endpoint that is away.
 */
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../api/fault.ts';
import { destinationOf, ec2DestinationOf, isEc2Id } from '../api/services/elb/instance-id.ts';
import type { ElbService } from '../api/services/elb/runner.ts';
import type { Ec2Directory } from '../control/ec2-directory.ts';
import type { Log } from '../kit/log.ts';
import type { Configuration } from '../model/configuration.ts';
import type { Instance, LoadBalancer } from '../model/load-balancer.ts';
import type { View } from '../store/store.ts';

export interface InventoryRefreshOptions {
  readonly view: View;
  readonly configuration: Configuration;
  readonly ec2: Pick<Ec2Directory, 'instance'>;
  readonly service: Pick<ElbService, 'moveInstances'>;
  readonly log: Log;
}

/** Registers again what the inventory has moved. What is refused stays as it was, and is told in the log. */
export async function refreshInventory(options: InventoryRefreshOptions): Promise<void> {
  const { view, service, log } = options;
  for (const record of view.list('load-balancer')) {
    const moved = record.instances
      .filter((instance) => hasMoved(instance, options))
      .map(({ instanceId }) => instanceId);
    if (moved.length === 0) continue;
    const fields = { loadBalancer: record.name, instances: moved };
    const fault = await registerAgain(record, moved, service);
    if (fault === undefined) log.info(fields, 'instances moved to where the inventory or EC2 says they are now');
    else
      log.warn(
        { ...fields, cause: fault.message },
        'instances stay where they were, though the inventory or EC2 says otherwise',
      );
  }
}

/** The ids of registered instances that only EC2 can know. */
export function idsOfEc2(view: View, configuration: Configuration): readonly string[] {
  const ids = view.list('load-balancer').flatMap(({ instances }) => instances.map(({ instanceId }) => instanceId));
  return [...new Set(ids)].filter((id) => isEc2Id(id, configuration));
}

async function registerAgain(
  record: LoadBalancer,
  ids: readonly string[],
  service: Pick<ElbService, 'moveInstances'>,
): Promise<Fault | undefined> {
  const { accountId, region, name } = record;
  const input = { LoadBalancerName: name, Instances: ids.map((InstanceId) => ({ InstanceId })) };
  const result = await service.moveInstances(input, { accountId, region, readOnly: false });
  return result instanceof Fault ? result : undefined;
}

/** Only ids of the inventory and of EC2 move; a literal is where it says, and what nobody knows any more stays. */
function hasMoved(instance: Instance, { configuration, ec2 }: InventoryRefreshOptions): boolean {
  const { instanceId, host, port, ports } = instance;
  const inInventory = Object.hasOwn(configuration.instances.inventory, instanceId);
  if (!inInventory && !isEc2Id(instanceId, configuration)) return false;
  const destination = inInventory ? destinationOf(instanceId, configuration) : ec2DestinationOf(instanceId, ec2);
  if (destination === undefined) return inInventory;
  const { zone, ...wanted } = destination;
  const is = { host, ...(port === undefined ? {} : { port }), ...(ports === undefined ? {} : { ports }) };
  return !isDeepStrictEqual(wanted, is) || (zone !== undefined && zone !== instance.zone);
}
