/** DescribeAccountLimits. */
import { Fault } from '../../fault.ts';
import type { ElbFault } from './model.ts';
import { answer } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import { paginate } from './paging.ts';
import type * as shapes from './shapes.ts';

/** What is in force, by name. */
function describeAccountLimits(
  input: shapes.DescribeAccountLimitsInput,
  { configuration }: CallContext,
): Decision<shapes.DescribeAccountLimitsOutput> | ElbFault {
  const { loadBalancers, listeners, instances } = configuration.limits;
  const limits = [
    { Name: 'classic-listeners', Max: String(listeners) },
    { Name: 'classic-load-balancers', Max: String(loadBalancers) },
    { Name: 'classic-registered-instances', Max: String(instances) },
  ];
  const page = paginate(limits, ({ Name }) => Name, input);
  if (page instanceof Fault) return page;
  return answer({ Limits: page.items, ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }) });
}

export const accountLimitHandlers = {
  DescribeAccountLimits: { mutates: false, decide: describeAccountLimits },
} satisfies { DescribeAccountLimits: Handler<'DescribeAccountLimits'> };
