/** Which addresses an instance may have: asked when it is registered, and each time that its name is looked up again. */
import { present } from '../kit/assert.ts';
import { formatIp, networkContains, parseIp, parseNetwork } from '../kit/ip.ts';

/** `unusable`: no connection can be made there. `link-local`: not without the operator's word (`instances.allowReserved`). */
export type AddressProblem = 'unusable' | 'link-local';

const IPV4_MAPPED = network('::ffff:0:0/96');
/** Unspecified, multicast, broadcast. */
const UNUSABLE = ['0.0.0.0/8', '224.0.0.0/4', '255.255.255.255/32', '::/128', 'ff00::/8'].map(network);
/** Cloud metadata services and their like live here. */
const LINK_LOCAL = ['169.254.0.0/16', 'fe80::/10'].map(network);

function network(text: string) {
  return present(parseNetwork(text), text);
}

/** The address in its canonical form, an IPv4-mapped one as IPv4; undefined for what is no address. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseIp(text);
  if (address === undefined) return undefined;
  if (!networkContains(IPV4_MAPPED, address)) return formatIp(address);
  return formatIp({ family: 4, value: address.value & 0xffff_ffffn });
}

/** Why an instance may not have the address `text`; undefined when it may. */
export function addressProblem(text: string): AddressProblem | undefined {
  const address = parseIp(canonicalAddress(text) ?? '');
  if (address === undefined || UNUSABLE.some((one) => networkContains(one, address))) return 'unusable';
  return LINK_LOCAL.some((one) => networkContains(one, address)) ? 'link-local' : undefined;
}
