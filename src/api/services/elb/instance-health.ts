/** DescribeInstanceHealth. */
import { idOf } from '../../../model/load-balancer.ts';
import { Fault } from '../../fault.ts';
import { couldBeInstance, unknownInstance } from './instance-id.ts';
import { readInstanceIds } from './instances.ts';
import type { ElbFault } from './model.ts';
import { answer, find } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import type * as shapes from './shapes.ts';

/** Those asked for, or all that are registered or still drain. */
function describeInstanceHealth(
  input: shapes.DescribeEndPointStateInput,
  context: CallContext,
): Decision<shapes.DescribeEndPointStateOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const asked = readInstanceIds(input.Instances ?? []);
  if (asked instanceof Fault) return asked;
  const id = idOf(record);
  const known = new Set([
    ...record.instances.map(({ instanceId }) => instanceId),
    ...context.health.drainingInstances(id),
  ]);
  const unknown = asked.find((one) => !known.has(one) && !couldBeInstance(one, context));
  if (unknown !== undefined) return unknownInstance(unknown, context);
  const states = (asked.length > 0 ? asked : [...known]).map((one) => context.health.instanceState(id, one));
  return answer({
    InstanceStates: states.map(({ instanceId, state, reasonCode, description }) => ({
      InstanceId: instanceId,
      State: state,
      ReasonCode: reasonCode,
      Description: description,
    })),
  });
}

export const instanceHealthHandlers = {
  DescribeInstanceHealth: { mutates: false, decide: describeInstanceHealth },
} satisfies { DescribeInstanceHealth: Handler<'DescribeInstanceHealth'> };
