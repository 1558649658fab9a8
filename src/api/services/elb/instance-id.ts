/**
 * What an instance id stands for: an entry of the inventory, an address, an address with a port, a host name, or what the
 * EC2 endpoint of the configuration knows. Ids that look like EC2's (`i-…`) are never looked up as host names.
 */
import type { Unanswered } from '../../../control/control.ts';
import type { Ec2Directory } from '../../../control/ec2-directory.ts';
import { parseIp } from '../../../kit/ip.ts';
import type { Configuration } from '../../../model/configuration.ts';
import { addressProblem, canonicalAddress } from '../../../model/instance-address.ts';
import { MAX_PORT } from '../../../model/limits.ts';
import type { Instance } from '../../../model/load-balancer.ts';
import { shown } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import type { CallContext } from './operation.ts';

/** Where connections to an instance go. */
export type Destination = Pick<Instance, 'host' | 'port' | 'ports'> & { readonly zone?: string };

const MAX_ID_LENGTH = 255;
/** RFC 1123, and nothing that a resolver would take for an address (`127.1`, `0x7f000001`). */
function isHostName(text: string): boolean {
  const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
  const labels = text.replace(/\.$/, '').split('.');
  if (!labels.every((one) => label.test(one)) || /^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1)!)) return false;
  return labels.length > 1 || !/^i-/i.test(text);
}

/** A literal id: address or host name, with or without a port. Undefined for anything else. */
export function parseLiteral(id: string): Destination | undefined {
  if (id.length > MAX_ID_LENGTH) return undefined;
  const bare = canonicalAddress(id);
  if (bare !== undefined) return { host: bare };
  const parts = /^(?:\[(?<bracketed>[0-9a-f:.]+)\]|(?<plain>[^:[\]]+))(?::(?<port>\d{1,5}))?$/i.exec(id)?.groups;
  if (parts === undefined) return undefined;
  const { bracketed, plain, port } = parts;
  const number = port === undefined ? undefined : Number(port);
  if (number !== undefined && (number < 1 || number > MAX_PORT)) return undefined;
  const named = plain !== undefined && isHostName(plain) ? plain : undefined;
  const host = bracketed !== undefined ? canonicalAddress(bracketed) : (canonicalAddress(plain ?? '') ?? named);
  if (host === undefined) return undefined;
  return number === undefined ? { host } : { host, port: number };
}

/** What the id stands for, by the inventory or as a literal. */
export function destinationOf(id: string, configuration: Configuration): Destination | undefined {
  const { inventory } = configuration.instances;
  if (!Object.hasOwn(inventory, id)) return parseLiteral(id);
  const { address, zone, ports } = inventory[id]!;
  return {
    host: canonicalAddress(address) ?? address,
    ...(zone === undefined ? {} : { zone }),
    ...(ports === undefined ? {} : { ports }),
  };
}

/** Whether only an EC2 endpoint can know the id. */
export function isEc2Id(id: string, configuration: Configuration): boolean {
  return /^i-[0-9a-z-]{1,61}$/i.test(id) && destinationOf(id, configuration) === undefined;
}

/** Whether anything could be registered by the id. EC2 is not asked: what is gone from there may be asked for all the same. */
export function couldBeInstance(
  id: string,
  { configuration, ec2 }: Pick<CallContext, 'configuration' | 'ec2'>,
): boolean {
  return destinationOf(id, configuration) !== undefined || (ec2 !== undefined && isEc2Id(id, configuration));
}

/** The host name that has to be looked up for the id, if any. */
export function hostNameOf(id: string, configuration: Configuration): string | undefined {
  const host = destinationOf(id, configuration)?.host;
  return host === undefined || parseIp(host) !== undefined ? undefined : host;
}

export function invalidInstance(id: string, why: string): ElbFault {
  return elbFault('InvalidInstance', `Could not find EC2 instance ${shown(id)}. ${why}`);
}

export function unknownInstance(id: string, { ec2 }: Pick<CallContext, 'ec2'>): ElbFault {
  const notThere =
    ec2 === undefined ? '' : 'nor an instance with an address at the EC2 endpoint (instances.ec2Endpoint), ';
  return invalidInstance(
    id,
    `It is neither in the inventory of the configuration (instances.inventory), ${notThere}nor an IP address such as ` +
      '10.0.0.5, an address with a port such as 10.0.0.5:9001 or [fd00::5]:9001, nor the name of a host.',
  );
}

/** Where the EC2 endpoint has the instance. */
export function ec2DestinationOf(id: string, ec2: Pick<Ec2Directory, 'instance'> | undefined): Destination | undefined {
  const { address: host, zone } = ec2?.instance(id) ?? {};
  if (host === undefined) return undefined;
  return { host, ...(zone === undefined ? {} : { zone }) };
}

/** Why no instance may have this address. */
function addressFault(id: string, text: string, { configuration }: CallContext): ElbFault | undefined {
  const problem = addressProblem(text);
  const stated = text === id ? text : `${text}, which it stands for,`;
  if (problem === 'unusable')
    return invalidInstance(id, `No connection can be made to ${stated}: it is no address of a host.`);
  if (problem === undefined || configuration.instances.allowReserved) return undefined;
  return invalidInstance(
    id,
    `The address ${stated} is link-local, where machines keep services of their own; ` +
      'set instances.allowReserved in the configuration to allow it.',
  );
}

/** No fault of the id's: SDKs try again what is answered so, and InvalidInstance never. */
function unansweredFault(host: string, { cause }: Unanswered): ElbFault {
  return elbFault(
    'ServiceUnavailable',
    `What the host name ${shown(host)} stands for cannot be found out at the moment: ${cause}. Nothing was changed; please ` +
      'try again.',
  );
}

/** What the id stands for, when a load balancer may have it as an instance. */
export function resolveInstance(id: string, context: CallContext): Destination | ElbFault {
  const destination = destinationOf(id, context.configuration) ?? ec2DestinationOf(id, context.ec2);
  if (destination === undefined) return unknownInstance(id, context);
  const address = parseIp(destination.host) === undefined ? context.addresses.get(destination.host) : destination.host;
  if (typeof address === 'object') return unansweredFault(destination.host, address);
  if (address === undefined) return invalidInstance(id, `The host name ${shown(destination.host)} has no address.`);
  return addressFault(id, address, context) ?? destination;
}
