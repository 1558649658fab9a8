/** The address of a load balancer's listeners (model/address-pool.ts), with the refusals in the API's words. */
import { assignAddress, findClash } from '../../../model/address-pool.ts';
import type { Holder, PortClash } from '../../../model/address-pool.ts';
import { idOf } from '../../../model/load-balancer.ts';
import type { LoadBalancer, Scheme } from '../../../model/load-balancer.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import type { CallContext } from './operation.ts';

/** Every load balancer of the process holds its address, whatever its account and region; `except` does not count. */
function holdersOf(context: CallContext, except?: LoadBalancer): readonly Holder<LoadBalancer>[] {
  return context.view
    .list('load-balancer')
    .filter((record) => except === undefined || idOf(record) !== idOf(except))
    .map((owner) => ({
      owner,
      address: owner.address,
      ports: owner.listeners.map(({ loadBalancerPort }) => loadBalancerPort),
    }));
}

function clashFault({ owner, address, port }: PortClash<LoadBalancer>, context: CallContext): ElbFault {
  const isOwn = owner.accountId === context.accountId && owner.region === context.region;
  const name = isOwn ? owner.name : `${owner.name} (account ${owner.accountId}, region ${owner.region})`;
  return elbFault(
    'InvalidConfigurationRequest',
    `Port ${port} on ${address} belongs to the load balancer ${name}: use another port, delete that listener, or give ` +
      'weir more addresses (--listen, or addresses in the configuration), so that each load balancer has its own.',
  );
}

/** The address for a new load balancer with these load balancer ports. */
export function chooseAddress(
  scheme: Scheme,
  ports: readonly number[],
  context: CallContext,
): { readonly address: string } | ElbFault {
  const assigned = assignAddress(context.configuration.addresses[scheme], ports, holdersOf(context));
  return 'address' in assigned ? assigned : clashFault(assigned.clash, context);
}

/** Why the load balancer cannot open `ports` on the address that it has. */
export function addressFault(
  record: LoadBalancer,
  ports: readonly number[],
  context: CallContext,
): ElbFault | undefined {
  const clash = findClash(record.address, ports, holdersOf(context, record));
  return clash === undefined ? undefined : clashFault(clash, context);
}
