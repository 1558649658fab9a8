/** Which listeners there may be (protocols in pairs of one layer, ports, certificates), and when two are the same. */
import { MAX_PORT } from '../../../model/limits.ts';
import { isTls, layerOf } from '../../../model/load-balancer.ts';
import type { Listener, Platform, Protocol } from '../../../model/load-balancer.ts';
import { DEFAULT_SSL_POLICY_NAME } from '../../../model/ssl-policy.ts';
import { Fault, rangeViolations, shown, violationsFault } from '../../fault.ts';
import { certificateFault } from './certificates.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import type { CallContext } from './operation.ts';
import type * as shapes from './shapes.ts';

const PROTOCOLS: readonly Protocol[] = ['HTTP', 'HTTPS', 'TCP', 'SSL'];
const PORT_RANGE = { min: 1, max: MAX_PORT };
/** EC2-Classic: these, and everything from 1024 on. */
const CLASSIC_PORTS: readonly number[] = [25, 80, 443, 465, 587];
const CLASSIC_FIRST_FREE_PORT = 1024;

function readProtocol(text: string, what: string): Protocol | ElbFault {
  const protocol = PROTOCOLS.find((known) => known === text.toUpperCase());
  return (
    protocol ?? elbFault('UnsupportedProtocol', `${what} '${shown(text)}' must be one of ${PROTOCOLS.join(', ')}.`)
  );
}

function portFault(listener: shapes.Listener, index: number, platform: Platform): ElbFault | undefined {
  const path = `listeners.${index + 1}.member`;
  const fault = violationsFault([
    ...rangeViolations(listener.LoadBalancerPort, `${path}.loadBalancerPort`, PORT_RANGE),
    ...rangeViolations(listener.InstancePort, `${path}.instancePort`, PORT_RANGE),
  ]);
  if (fault !== undefined) return fault;
  const port = listener.LoadBalancerPort;
  if (platform === 'vpc' || CLASSIC_PORTS.includes(port) || port >= CLASSIC_FIRST_FREE_PORT) return undefined;
  return elbFault(
    'ValidationError',
    `EC2-Classic load balancer port must be either ${CLASSIC_PORTS.join(', ')} or ${CLASSIC_FIRST_FREE_PORT}~${MAX_PORT} ` +
      `inclusive, got ${port} (platform of the configuration)`,
  );
}

function encryptionFault(
  protocol: Protocol,
  port: number,
  certificate: string | undefined,
  context: CallContext,
): ElbFault | undefined {
  if (!isTls(protocol)) {
    if (certificate === undefined) return undefined;
    return elbFault(
      'ValidationError',
      `The ${protocol} listener on port ${port} cannot have a SSLCertificateId: only HTTPS and SSL listeners have one.`,
    );
  }
  if (certificate === undefined)
    return elbFault('ValidationError', 'Secure Listeners need to specify a SSLCertificateId');
  return certificateFault(certificate, context);
}

function readListener(input: shapes.Listener, index: number, context: CallContext): Listener | ElbFault {
  const protocol = readProtocol(input.Protocol, 'Listener protocol');
  if (typeof protocol !== 'string') return protocol;
  // What goes out in the clear by default: encryption to the instances is asked for by name.
  const standard = layerOf(protocol) === 7 ? 'HTTP' : 'TCP';
  const instanceProtocol = readProtocol(blankAsAbsent(input.InstanceProtocol) ?? standard, 'Instance protocol');
  if (typeof instanceProtocol !== 'string') return instanceProtocol;
  const port = input.LoadBalancerPort;
  if (layerOf(protocol) !== layerOf(instanceProtocol)) {
    return elbFault(
      'InvalidConfigurationRequest',
      `The listener on port ${port} cannot have protocol ${protocol} and instance protocol ${instanceProtocol}: ` +
        'HTTP and HTTPS go with HTTP or HTTPS, TCP and SSL with TCP or SSL.',
    );
  }
  const certificate = blankAsAbsent(input.SSLCertificateId);
  const fault =
    portFault(input, index, context.configuration.platform) ?? encryptionFault(protocol, port, certificate, context);
  if (fault !== undefined) return fault;
  return {
    protocol,
    loadBalancerPort: port,
    instanceProtocol,
    instancePort: input.InstancePort,
    ...(certificate === undefined ? {} : { sslCertificateId: certificate }),
    policyNames: isTls(protocol) ? [DEFAULT_SSL_POLICY_NAME] : [],
  };
}

/** Clients send an empty text for a member that they leave out. */
function blankAsAbsent(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** Whether both stand for the same listener; policies are set later and do not count. */
export function isSameListener(a: Listener, b: Listener): boolean {
  return (
    a.loadBalancerPort === b.loadBalancerPort &&
    a.protocol === b.protocol &&
    a.instanceProtocol === b.instanceProtocol &&
    a.instancePort === b.instancePort &&
    a.sslCertificateId === b.sslCertificateId
  );
}

/** The documentation: listeners with the same instance port are all secure towards the instances, or none is. */
function mixedSecurityFault(listeners: readonly Listener[]): ElbFault | undefined {
  for (const listener of listeners) {
    const other = listeners.find(
      ({ instancePort, instanceProtocol }) =>
        instancePort === listener.instancePort && isTls(instanceProtocol) !== isTls(listener.instanceProtocol),
    );
    if (other === undefined) continue;
    return elbFault(
      'InvalidConfigurationRequest',
      `Instance port ${listener.instancePort} cannot have the instance protocols ${listener.instanceProtocol} ` +
        `(port ${listener.loadBalancerPort}) and ${other.instanceProtocol} (port ${other.loadBalancerPort}): ` +
        'either all listeners with an instance port are secure (HTTPS, SSL), or none.',
    );
  }
  return undefined;
}

/**
 * `existing` and the listeners of `input` together, each port once. The same listener again is fine, another on the
 * same port is `DuplicateListener`.
 */
export function addListeners(
  name: string,
  existing: readonly Listener[],
  input: readonly shapes.Listener[],
  context: CallContext,
): readonly Listener[] | ElbFault {
  const listeners = [...existing];
  for (const [index, one] of input.entries()) {
    const listener = readListener(one, index, context);
    if (listener instanceof Fault) return listener;
    const other = listeners.find(({ loadBalancerPort }) => loadBalancerPort === listener.loadBalancerPort);
    if (other === undefined) listeners.push(listener);
    else if (!isSameListener(other, listener)) {
      return elbFault(
        'DuplicateListener',
        `A listener already exists for ${shown(name)} with LoadBalancerPort ${listener.loadBalancerPort}, ` +
          'but with a different InstancePort, Protocol, or SSLCertificateId',
      );
    }
  }
  return mixedSecurityFault(listeners) ?? listeners;
}
