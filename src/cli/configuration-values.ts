/** Single values of the configuration: from text or YAML to a type, or what was expected instead. */
import { isIP } from 'node:net';
import { isLoopback as isLoopbackAddress } from '../api/own-addresses.ts';
import { formatNetwork, parseIp, parseNetwork } from '../kit/ip.ts';
import { MAX_PORT, MAX_THREADS } from '../model/limits.ts';

/** A value that is not right: what would be, and, where it helps, more than the value itself about what is wrong. */
export class Unexpected {
  readonly expected: string;
  readonly found: string | undefined;

  constructor(expected: string, found?: string) {
    this.expected = expected;
    this.found = found;
  }
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface PortRange {
  readonly fromPort: number;
  readonly toPort: number;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)*$/i;

/** `HOST:PORT`, `[IPV6]:PORT`; port 0 is any free one. */
export function endpoint(value: unknown): Endpoint | Unexpected {
  const wrong = new Unexpected('HOST:PORT, such as 127.0.0.1:7600 or [::1]:7600');
  if (typeof value !== 'string') return wrong;
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/.exec(value);
  if (match?.groups === undefined) return wrong;
  const { v6, host = v6, port } = match.groups;
  if (host === undefined || Number(port) > MAX_PORT || !isHost(host) || (v6 !== undefined && isIP(v6) !== 6))
    return wrong;
  return { host, port: Number(port) };
}

/** One element of an address pool: an address, or a network in CIDR form. */
export function addressOrNetwork(value: unknown): string | Unexpected {
  const expected = 'an IPv4 or IPv6 address, or a network such as 127.41.7.0/25';
  if (typeof value !== 'string') return new Unexpected(expected);
  // Not one with a zone (`fe80::1%eth0`), which stands for itself only where it is written.
  return value.includes('/') ? network(value, expected, '') : parseIp(value) ? value : new Unexpected(expected);
}

/** A network in CIDR form, with nothing behind its prefix. */
export function cidr(value: unknown): string | Unexpected {
  const expected = 'a network in CIDR form, such as 10.0.0.0/8 or 203.0.113.7/32';
  return typeof value === 'string' && value.includes('/') ? network(value, expected, '/32') : new Unexpected(expected);
}

/** Bits below the prefix are a slip: was the network meant, or the one address? */
function network(text: string, expected: string, alone: '' | '/32'): string | Unexpected {
  const [host = ''] = text.split('/');
  const parsed = parseNetwork(text);
  if (parsed === undefined) return new Unexpected(expected);
  if (parseIp(host)?.value === parsed.first) return text;
  const single = alone !== '' && parsed.family === 6 ? `${host}/128` : `${host}${alone}`;
  return new Unexpected(`${formatNetwork(parsed)} (the whole network) or ${single} (the one address)`);
}

export function hostOrAddress(value: unknown): string | Unexpected {
  if (typeof value === 'string' && isHost(value)) return value;
  return new Unexpected('an IP address or a host name, without a port');
}

/** An URL of HTTP or HTTPS with nothing behind its path; no names and passwords, which have no place in it. */
export function webAddress(value: unknown, example = 'https://ec2.us-east-1.amazonaws.com'): string | Unexpected {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isWeb) return new Unexpected(`an address such as ${example}`);
  if (url.username !== '' || url.password !== '')
    return new Unexpected('an address without user name and password', 'one with them');
  if (url.search !== '' || url.hash !== '') return new Unexpected('an address that ends with its path');
  return url.href;
}

export function domainName(value: unknown): string | Unexpected {
  if (typeof value === 'string' && HOST_NAME.test(value)) return value;
  return new Unexpected('a domain name, such as localhost or lb.example.com');
}

export function port(value: unknown): number | Unexpected {
  return wholeNumber(1, MAX_PORT)(value) instanceof Unexpected
    ? new Unexpected(`a port from 1 to ${MAX_PORT}`)
    : Number(value);
}

/** `80`, `"80"`, `"1000-2000"`. */
export function portRange(value: unknown): PortRange | Unexpected {
  const wrong = new Unexpected(`a port such as 80, or a range such as 1000-2000, from 1 to ${MAX_PORT}`);
  const match =
    typeof value === 'number' || typeof value === 'string' ? /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(`${value}`) : null;
  if (match === null) return wrong;
  const fromPort = Number(match[1]);
  const toPort = Number(match[2] ?? match[1]);
  return fromPort >= 1 && fromPort <= toPort && toPort <= MAX_PORT ? { fromPort, toPort } : wrong;
}

/** A whole number, or the digits of one (flags and variables are text). */
export function wholeNumber(min: number, max: number): (value: unknown) => number | Unexpected {
  return (value) => {
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
    return new Unexpected(`a whole number from ${min} to ${max}`);
  };
}

export const threadCount = wholeNumber(1, MAX_THREADS);

export function oneOf<const T extends string>(...choices: readonly T[]): (value: unknown) => T | Unexpected {
  return (value) => choices.find((choice) => choice === value) ?? new Unexpected(choices.join(' or '));
}

export const logLevel = oneOf('debug', 'info', 'warn', 'error', 'silent');
export const logFormat = oneOf('json', 'pretty');

export function flag(value: unknown): boolean | Unexpected {
  return typeof value === 'boolean' ? value : new Unexpected('true or false');
}

/** Text that `pattern` accepts; `expected` describes it. */
export function text(pattern: RegExp, expected: string): (value: unknown) => string | Unexpected {
  return (value) => (typeof value === 'string' && pattern.test(value) ? value : new Unexpected(expected));
}

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return isLoopbackAddress(host) || host.toLowerCase() === 'localhost';
}

function isHost(value: string): boolean {
  // Digits and dots that are no address are a slip, not a name: no top-level domain is a number.
  return isIP(value) > 0 || (HOST_NAME.test(value) && !/(?:^|\.)\d+$/.test(value));
}
