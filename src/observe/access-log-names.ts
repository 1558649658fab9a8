/** Where access log files stand, and which interval a line belongs to: pure. */
import type { LoadBalancer } from '../model/load-balancer.ts';

/** Where the lines of one load balancer go, as its attribute says at the moment. */
export interface LogDestination {
  readonly accountId: string;
  readonly region: string;
  readonly loadBalancer: string;
  readonly address: string;
  readonly bucket: string;
  readonly prefix: string | undefined;
  readonly intervalMs: number;
}

/** Undefined where the access log is off. */
export function destinationOf(record: LoadBalancer): LogDestination | undefined {
  const { enabled, s3BucketName, s3BucketPrefix, emitInterval } = record.attributes.accessLog;
  if (!enabled || s3BucketName === undefined) return undefined;
  return {
    accountId: record.accountId,
    region: record.region,
    loadBalancer: record.name,
    address: record.address,
    bucket: s3BucketName,
    prefix: s3BucketPrefix,
    intervalMs: emitInterval * 60_000,
  };
}

/** The end of the interval that `epochMs` lies in: intervals are aligned to the clock, in UTC. */
export function intervalEndMs(epochMs: number, intervalMs: number): number {
  return (Math.floor(epochMs / intervalMs) + 1) * intervalMs;
}

function folderOf({ bucket, prefix, accountId }: LogDestination): string {
  return [bucket, ...(prefix === undefined ? [] : [prefix]), 'AWSLogs', accountId].join('/');
}

/**
 * `bucket[/prefix]/AWSLogs/<account>/elasticloadbalancing/<region>/yyyy/mm/dd/<account>_elasticloadbalancing_<region>_<name>_<end-time>_<ip>_<random>.log`.
 * The colons of IPv6 are dots there, since many tools take a colon for something else.
 */
export function logFileKey(destination: LogDestination, endMs: number, random: string): string {
  const { accountId, region, loadBalancer, address } = destination;
  const iso = new Date(endMs).toISOString();
  const date = iso.slice(0, 10).replaceAll('-', '/');
  const endTime = `${iso.slice(0, 16).replaceAll(/[-:]/g, '')}Z`;
  const node = address.replaceAll(':', '.');
  const name = [accountId, 'elasticloadbalancing', region, loadBalancer, endTime, node, random].join('_');
  return `${folderOf(destination)}/elasticloadbalancing/${region}/${date}/${name}.log`;
}

/** What is put there when the log is switched on, to show that it can be. */
export function testFileKey(destination: LogDestination): string {
  return `${folderOf(destination)}/ELBAccessLogTestFile`;
}

/** A key's bucket, and the key within it. */
export function splitKey(key: string): { readonly bucket: string; readonly object: string } {
  const slash = key.indexOf('/');
  return { bucket: key.slice(0, slash), object: key.slice(slash + 1) };
}
