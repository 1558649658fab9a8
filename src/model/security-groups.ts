/** Which clients the security groups of a load balancer let in, where the configuration gives their rules. */
import { parseNetwork, type Network } from '../kit/ip.ts';
import type { Configuration, SecurityGroupRule } from './configuration.ts';
import { MAX_PORT } from './limits.ts';

/** Restricts, and lets nobody in: no client has this address. */
export const NOBODY: SecurityGroupRule = { cidr: '255.255.255.255/32', fromPort: 0, toPort: MAX_PORT };

/**
 * The networks whose clients may connect to the listener at `port`; undefined: every client may. As in AWS the rules of all
 * groups count together; a group without rules in the configuration adds nothing, and restricts nothing by itself.
 */
export function admittedNetworks(
  securityGroups: Configuration['securityGroups'],
  groupIds: readonly string[],
  port: number,
): readonly Network[] | undefined {
  const rules = groupIds.filter((id) => Object.hasOwn(securityGroups, id)).flatMap((id) => securityGroups[id]!.ingress);
  if (rules.length === 0) return undefined;
  return rules
    .filter(({ fromPort, toPort }) => fromPort <= port && port <= toPort)
    .flatMap(({ cidr }) => parseNetwork(cidr) ?? []);
}
