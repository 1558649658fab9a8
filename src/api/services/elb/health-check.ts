/** ConfigureHealthCheck. */
import { isDeepStrictEqual } from 'node:util';
import { parseHealthCheckTarget } from '../../../health/health-check-target.ts';
import { HEALTH_CHECK } from '../../../model/limits.ts';
import type { HealthCheck } from '../../../model/load-balancer.ts';
import { Fault, rangeViolations, shown, violationsFault } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import { ownApiFault } from './own-api.ts';
import type * as shapes from './shapes.ts';

/** The check of a load balancer that was given none: a TCP connection to the first listener's instance port. */
export function defaultHealthCheck(instancePort: number): HealthCheck {
  return {
    target: `TCP:${instancePort}`,
    interval: HEALTH_CHECK.interval.default,
    timeout: HEALTH_CHECK.timeout.default,
    unhealthyThreshold: HEALTH_CHECK.unhealthyThreshold.default,
    healthyThreshold: HEALTH_CHECK.healthyThreshold.default,
  };
}

export function describeHealthCheck(check: HealthCheck): shapes.HealthCheck {
  return {
    Target: check.target,
    Interval: check.interval,
    Timeout: check.timeout,
    UnhealthyThreshold: check.unhealthyThreshold,
    HealthyThreshold: check.healthyThreshold,
  };
}

/** Why the target is none, in AWS's words where it has them. */
function targetFault(text: string): ElbFault {
  const [protocol = ''] = text.split(':');
  const problem = /^(HTTP|HTTPS)$/i.test(protocol)
    ? `HealthCheck ${protocol.toUpperCase()} Target must specify a port followed by a path that begins with a slash. ` +
      `e.g. HTTP:80/ping/this/path (at most ${HEALTH_CHECK.maxPathBytes} bytes, no spaces)`
    : /^(TCP|SSL)$/i.test(protocol)
      ? 'HealthCheck Target must specify a port number, and nothing after it. e.g. TCP:8080'
      : 'HealthCheck Target must begin with one of HTTP, HTTPS, TCP, SSL';
  return elbFault('ValidationError', `${problem}, got '${shown(text)}'`);
}

function readHealthCheck(input: shapes.HealthCheck): (HealthCheck & { readonly port: number }) | ElbFault {
  const fault = violationsFault([
    ...rangeViolations(input.Interval, 'healthCheck.interval', HEALTH_CHECK.interval),
    ...rangeViolations(input.Timeout, 'healthCheck.timeout', HEALTH_CHECK.timeout),
    ...rangeViolations(input.UnhealthyThreshold, 'healthCheck.unhealthyThreshold', HEALTH_CHECK.unhealthyThreshold),
    ...rangeViolations(input.HealthyThreshold, 'healthCheck.healthyThreshold', HEALTH_CHECK.healthyThreshold),
  ]);
  if (fault !== undefined) return fault;
  const target = parseHealthCheckTarget(input.Target);
  if (target === undefined) return targetFault(input.Target);
  if (input.Timeout >= input.Interval) {
    return elbFault(
      'ValidationError',
      `HealthCheck Timeout must be less than Interval, got ${input.Timeout} and ${input.Interval} seconds`,
    );
  }
  return {
    target: `${target.protocol}:${target.port}${target.path}`,
    interval: input.Interval,
    timeout: input.Timeout,
    unhealthyThreshold: input.UnhealthyThreshold,
    healthyThreshold: input.HealthyThreshold,
    port: target.port,
  };
}

function configureHealthCheck(
  input: shapes.ConfigureHealthCheckInput,
  context: CallContext,
): Decision<shapes.ConfigureHealthCheckOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const read = readHealthCheck(input.HealthCheck);
  if (read instanceof Fault) return read;
  const { port, ...healthCheck } = read;
  const own = ownApiFault(record.instances, [port], context);
  if (own !== undefined) return own;
  const output = { HealthCheck: describeHealthCheck(healthCheck) };
  const isSame = isDeepStrictEqual(healthCheck, record.healthCheck);
  return isSame ? answer(output) : save({ ...record, healthCheck }, output);
}

export const healthCheckHandlers = {
  ConfigureHealthCheck: { mutates: true, decide: configureHealthCheck },
} satisfies { ConfigureHealthCheck: Handler<'ConfigureHealthCheck'> };
