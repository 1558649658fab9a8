/** DescribeLoadBalancerAttributes, ModifyLoadBalancerAttributes. */
import { isDeepStrictEqual } from 'node:util';
import { DRAINING_TIMEOUT, IDLE_TIMEOUT } from '../../../model/limits.ts';
import type { AccessLogAttribute, Attributes } from '../../../model/load-balancer.ts';
import { Fault, rangeViolations, shown, violationsFault } from '../../fault.ts';
import { describeAdditionalAttributes, readAdditionalAttributes } from './additional-attributes.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import type * as shapes from './shapes.ts';

const MAX_PREFIX_LENGTH = 512;
/**
 * S3's rules, which also keep a name from leaving the folder that logs go to where there is no S3, and from being longer than a
 * file system takes, or that of a file which another load balancer's logs bring.
 */
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX_SEGMENT = /^(?!(?:\.{1,2}|AWSLogs)$)[A-Za-z0-9!_.*'()-]{1,255}$/;

/** The attributes of a new load balancer. */
export function defaultAttributes(): Attributes {
  return {
    crossZoneLoadBalancing: false,
    accessLog: { enabled: false, emitInterval: 60 },
    connectionDraining: { enabled: false, timeout: DRAINING_TIMEOUT.default },
    idleTimeout: IDLE_TIMEOUT.default,
    additional: {},
  };
}

function rangeFault(input: shapes.LoadBalancerAttributes): ElbFault | undefined {
  const path = 'loadBalancerAttributes';
  return violationsFault([
    ...rangeViolations(input.ConnectionDraining?.Timeout, `${path}.connectionDraining.timeout`, DRAINING_TIMEOUT),
    ...rangeViolations(input.ConnectionSettings?.IdleTimeout, `${path}.connectionSettings.idleTimeout`, IDLE_TIMEOUT),
  ]);
}

/** What the access log attribute becomes: members that are not given stay as they were. */
function readAccessLog(input: shapes.AccessLog, before: AccessLogAttribute): AccessLogAttribute | ElbFault {
  const { EmitInterval: interval, S3BucketName: bucket, S3BucketPrefix: prefix } = input;
  const invalid = (message: string): ElbFault => elbFault('InvalidConfigurationRequest', message);
  if (interval !== undefined && interval !== 5 && interval !== 60) {
    return invalid(`The EmitInterval of access logs must be 5 or 60 minutes, got ${interval}.`);
  }
  if (bucket !== undefined && bucket !== '' && !BUCKET_NAME.test(bucket)) {
    return invalid(
      `The S3BucketName '${shown(bucket)}' is no name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens.`,
    );
  }
  if (prefix !== undefined && prefix !== '' && !isPrefix(prefix)) {
    return invalid(
      `The S3BucketPrefix '${shown(prefix)}' must be names divided by single slashes, without one at the beginning or end, of ` +
        `at most ${MAX_PREFIX_LENGTH} characters (255 each), and none of them AWSLogs.`,
    );
  }
  const after = {
    enabled: input.Enabled,
    emitInterval: interval ?? before.emitInterval,
    ...textMember('s3BucketName', bucket ?? before.s3BucketName),
    ...textMember('s3BucketPrefix', prefix ?? before.s3BucketPrefix),
  };
  if (after.enabled && after.s3BucketName === undefined) {
    return invalid('To enable access logs, the S3BucketName that they go to must be given.');
  }
  return after;
}

function isPrefix(text: string): boolean {
  return text.length <= MAX_PREFIX_LENGTH && text.split('/').every((segment) => PREFIX_SEGMENT.test(segment));
}

/** The member, unless it is empty or absent. */
function textMember<Name extends string>(name: Name, text: string | undefined): { readonly [K in Name]?: string } {
  return text === undefined || text === '' ? {} : ({ [name]: text } as { readonly [K in Name]?: string });
}

/** `before` with what `input` names changed. */
function readAttributes(input: shapes.LoadBalancerAttributes, before: Attributes): Attributes | ElbFault {
  const fault = rangeFault(input);
  if (fault !== undefined) return fault;
  const accessLog = input.AccessLog === undefined ? before.accessLog : readAccessLog(input.AccessLog, before.accessLog);
  if (accessLog instanceof Fault) return accessLog;
  const additional = readAdditionalAttributes(input.AdditionalAttributes ?? []);
  if (additional instanceof Fault) return additional;
  return {
    crossZoneLoadBalancing: input.CrossZoneLoadBalancing?.Enabled ?? before.crossZoneLoadBalancing,
    accessLog,
    connectionDraining: {
      enabled: input.ConnectionDraining?.Enabled ?? before.connectionDraining.enabled,
      timeout: input.ConnectionDraining?.Timeout ?? before.connectionDraining.timeout,
    },
    idleTimeout: input.ConnectionSettings?.IdleTimeout ?? before.idleTimeout,
    additional: { ...before.additional, ...additional },
  };
}

function modifyAttributes(
  input: shapes.ModifyLoadBalancerAttributesInput,
  context: CallContext,
): Decision<shapes.ModifyLoadBalancerAttributesOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const attributes = readAttributes(input.LoadBalancerAttributes, record.attributes);
  if (attributes instanceof Fault) return attributes;
  const output = { LoadBalancerName: record.name, LoadBalancerAttributes: input.LoadBalancerAttributes };
  return isDeepStrictEqual(attributes, record.attributes) ? answer(output) : save({ ...record, attributes }, output);
}

/** Off and never set: nothing but that. What was set is kept and described while logs are off, as Terraform expects. */
function describeAccessLog(accessLog: AccessLogAttribute): shapes.AccessLog {
  const { enabled, s3BucketName, s3BucketPrefix } = accessLog;
  if (s3BucketName === undefined) return { Enabled: enabled };
  return {
    Enabled: enabled,
    S3BucketName: s3BucketName,
    EmitInterval: accessLog.emitInterval,
    ...(s3BucketPrefix === undefined ? {} : { S3BucketPrefix: s3BucketPrefix }),
  };
}

function describeAttributes(
  input: shapes.DescribeLoadBalancerAttributesInput,
  context: CallContext,
): Decision<shapes.DescribeLoadBalancerAttributesOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const { attributes } = record;
  return answer({
    LoadBalancerAttributes: {
      CrossZoneLoadBalancing: { Enabled: attributes.crossZoneLoadBalancing },
      AccessLog: describeAccessLog(attributes.accessLog),
      ConnectionDraining: {
        Enabled: attributes.connectionDraining.enabled,
        Timeout: attributes.connectionDraining.timeout,
      },
      ConnectionSettings: { IdleTimeout: attributes.idleTimeout },
      AdditionalAttributes: describeAdditionalAttributes(attributes.additional),
    },
  });
}

export const attributeHandlers = {
  DescribeLoadBalancerAttributes: { mutates: false, decide: describeAttributes },
  ModifyLoadBalancerAttributes: { mutates: true, decide: modifyAttributes },
} satisfies {
  DescribeLoadBalancerAttributes: Handler<'DescribeLoadBalancerAttributes'>;
  ModifyLoadBalancerAttributes: Handler<'ModifyLoadBalancerAttributes'>;
};
