/** Who calls: by signature, or, where the operator asked for that by name, anybody on this machine. */
import { isIP } from 'node:net';
import type { Configuration } from '../model/configuration.ts';
import { DEFAULT_ACCOUNT_ID } from './credentials.ts';
import type { KeyRing } from './credentials.ts';
import { commonFault, Fault } from './fault.ts';
import type { Caller } from './service.ts';
import { headerValues } from '../wire/sigv4-canonical.ts';
import type { WireRequest } from '../wire/sigv4-canonical.ts';
import { readClaim } from './sigv4-claim.ts';
import { verifySignature } from './sigv4.ts';

/** A caller, and the service that the call was signed for (unknown where no signature is asked for and none given). */
export interface Identity {
  readonly caller: Caller;
  readonly service: string | undefined;
}

/** What browsers say in Sec-Fetch-Site of requests that no other site has made. */
const OWN_SITES = ['same-origin', 'none'];

/** The host of a Host header, without its port. */
function hostOf(header: string): string {
  return header.replace(/:\d*$/, '').toLowerCase();
}

/**
 * Without signatures, a web page open in a browser on this machine could call the API: across origins with a form or
 * an image, or on its own name pointed at this address. Browsers say where a request comes from; nobody else needs
 * these headers. An image is asked for without an Origin, but every browser says by Sec-Fetch-Site that it is another
 * site's (`none`: somebody typed the address).
 */
function browserFault(headers: ReadonlyMap<string, string>): Fault | undefined {
  const host = headers.get('host') ?? '';
  const name = hostOf(host).replace(/^\[|\]$/g, '');
  if (isIP(name) === 0 && name !== 'localhost' && !name.endsWith('.localhost')) {
    return commonFault(
      'AccessDenied',
      'Without signatures (auth: none), the API is called by an IP address or as localhost.',
    );
  }
  const origin = headers.get('origin');
  const isOwnOrigin = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  if (isOwnOrigin && OWN_SITES.includes(headers.get('sec-fetch-site') ?? 'none')) return undefined;
  return commonFault('AccessDenied', 'Without signatures (auth: none), the API takes no calls from other web sites.');
}

/** Nobody is asked who they are. SDKs sign all the same: what they claim tells region and service. */
function trustEverybody(request: WireRequest, configuration: Configuration): Identity | Fault {
  const fault = browserFault(headerValues(request.rawHeaders));
  if (fault !== undefined) return fault;
  const claim = readClaim(request);
  const claimed = claim instanceof Fault ? undefined : claim;
  return {
    caller: { accountId: DEFAULT_ACCOUNT_ID, region: claimed?.region ?? configuration.region, readOnly: false },
    service: claimed?.service,
  };
}

/** Who calls and for which service, or why the call does not count. */
export function authenticate(
  request: WireRequest,
  keys: KeyRing,
  configuration: Configuration,
  nowMs: number,
): Identity | Fault {
  if (configuration.api.auth === 'none') return trustEverybody(request, configuration);
  const signed = verifySignature(request, keys, nowMs);
  if (signed instanceof Fault) return signed;
  const { accountId, accessKeyId, readOnly, profile } = signed.credential;
  const caller = { accountId, accessKeyId, userName: profile, readOnly, region: signed.region };
  return { caller, service: signed.service };
}
