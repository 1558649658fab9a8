/**
 * Where a {@link Configuration} comes from: flags win over the environment, the environment over the file, the file
 * over the defaults. Everything that is wrong is told at once.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { expectedOf } from '../api/credentials.ts';
import { messageOf } from '../kit/assert.ts';
import type { Configuration } from '../model/configuration.ts';
import { DEFAULT_QUOTAS, MAX_THREADS } from '../model/limits.ts';
import type { Scheme } from '../model/load-balancer.ts';
import { readCertificates } from './configuration-certificates.ts';
import { accessLogProblems, accessLogsOf } from './configuration-access-logs.ts';
import { parseConfigurationDocument, type ConfigurationDocument } from './configuration-document.ts';
import type { FileSettings } from './configuration-schema.ts';
import { ConfigurationError, show, type Place, type Problem } from './configuration-problems.ts';
import {
  addressOrNetwork,
  endpoint,
  isLoopback,
  logFormat,
  logLevel,
  threadCount,
  Unexpected,
} from './configuration-values.ts';

const EVERY_IPV4_ADDRESS = ['0.0.0.0'];
const DEFAULT_REGION = 'us-east-1';

/** Below the grace that service managers give: systemd 90 s, Kubernetes and Docker's compose files commonly 30 s. */
const DEFAULT_STOP_TIMEOUT_SECONDS = 25;

/** The options of the command line, as text. */
export interface ConfigurationFlags {
  readonly dataDir?: string | undefined;
  readonly api?: string | undefined;
  readonly listen?: string | undefined;
  readonly threads?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly logFormat?: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigurationSources {
  readonly file?: { readonly name: string; readonly text: string } | undefined;
  readonly flags: ConfigurationFlags;
  readonly environment: Environment;
  /** What the defaults are taken from. */
  readonly machine: { readonly cores: number; readonly terminal: boolean };
  /** Pool of both schemes where nothing names one. */
  readonly defaultPool?: readonly string[];
}

/** A key that is fixed from outside instead of made up at the first start. */
export interface FixedKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Reads the file at `path`, if any, and merges it with `flags` and `environment`. `defaultPool` stands in where nothing
 * names addresses.
 * @throws {ConfigurationError} with everything that is wrong.
 */
export function loadConfiguration(
  path: string | undefined,
  flags: ConfigurationFlags,
  environment: Environment,
  defaultPool: readonly string[] = EVERY_IPV4_ADDRESS,
): Configuration {
  const file = path === undefined ? undefined : { name: path, text: readConfigurationFile(path) };
  const machine = { cores: Math.min(MAX_THREADS, availableParallelism()), terminal: process.stderr.isTTY };
  return mergeConfiguration({ file, flags, environment, machine, defaultPool });
}

function readConfigurationFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigurationError([
      { source: path, message: `the configuration file cannot be read: ${messageOf(error)}` },
    ]);
  }
}

/**
 * The one configuration that `sources` make.
 * @throws {ConfigurationError} with everything that is wrong.
 */
export function mergeConfiguration(sources: ConfigurationSources): Configuration {
  const document = parseConfigurationDocument(sources.file?.name ?? 'the configuration', sources.file?.text ?? '');
  const problems = [...document.problems];
  const outside = <T>(option: Outside, parse: (text: string) => T | Unexpected) =>
    take(sources, option, parse, problems);
  const configuration = complete(document.settings, sources, {
    dataDir: outside('dataDir', directory),
    api: outside('api', endpoint),
    addresses: outside('listen', pools),
    threads: outside('threads', threadCount),
    log: { level: outside('logLevel', logLevel), format: outside('logFormat', logFormat) },
    certificates: readCertificates(document.settings.certificates ?? {}, document, problems),
  });
  problems.push(...contradictions(configuration, document), ...accessLogProblems(document));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return configuration;
}

interface WonLog {
  readonly log: { readonly [Key in keyof Configuration['log']]: Configuration['log'][Key] | undefined };
}

/** `settings` with `wins` above them and the defaults below. */
function complete(
  settings: FileSettings,
  { machine, defaultPool = EVERY_IPV4_ADDRESS }: ConfigurationSources,
  wins: Pick<FileSettings, 'dataDir' | 'api' | 'addresses' | 'threads'> & Pick<Configuration, 'certificates'> & WonLog,
): Configuration {
  return {
    dataDir: wins.dataDir ?? settings.dataDir ?? './weir-data',
    api: { ...(wins.api ?? settings.api ?? { host: '127.0.0.1', port: 7600 }), auth: settings.auth ?? 'sigv4' },
    addresses: wins.addresses ?? settings.addresses ?? bothSchemes(defaultPool),
    threads: wins.threads ?? settings.threads ?? machine.cores,
    platform: settings.platform ?? 'vpc',
    region: settings.region ?? DEFAULT_REGION,
    domain: settings.domain ?? 'localhost',
    zones: settings.zones ?? [],
    subnets: settings.subnets ?? {},
    securityGroups: settings.securityGroups ?? {},
    certificates: wins.certificates,
    instances: {
      inventory: settings.instances?.inventory ?? {},
      allowReserved: settings.instances?.allowReserved ?? false,
      ...ec2EndpointOf(settings),
    },
    limits: {
      loadBalancers: settings.limits?.loadBalancers ?? DEFAULT_QUOTAS.loadBalancers,
      listeners: settings.limits?.listeners ?? DEFAULT_QUOTAS.listeners,
      instances: settings.limits?.instances ?? DEFAULT_QUOTAS.instances,
    },
    preconnect: settings.preconnect ?? true,
    ...accessLogsOf(settings.accessLogs ?? {}, settings.region ?? DEFAULT_REGION),
    stopTimeout: settings.stopTimeout ?? DEFAULT_STOP_TIMEOUT_SECONDS,
    log: {
      level: wins.log.level ?? settings.log?.level ?? 'info',
      format: wins.log.format ?? settings.log?.format ?? (machine.terminal ? 'pretty' : 'json'),
    },
  };
}

function ec2EndpointOf({
  instances = {},
  region = DEFAULT_REGION,
}: FileSettings): Pick<Configuration['instances'], 'ec2'> {
  const { ec2Endpoint: url, ec2Region = region, ec2Profile: profile } = instances;
  if (url === undefined) return {};
  return { ec2: { url, region: ec2Region, ...(profile === undefined ? {} : { profile }) } };
}

/**
 * The key of `WEIR_ACCESS_KEY_ID` and `WEIR_SECRET_ACCESS_KEY`; undefined without them.
 * @throws {ConfigurationError} when only one of the two is set, or they could not stand in the credentials file.
 */
export function fixedKeyOf(environment: Environment): FixedKey | undefined {
  const accessKeyId = environment['WEIR_ACCESS_KEY_ID'] ?? '';
  const secretAccessKey = environment['WEIR_SECRET_ACCESS_KEY'] ?? '';
  if (accessKeyId === '' && secretAccessKey === '') return undefined;
  if (accessKeyId !== '' && secretAccessKey !== '') return checked({ accessKeyId, secretAccessKey });
  const [set, unset] = ['WEIR_ACCESS_KEY_ID', 'WEIR_SECRET_ACCESS_KEY'].sort((name) => (environment[name] ? -1 : 1));
  throw new ConfigurationError([{ source: unset!, message: `is missing, while ${set} is set; set both or neither` }]);
}

/** Neither is shown. */
function checked(key: FixedKey): FixedKey {
  const problems = [
    { source: 'WEIR_ACCESS_KEY_ID', expected: expectedOf('aws_access_key_id', key.accessKeyId) },
    { source: 'WEIR_SECRET_ACCESS_KEY', expected: expectedOf('aws_secret_access_key', key.secretAccessKey) },
  ].flatMap(({ source, expected }) => (expected === undefined ? [] : [{ source, message: `must be ${expected}` }]));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return key;
}

const OUTSIDE = {
  dataDir: { flag: '--data-dir', variable: 'WEIR_DATA_DIR' },
  api: { flag: '--api', variable: 'WEIR_API' },
  listen: { flag: '--listen', variable: 'WEIR_LISTEN' },
  threads: { flag: '--threads', variable: 'WEIR_THREADS' },
  logLevel: { flag: '--log-level', variable: 'WEIR_LOG_LEVEL' },
  logFormat: { flag: '--log-format', variable: 'WEIR_LOG_FORMAT' },
} as const;
type Outside = keyof typeof OUTSIDE;

/** The option from its flag or else its variable (an empty one counts as unset); what is wrong goes to `problems`. */
function take<T>(
  { flags, environment }: ConfigurationSources,
  option: Outside,
  parse: (text: string) => T | Unexpected,
  problems: Problem[],
): T | undefined {
  const { flag, variable } = OUTSIDE[option];
  const source = flags[option] === undefined ? variable : flag;
  const text = flags[option] ?? (environment[variable] === '' ? undefined : environment[variable]);
  if (text === undefined) return undefined;
  const value = parse(text);
  if (!(value instanceof Unexpected)) return value;
  problems.push({ source, message: `expected ${value.expected}, found ${value.found ?? show(text)}` });
  return undefined;
}

function directory(text: string): string | Unexpected {
  return text === '' ? new Unexpected('the path of a directory') : text;
}

/** Addresses and networks, separated by commas or blanks: the pool of both schemes. */
function pools(text: string): Record<Scheme, readonly string[]> | Unexpected {
  const elements = text.split(/[\s,]+/).filter((element) => element !== '');
  const wrong = elements.map(addressOrNetwork).find((element) => element instanceof Unexpected);
  if (wrong !== undefined) return new Unexpected(`${wrong.expected} (several are separated by commas)`);
  return elements.length === 0 ? new Unexpected('at least one address') : bothSchemes(elements);
}

function bothSchemes(pool: readonly string[]): Record<Scheme, readonly string[]> {
  return { 'internet-facing': pool, internal: pool };
}

/** What is right by itself, but not together. */
function contradictions(configuration: Configuration, document: ConfigurationDocument): Problem[] {
  const { api, zones, subnets, instances } = configuration;
  const problems: Problem[] = [];
  if (api.auth === 'none' && !isLoopback(api.host)) {
    const message = `"none" lets everybody who reaches ${api.host} change everything; it needs an API address on loopback, such as 127.0.0.1`;
    problems.push({ ...document.place('auth'), message });
  }
  const known = new Set(zones);
  const checkZone = (zone: string | undefined, place: Place) => {
    if (zone === undefined || zones.length === 0 || known.has(zone)) return;
    problems.push({ ...place, message: `expected one of the zones (${zones.join(', ')}), found ${show(zone)}` });
  };
  for (const [id, zone] of Object.entries(subnets)) checkZone(zone, document.place('subnets', id));
  for (const [id, { zone }] of Object.entries(instances.inventory)) {
    checkZone(zone, document.place('instances', 'inventory', id, 'zone'));
  }
  if (known.size < zones.length) problems.push({ ...document.place('zones'), message: 'a zone is named twice' });
  return problems;
}
