/**
 * What a configuration file may say. Every option is optional; an issue's message is what was expected, and the
 * reader (configuration-document.ts) adds where, and what was found.
 */
import * as z from 'zod';
import type { InventoryInstance, SecurityGroupRule } from '../model/configuration.ts';
import type { Scheme } from '../model/load-balancer.ts';
import * as values from './configuration-values.ts';
import { Unexpected } from './configuration-values.ts';

/** What was found, where the value itself does not say it: kept beside zod's issue. */
export interface IssueParameters {
  readonly found?: string | undefined;
}

const MAX_STOP_TIMEOUT_SECONDS = 3600;
const MAX_QUOTA = 1_000_000;

/** A single value. */
function leaf<T>(parse: (value: unknown) => T | Unexpected) {
  return z.unknown().transform((value, context): T => {
    const result = parse(value);
    if (!(result instanceof Unexpected)) return result;
    report(context, value, result);
    return z.NEVER;
  });
}

function report(
  context: z.RefinementCtx,
  input: unknown,
  { expected, found }: Unexpected,
  path: PropertyKey[] = [],
): void {
  const params: IssueParameters = { found };
  context.issues.push({ code: 'custom', message: expected, input, path, params });
}

/** A mapping with these options and no other. */
function section<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, { error: () => `a mapping with ${Object.keys(shape).join(', ')}` });
}

/** A mapping from names that the reader of the file chooses. */
function named<T extends z.ZodType>(key: (value: unknown) => string | Unexpected, what: string, value: T) {
  return z.record(leaf(key) as unknown as z.ZodString, value, { error: () => `a mapping from ${what}` });
}

function listOf<T extends z.ZodType>(element: T, what: string) {
  return z.array(element, { error: () => `a list of ${what}` });
}

/** One value or a list of them; the elements of a list are reported one by one. */
function oneOrMore<T>(parse: (value: unknown) => T | Unexpected) {
  return z.unknown().transform((value, context): readonly T[] => {
    const elements: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (elements.length === 0) report(context, value, new Unexpected('at least one element', 'an empty list'));
    return elements.flatMap((element, index) => {
      const result = parse(element);
      if (!(result instanceof Unexpected)) return [result];
      report(context, element, result, Array.isArray(value) ? [index] : []);
      return [];
    });
  });
}

const pool = oneOrMore(values.addressOrNetwork);
const poolsByScheme = section({ 'internet-facing': pool, internal: pool });

const addresses = z.unknown().transform((value, context): Readonly<Record<Scheme, readonly string[]>> => {
  const byScheme = typeof value === 'object' && value !== null && !Array.isArray(value);
  const result = byScheme ? poolsByScheme.safeParse(value) : pool.safeParse(value);
  if (!result.success) {
    context.issues.push(...(result.error.issues as typeof context.issues));
    return z.NEVER;
  }
  return 'internal' in result.data ? result.data : { 'internet-facing': result.data, internal: result.data };
});

/** The system takes everything else. */
const PATH = /^[^\0]+$/;
const zone = values.text(/^[a-z\d][a-z\d-]{0,63}$/, 'the name of a zone, such as us-east-1a');
const region = values.text(/^[a-z\d][a-z\d-]{0,31}$/, 'the name of a region, such as us-east-1');
const subnetId = values.text(/^subnet-[a-z\d-]{1,57}$/, 'the id of a subnet: subnet-, then letters, digits or hyphens');
const groupId = values.text(/^sg-[a-z\d-]{1,61}$/, 'the id of a security group: sg-, then letters, digits or hyphens');
const instanceId = values.text(
  /^[^\s\p{Cc}/]{1,255}$/u,
  'the id of an instance, such as i-web1: no spaces, no slashes',
);
const portKey = (value: unknown) => {
  const result = values.port(value);
  return result instanceof Unexpected ? result : String(result);
};

const inventoryInstance = section({
  address: leaf(values.hostOrAddress),
  zone: leaf(zone).optional(),
  ports: named(portKey, 'instance ports to real ports', leaf(values.port)).optional(),
}).transform(({ address, zone, ports }): InventoryInstance => ({
  address,
  ...(zone === undefined ? {} : { zone }),
  ...(ports === undefined ? {} : { ports }),
}));

const securityGroupRules = section({
  cidr: leaf(values.cidr),
  ports: oneOrMore(values.portRange),
}).transform(({ cidr, ports }): SecurityGroupRule[] => ports.map((range) => ({ cidr, ...range })));

const securityGroup = section({
  ingress: listOf(securityGroupRules, 'rules with cidr and ports').transform((rules) => rules.flat()),
});

const certificateArn = values.text(
  /^arn:aws[a-z-]*:(?:iam::\d{12}:server-certificate\/(?:[\w+=,.@-]+\/){0,32}[\w+=,.@-]{1,128}|acm:[a-z\d-]{1,32}:\d{12}:certificate\/[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12})$/,
  'an ARN: arn:aws:iam::123456789012:server-certificate/NAME, or arn:aws:acm:REGION:123456789012:certificate/UUID',
);
const filePath = leaf(values.text(PATH, 'the path of a file of PEM'));

const quota = leaf(values.wholeNumber(1, MAX_QUOTA)).optional();

const profile = values.text(/^[^\s[\]]{1,128}$/, 'the name of a profile of the AWS credentials file');
const s3Endpoint = (value: unknown) => values.webAddress(value, 'https://s3.us-east-1.amazonaws.com');

export const fileSchema = section({
  dataDir: leaf(values.text(PATH, 'the path of a directory')).optional(),
  api: leaf(values.endpoint).optional(),
  auth: leaf(values.oneOf('sigv4', 'none')).optional(),
  addresses: addresses.optional(),
  threads: leaf(values.threadCount).optional(),
  platform: leaf(values.oneOf('vpc', 'ec2-classic')).optional(),
  region: leaf(region).optional(),
  domain: leaf(values.domainName).optional(),
  zones: listOf(leaf(zone), 'zones, such as [us-east-1a, us-east-1b]').optional(),
  subnets: named(subnetId, 'ids of subnets to zones', leaf(zone)).optional(),
  securityGroups: named(groupId, 'ids of security groups to their rules', securityGroup).optional(),
  certificates: named(
    certificateArn,
    'ARNs of certificates to their files',
    section({ certificate: filePath, privateKey: filePath, chain: filePath.optional() }),
  ).optional(),
  instances: section({
    inventory: named(instanceId, 'ids of instances to their addresses', inventoryInstance).optional(),
    allowReserved: leaf(values.flag).optional(),
    ec2Endpoint: leaf(values.webAddress).optional(),
    ec2Region: leaf(region).optional(),
    ec2Profile: leaf(profile).optional(),
  }).optional(),
  limits: section({ loadBalancers: quota, listeners: quota, instances: quota }).optional(),
  preconnect: leaf(values.flag).optional(),
  stopTimeout: leaf(values.wholeNumber(0, MAX_STOP_TIMEOUT_SECONDS)).optional(),
  accessLogs: section({
    folder: leaf(values.text(PATH, 'the path of a directory')).optional(),
    s3Endpoint: leaf(s3Endpoint).optional(),
    s3Region: leaf(region).optional(),
    s3Profile: leaf(profile).optional(),
    s3PathStyle: leaf(values.flag).optional(),
  }).optional(),
  log: section({
    level: leaf(values.logLevel).optional(),
    format: leaf(values.logFormat).optional(),
  }).optional(),
});

/** A checked file: what it does not say is absent. */
export type FileSettings = z.output<typeof fileSchema>;

/** The options that are known at `path`, for the message about one that is not. */
export function knownOptions(path: readonly string[]): readonly string[] {
  if (path[0] === 'addresses') return Object.keys(poolsByScheme.shape);
  let schema: unknown = fileSchema;
  for (const key of path) schema = memberOf(plain(schema), key);
  const found = plain(schema);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

function memberOf(schema: unknown, key: string): unknown {
  if (schema instanceof z.ZodObject) return schema.shape[key];
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return schema instanceof z.ZodArray ? schema.element : undefined;
}

/** Without what makes it optional or transforms it. */
function plain(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return plain(schema.unwrap());
  return schema instanceof z.ZodPipe ? plain(schema.in) : schema;
}
