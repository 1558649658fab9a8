/** What a health check's `target` says: `TCP:80`, `SSL:443`, `HTTP:80/index.html`, `HTTPS:443/ping`. */
import { HEALTH_CHECK, MAX_PORT } from '../model/limits.ts';
import { layerOf, type Protocol } from '../model/load-balancer.ts';

export interface HealthCheckTarget {
  readonly protocol: Protocol;
  /** An instance port: what it means on an instance is the instance's to say (`realPort`). */
  readonly port: number;
  /** The request target of HTTP and HTTPS checks; empty for TCP and SSL. */
  readonly path: string;
}

const FORM = /^(?<protocol>TCP|SSL|HTTP|HTTPS):(?<port>\d{1,5})(?<path>\/.*)?$/i;
// Goes into a request line as it is: visible ASCII only.
const PATH = /^[\x21-\x7e]*$/;

const DEFAULT_PATH = '/index.html';

/** The parts of `text`, or undefined when it has not the form above (TCP and SSL take no path; HTTP and HTTPS have a default). */
export function parseHealthCheckTarget(text: string): HealthCheckTarget | undefined {
  const groups = FORM.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const protocol = groups['protocol']!.toUpperCase() as Protocol;
  const port = Number(groups['port']);
  const takesPath = layerOf(protocol) === 7;
  if (!takesPath && groups['path'] !== undefined) return undefined;
  const path = takesPath ? (groups['path'] ?? DEFAULT_PATH) : '';
  if (port < 1 || port > MAX_PORT) return undefined;
  if (path.length > HEALTH_CHECK.maxPathBytes || !PATH.test(path)) return undefined;
  return { protocol, port, path };
}
