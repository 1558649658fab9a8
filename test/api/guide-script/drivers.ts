/** The clients that run the script: the AWS command line, boto3, and the AWS SDK for JavaScript. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as acm from '@aws-sdk/client-acm';
import * as elb from '@aws-sdk/client-elastic-load-balancing';
import * as iam from '@aws-sdk/client-iam';
import { present } from '../../../src/kit/assert.ts';
import type { Credential } from '../../../src/api/credentials.ts';
import { requestOf } from './command.ts';
import type { ServiceName } from './command.ts';

export type Output = Readonly<Record<string, unknown>>;

export interface Place {
  /** Of a weir on loopback: every call names it. */
  readonly endpoint: string;
  readonly region: string;
  readonly credential: Credential;
}

/** A client at work. */
export interface Session {
  /** Runs a command of the guide; rejects with what the client says where it is refused. */
  run(words: readonly string[]): Promise<Output>;
  close(): void;
}

export interface Driver {
  readonly name: string;
  open(place: Place): Session;
}

/** A client of this machine. */
export interface Found {
  readonly path: string;
  readonly version: string;
}

const BOTO3_DRIVER = fileURLToPath(new URL('boto3-driver.py', import.meta.url));
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Nothing of the machine's own AWS configuration, and no look for a machine's role. */
function environmentFor({ region, credential }: Place): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    AWS_ACCESS_KEY_ID: credential.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credential.secretAccessKey,
    AWS_DEFAULT_REGION: region,
    AWS_CONFIG_FILE: '/nonexistent/config',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '1',
    AWS_PAGER: '',
  };
}

/** `aws …`: the words of the guide as they are, and the endpoint. */
export function commandLineDriver({ path, version }: Found): Driver {
  return {
    name: `aws-cli ${version} (${path})`,
    open(place) {
      const options = { env: environmentFor(place), maxBuffer: MAX_OUTPUT_BYTES };
      const run = (words: readonly string[]): Promise<Output> =>
        new Promise((resolve, reject) => {
          const all = ['--endpoint-url', place.endpoint, '--output', 'json', ...words.slice(1)];
          execFile(path, all, options, (error, stdout, stderr) => {
            if (error !== null) reject(new Error(stderr.trim() === '' ? error.message : stderr.trim()));
            else resolve(stdout.trim() === '' ? {} : (JSON.parse(stdout) as Output));
          });
        });
      return { run, close: () => undefined };
    },
  };
}

export function boto3Driver({ path: python, version }: Found): Driver {
  return {
    name: `boto3 ${version} (${python})`,
    open(place) {
      const child = spawn(python, [BOTO3_DRIVER, place.endpoint], {
        env: environmentFor(place),
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      return {
        async run(words) {
          child.stdin.write(`${JSON.stringify(requestOf(words))}\n`);
          const { value, done } = await answers.next();
          if (done === true) throw new Error('the boto3 driver has ended');
          const { output, error } = JSON.parse(value) as { readonly output?: Output; readonly error?: string };
          if (error !== undefined) throw new Error(error);
          return present(output, 'an answer has an output or an error');
        },
        close: () => void child.stdin.end(),
      };
    },
  };
}

interface SdkClient {
  send(command: object): Promise<Output>;
  destroy(): void;
}

/** The AWS SDK for JavaScript, in this process. */
export const sdkDriver: Driver = {
  name: 'the AWS SDK for JavaScript',
  open({ endpoint, region, credential }) {
    const options = { endpoint, region, credentials: credential, maxAttempts: 1 };
    const clients: Record<ServiceName, SdkClient> = {
      elb: new elb.ElasticLoadBalancingClient(options),
      iam: new iam.IAMClient(options),
      acm: new acm.ACMClient(options),
    };
    const modules: Record<ServiceName, object> = { elb, iam, acm };
    return {
      run(words) {
        const { service, action, input } = requestOf(words);
        const Command = Reflect.get(modules[service], `${action}Command`) as new (input: object) => object;
        return clients[service].send(new Command(input));
      },
      close() {
        for (const client of Object.values(clients)) client.destroy();
      },
    };
  },
};

/** What a program says of itself; undefined where it does not run. */
function ask(program: string, words: readonly string[]): string | undefined {
  try {
    return execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  } catch {
    return undefined;
  }
}

/** Every program of that name on the PATH. */
function programs(name: string): readonly string[] {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .filter((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Each version once, by the first program that has it. */
function byVersion(found: readonly (readonly [path: string, version: string | undefined])[]): readonly Found[] {
  const versions = new Map<string, string>();
  for (const [path, version] of found) if (version !== undefined && !versions.has(version)) versions.set(version, path);
  return [...versions].map(([version, path]) => ({ path, version }));
}

/** The AWS command lines on this machine: version 1, version 2, or both. */
export function findCommandLines(): readonly Found[] {
  return byVersion(
    programs('aws').map((path) => [path, /^aws-cli\/(\S+)/.exec(ask(path, ['--version']) ?? '')?.[1]] as const),
  );
}

/** The Pythons on this machine that have boto3. */
export function findBoto3(): readonly Found[] {
  return byVersion(
    programs('python3').map((path) => [path, ask(path, ['-c', 'import boto3; print(boto3.__version__)'])] as const),
  );
}

/** The Terraform of this machine. */
export function findTerraform(): Found | undefined {
  const [found] = byVersion(
    programs('terraform').map((path) => [path, /^Terraform v(\S+)/.exec(ask(path, ['version']) ?? '')?.[1]] as const),
  );
  return found;
}
