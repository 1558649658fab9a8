/** `weir aws-env`: what points the AWS command line, SDKs and Terraform at a weir. */
import { readFileSync } from 'node:fs';
import { Argument, Option, type Command } from 'commander';
import { parseCredentials, type Credential } from '../api/credentials.ts';
import { errorCode } from '../kit/assert.ts';
import { hostOf } from '../kit/ip.ts';
import { shellWord } from '../kit/shell-word.ts';
import type { Configuration } from '../model/configuration.ts';
import type { Endpoint } from './configuration-values.ts';
import { loadConfiguration, type ConfigurationFlags, type Environment } from './configuration.ts';
import { dataDirectory } from './data-directory.ts';
import { exitCodeOf, failureText, StartError } from './failure.ts';
import { complain, print } from './standard-streams.ts';

const AWS_ENV_FORMATS = ['shell', 'env', 'profile', 'terraform'] as const;
export type AwsEnvFormat = (typeof AWS_ENV_FORMATS)[number];

export interface AwsEnvOptions extends Pick<ConfigurationFlags, 'dataDir' | 'api'> {
  readonly profile: string;
  readonly format: AwsEnvFormat;
}

/** Where a client finds a weir, and with which key. */
export interface AwsEnvTarget {
  /** `http://127.0.0.1:7600`. */
  readonly endpoint: string;
  readonly region: string;
  /** Undefined when the API asks for no signature: clients sign all the same, with a key that says nothing. */
  readonly key: { readonly file: string; readonly credential: Credential } | undefined;
}

/** SDKs find no way without a key; with `auth: none` any will do. */
const NO_KEY: Pick<Credential, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'> = {
  accessKeyId: 'weir',
  secretAccessKey: 'weir',
};
/** Variables that would win over the credentials file. */
const KEY_VARIABLES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
/** What weir has of AWS, by the names that Terraform's provider gives to it. */
const TERRAFORM_SERVICES = ['acm', 'cloudwatch', 'ec2', 'elb', 'iam', 'sts'];

const HELP = `
Formats:
  shell      for a POSIX shell: eval "$(npx weir aws-env)"
  env        NAME=value lines, for docker run --env-file and systemd's EnvironmentFile
  profile    a profile [weir] for ~/.aws/config, then: aws --profile weir elb …
  terraform  a provider block
env and profile hold the secret key; the others name the credentials file.

The endpoint is that of the weir which runs on the data directory, or else the one that the configuration names.`;

/** Adds the command to the program. */
export function registerAwsEnv(program: Command): void {
  program
    .command('aws-env')
    .summary('print what points AWS tools at a weir')
    .description('Print the variables, or the profile, that point the AWS command line, SDKs and Terraform at a weir.')
    .addArgument(new Argument('[config.yaml]', 'configuration file of the weir'))
    .option('--data-dir <DIR>', 'data directory of the weir (default: ./weir-data; WEIR_DATA_DIR)')
    .option('--api <HOST:PORT>', 'where its API listens, if it is not running (default: 127.0.0.1:7600; WEIR_API)')
    .option('--profile <NAME>', 'which key of the credentials file', 'default')
    .addOption(new Option('--format <FORMAT>', 'for whom').choices(AWS_ENV_FORMATS).default('shell'))
    .addHelpText('after', HELP)
    .action((path: string | undefined, options: AwsEnvOptions) => {
      try {
        print(renderAwsEnv(options.format, findTarget(path, options, process.env)));
      } catch (error) {
        complain(failureText(error));
        process.exitCode = exitCodeOf(error);
      }
    });
}

/**
 * The weir that the options mean, running or not.
 * @throws ConfigurationError, CredentialsError, {@link StartError}: what the reader can put right.
 */
export function findTarget(path: string | undefined, options: AwsEnvOptions, environment: Environment): AwsEnvTarget {
  const { dataDir, api } = options;
  const configuration = loadConfiguration(path, { dataDir, api }, environment);
  const endpoint = endpointOf(configuration);
  const { region } = configuration;
  if (configuration.api.auth === 'none') return { endpoint, region, key: undefined };
  return { endpoint, region, key: readKey(dataDirectory(configuration.dataDir).credentials, options.profile) };
}

/**
 * Where the API of the weir that the options mean is reached, running or not.
 * @throws ConfigurationError, {@link StartError}: what the reader can put right.
 */
export function findApi(
  path: string | undefined,
  flags: Pick<ConfigurationFlags, 'dataDir'>,
  environment: Environment,
): Endpoint {
  const { hostname, port } = new URL(endpointOf(loadConfiguration(path, flags, environment)));
  return { host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port === '' ? 80 : port) };
}

function endpointOf(configuration: Configuration): string {
  return reachable(runningEndpoint(configuration) ?? configuredEndpoint(configuration));
}

/** What stands there is printed for a shell to read: anything but what weir writes is none. */
function runningEndpoint({ dataDir }: Configuration): string | undefined {
  const written = readIfThere(dataDirectory(dataDir).apiAddress)?.trim() ?? '';
  return /^http:\/\/[\w.:[\]-]+:\d{1,5}$/.test(written) && URL.canParse(written) ? written : undefined;
}

function configuredEndpoint({ api, dataDir }: Configuration): string {
  if (api.port === 0) throw new StartError(`no weir runs on ${dataDir}, and its API has no fixed port (api, --api)`);
  return `http://${hostOf(api.host)}:${api.port}`;
}

/** One that listens everywhere is reached on this machine by its loopback address. */
function reachable(endpoint: string): string {
  return endpoint.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

function readKey(file: string, profile: string): AwsEnvTarget['key'] {
  const text = readIfThere(file);
  if (text === undefined) {
    throw new StartError(`there are no credentials at ${file}: weir makes them when it starts for the first time`);
  }
  const credentials = parseCredentials(text, file);
  const credential = credentials.find((each) => each.profile === profile);
  if (credential !== undefined) return { file, credential };
  const known = credentials.map((each) => each.profile).join(', ');
  throw new StartError(`${file} has no profile "${profile}" (--profile); it has ${known}`);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The text for standard output. */
export function renderAwsEnv(format: AwsEnvFormat, target: AwsEnvTarget): string {
  switch (format) {
    case 'shell':
      return shellLines(target);
    case 'env':
      return lines([...placeVariables(target), ...keyVariables(target)].map(([name, value]) => `${name}=${value}`));
    case 'profile':
      return profileLines(target);
    default:
      return terraformLines(target);
  }
}

type Pairs = readonly (readonly [name: string, value: string])[];

function placeVariables({ endpoint, region }: AwsEnvTarget): Pairs {
  return [
    ['AWS_ENDPOINT_URL', endpoint],
    ['AWS_REGION', region],
    ['AWS_DEFAULT_REGION', region],
  ];
}

/** For where the credentials file cannot be read, such as in a container. */
function keyVariables({ key }: AwsEnvTarget): Pairs {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = key?.credential ?? NO_KEY;
  const token: Pairs = sessionToken === '' ? [] : [['AWS_SESSION_TOKEN', sessionToken]];
  return [['AWS_ACCESS_KEY_ID', accessKeyId], ['AWS_SECRET_ACCESS_KEY', secretAccessKey], ...token];
}

function fileVariables({ file, credential }: NonNullable<AwsEnvTarget['key']>): Pairs {
  return [
    ['AWS_SHARED_CREDENTIALS_FILE', file],
    ['AWS_PROFILE', credential.profile],
  ];
}

/** Also what must not be set: keys in the environment win over those of a file. */
function shellLines(target: AwsEnvTarget): string {
  const old = `aws --endpoint-url ${shellWord(target.endpoint)}`;
  const unset = target.key === undefined ? ['AWS_SESSION_TOKEN', 'AWS_PROFILE'] : KEY_VARIABLES;
  const who = target.key === undefined ? keyVariables(target) : fileVariables(target.key);
  const exports = [...placeVariables(target), ...who].map(([name, value]) => `export ${name}=${shellWord(value)}`);
  return lines([
    `# aws-cli before 1.29 and 2.13 and boto3 before 1.28 do not read AWS_ENDPOINT_URL: ${old}`,
    `unset ${unset.join(' ')}`,
    ...exports,
  ]);
}

function profileLines(target: AwsEnvTarget): string {
  const { endpoint, region } = target;
  const keys = keyVariables(target).map(([name, value]) => `${name.toLowerCase()} = ${value}`);
  return lines(['[profile weir]', `region = ${region}`, `endpoint_url = ${endpoint}`, ...keys]);
}

/** In the form that `terraform fmt` leaves as it is. */
function terraformLines({ endpoint, region, key }: AwsEnvTarget): string {
  const who: readonly (readonly [name: string, value: string | readonly string[]])[] =
    key === undefined
      ? [
          ['access_key', NO_KEY.accessKeyId],
          ['secret_key', NO_KEY.secretAccessKey],
        ]
      : [
          ['shared_credentials_files', [key.file]],
          ['profile', key.credential.profile],
        ];
  const main = [['region', region] as const, ...who];
  const services = TERRAFORM_SERVICES.map((service) => [service, endpoint] as const);
  return lines([
    'provider "aws" {',
    ...aligned(main).map((line) => `  ${line}`),
    '',
    '  # There is no metadata service outside of EC2, and a region of your own is none of AWS.',
    '  skip_metadata_api_check = true',
    '  skip_region_validation  = true',
    '',
    '  endpoints {',
    ...aligned(services).map((line) => `    ${line}`),
    '  }',
    '}',
  ]);
}

function aligned(settings: readonly (readonly [name: string, value: unknown])[]): readonly string[] {
  const width = Math.max(...settings.map(([name]) => name.length));
  return settings.map(([name, value]) => `${name.padEnd(width)} = ${JSON.stringify(value)}`);
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
