/**
 * An operation decides: from its input, the records and what the running system says of itself, to an answer and the
 * changes of records that make it true, or to a fault. It does no I/O and changes nothing itself (runner.ts does).
 */
import type { Control, Unanswered, WantedListener } from '../../../control/control.ts';
import type { Ec2Directory, Ec2Needs } from '../../../control/ec2-directory.ts';
import type { Random } from '../../../kit/random.ts';
import type { Configuration } from '../../../model/configuration.ts';
import { idOf, loadBalancerId } from '../../../model/load-balancer.ts';
import type { LoadBalancer } from '../../../model/load-balancer.ts';
import { loadBalancerChange } from '../../../store/store.ts';
import type { View } from '../../../store/store.ts';
import type { Outcome } from '../../changes.ts';
import { shown } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import type { Operations } from './shapes.ts';

export type Action = keyof Operations;
export type Input<A extends Action> = Operations[A]['input'];
export type Output<A extends Action> = Operations[A]['output'];

/** What an operation may know. */
export interface CallContext {
  readonly view: View;
  readonly accountId: string;
  readonly region: string;
  readonly configuration: Configuration;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  readonly random: Random;
  /** Health as published by the control thread. */
  readonly health: Pick<Control, 'instanceState' | 'drainingInstances'>;
  /** What the host of a registered instance stands for at present. */
  readonly addressOf: Control['addressOf'];
  /** What the host names that the handler asked for stand for; undefined for one that has no address. */
  readonly addresses: ReadonlyMap<string, string | Unanswered | undefined>;
  /** Who knows the instances that the configuration does not; undefined where no EC2 endpoint is configured. */
  readonly ec2: Pick<Ec2Directory, 'instance'> | undefined;
  /** Whether a connection to the IP address and port would reach this process's own API. */
  readonly isOwnApi: (address: string, port: number) => boolean;
}

/** What the operation decided. */
export interface Decision<Output> extends Outcome<Output> {
  /** Listeners that do not exist yet: each is tried before anything is committed. */
  readonly opens: readonly WantedListener[];
}

export interface Handler<A extends Action> {
  readonly mutates: boolean;
  /** Host names to look up before deciding. */
  readonly hosts?: (input: Input<A>, configuration: Configuration) => readonly string[];
  /** What to ask the EC2 endpoint for before deciding, where one is configured. */
  readonly ec2?: (input: Input<A>, configuration: Configuration) => Ec2Needs;
  readonly decide: (input: Input<A>, context: CallContext) => Decision<Output<A>> | ElbFault;
}

/** An answer that changes nothing. */
export function answer<Output>(output: Output): Decision<Output> {
  return { output, changes: [], opens: [] };
}

/** An answer with one load balancer as it shall be. */
export function save<Output>(
  record: LoadBalancer,
  output: Output,
  opens: readonly WantedListener[] = [],
): Decision<Output> {
  return { output, changes: [loadBalancerChange(idOf(record), record)], opens };
}

/** The caller's load balancers, by name. */
export function ownLoadBalancers(context: CallContext): readonly LoadBalancer[] {
  return context.view.list('load-balancer', loadBalancerId(context.accountId, context.region, ''));
}

/** The caller's load balancer of that name, in any letter case; undefined when there is none. */
export function lookUp(context: CallContext, name: string): LoadBalancer | undefined {
  return context.view.get('load-balancer', loadBalancerId(context.accountId, context.region, name));
}

/** The caller's load balancer of that name, or `LoadBalancerNotFound`. */
export function find(context: CallContext, name: string): LoadBalancer | ElbFault {
  return lookUp(context, name) ?? loadBalancerNotFound(name);
}

function loadBalancerNotFound(name: string): ElbFault {
  return elbFault('LoadBalancerNotFound', `There is no ACTIVE Load Balancer named '${shown(name)}'`);
}
