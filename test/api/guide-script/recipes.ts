/** The recipes of docs/clients.md for the AWS command line and boto3, run as they stand there: only ports are of this run. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { get as getHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  CreateLoadBalancerCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { issue } from '../../support/issued.ts';
import { namedBackend } from '../../support/named-backend.ts';
import { recipe } from '../../support/recipes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { freePort, runWeir, WEIR, WeirProcess } from '../../support/weir-process.ts';

const COMMAND_LINE = 'AWS command line, 1 and 2';
const DEFAULT_ENDPOINT = 'http://127.0.0.1:7600';
/** From these on, clients read the endpoint from the environment and the profile. */
const READS_ENDPOINT = { 'aws-cli 1': 29, 'aws-cli 2': 13, 'boto3 1': 28 } as const;

export interface Place {
  readonly weir: WeirProcess;
  readonly endpoint: string;
  readonly home: string;
  /** Port of the page → port of this run. */
  readonly ports: ReadonlyMap<string, number>;
}

/** A weir, an instance that says who it is, and ports for the page's. */
export async function start(test: TestContext): Promise<Place> {
  const backend = await namedBackend(test, 'the instance');
  const weir = new WeirProcess(test);
  const endpoint = await weir.ready();
  const home = temporaryDirectory(test);
  const ports = new Map([
    ['9001', Number(backend.instanceId.split(':')[1])],
    ['8081', await freePort()],
    ['8443', await freePort()],
  ]);
  return { weir, endpoint, home, ports };
}

/** The text with the ports and the endpoint of this run. */
export function here(text: string, { ports, endpoint }: Place): string {
  const withEndpoint = text.replaceAll(DEFAULT_ENDPOINT, endpoint);
  return [...ports].reduce((all, [page, own]) => all.replaceAll(page, String(own)), withEndpoint);
}

function readsEndpoint(client: 'aws-cli' | 'boto3', version: string): boolean {
  const [major, minor] = version.split('.');
  const since: Readonly<Record<string, number>> = READS_ENDPOINT;
  return Number(minor) >= (since[`${client} ${major}`] ?? Infinity);
}

/** What the program says, run in the home of the place with nothing of this machine's environment but `more`. */
export function execute(
  program: string,
  words: readonly string[],
  { home, weir }: Place,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { PATH } = process.env;
  const environment = {
    PATH,
    HOME: home,
    WEIR_DATA_DIR: weir.dataDir,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    ...more,
  };
  return new Promise((resolve, reject) => {
    execFile(program, words, { env: environment, cwd: home }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${error.message}\n${stdout}${stderr}`));
    });
  });
}

/** Both blocks of the page, one after the other; then requests go through both listeners. */
export async function runCommandLineRecipes(test: TestContext, path: string, version: string): Promise<void> {
  const place = await start(test);
  const { certificate, privateKey } = issue({ key: 'rsa-2048' });
  writeFileSync(join(place.home, 'web.pem'), certificate);
  writeFileSync(join(place.home, 'web.key'), privateKey);
  // What the page says for an older one: an alias, which a script needs as a function.
  const endpoint = readsEndpoint('aws-cli', version) ? '' : `--endpoint-url ${place.endpoint} `;
  const script = [
    'set -eu',
    `npx() { shift; '${process.execPath}' '${WEIR}' "$@"; }`,
    `aws() { '${path}' ${endpoint}"$@"; }`,
    here(recipe(COMMAND_LINE, 'sh', 0), place),
    here(recipe(COMMAND_LINE, 'sh', 1), place),
  ];
  await execute('sh', ['-c', script.join('\n')], place);
  const [http, https] = [place.ports.get('8081')!, place.ports.get('8443')!];
  assert.equal(await ask((done) => getHttp({ host: '127.0.0.1', port: http, agent: false }, done)), 'the instance');
  const tls = { host: '127.0.0.1', port: https, agent: false as const, rejectUnauthorized: false };
  assert.equal(await ask((done) => getHttps({ ...tls, minVersion: 'TLSv1.2' }, done)), 'the instance');
  await assert.rejects(ask((done) => getHttps({ ...tls, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }, done)));
}

type Answered = (response: IncomingMessage) => void;

/** The body of the answer. */
export function ask(send: (answered: Answered) => ClientRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = send((response) => {
      response.toArray().then((chunks: Buffer[]) => resolve(Buffer.concat(chunks).toString()), reject);
    });
    request.on('error', reject);
  });
}

/** The page's block, with the line for this version of the two that make a client. */
export async function runBoto3Recipe(test: TestContext, python: string, version: string): Promise<void> {
  const place = await start(test);
  await makeWeb(place);
  const profile = await runWeir(['aws-env', '--data-dir', place.weir.dataDir, '--format', 'profile']);
  mkdirSync(join(place.home, '.aws'));
  writeFileSync(join(place.home, '.aws', 'config'), profile.stdout);
  const isNew = readsEndpoint('boto3', version);
  const lines = here(recipe('boto3', 'python'), place).split('\n');
  const kept = lines.filter((line) => !line.startsWith('elb = ') || line.includes('profile_name') === isNew);
  // The line for older ones says nothing of keys: they are in the environment or a default profile.
  const script = [
    'import os',
    isNew ? '' : "os.environ['AWS_PROFILE'] = 'weir'",
    ...kept,
    'print(elb.meta.endpoint_url)',
  ];
  const printed = await execute(python, ['-c', script.join('\n')], place);
  assert.equal(printed.trim(), place.endpoint);
}

/** The load balancer that the page waits for. */
async function makeWeb({ weir, ports }: Place): Promise<void> {
  const client = await weir.client();
  const port = ports.get('9001')!;
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: ports.get('8081'), InstancePort: port }];
  const web = { LoadBalancerName: 'web' };
  await client.send(new CreateLoadBalancerCommand({ ...web, Listeners, AvailabilityZones: ['us-east-1a'] }));
  const Instances = [{ InstanceId: '127.0.0.1' }];
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ ...web, Instances }));
  client.destroy();
}
