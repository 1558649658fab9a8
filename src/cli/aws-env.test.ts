import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { formatCredentials } from '../api/credentials.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { findTarget, renderAwsEnv, type AwsEnvFormat, type AwsEnvOptions, type AwsEnvTarget } from './aws-env.ts';

const KEY = {
  profile: 'default',
  accessKeyId: 'AKIAWEIR',
  secretAccessKey: 's3cret/+',
  accountId: '000000000000',
  readOnly: false,
};
const FILE = "/srv/it's weir/credentials";
const SIGNED: AwsEnvTarget = {
  endpoint: 'http://127.0.0.1:7600',
  region: 'eu-west-1',
  key: { file: FILE, credential: KEY },
};
const UNSIGNED: AwsEnvTarget = { ...SIGNED, key: undefined };

/** What a POSIX shell that starts with `environment` has after it evaluates the lines. */
function evaluated(target: AwsEnvTarget, environment: Readonly<Record<string, string>>): Record<string, string> {
  const script = `eval "$LINES_TO_EVALUATE"; env`;
  const env = { ...environment, LINES_TO_EVALUATE: renderAwsEnv('shell', target) };
  const { stdout } = spawnSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' });
  const pairs = stdout.split('\n').filter((line) => line.startsWith('AWS_'));
  return Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

describe('weir aws-env: formats', () => {
  it('shell: variables that point at weir, without those that would win over them', () => {
    const before = {
      AWS_ACCESS_KEY_ID: 'AKIAREAL',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_SESSION_TOKEN: 'y',
      AWS_PROFILE: 'prod',
    };
    assert.deepEqual(evaluated(SIGNED, before), {
      AWS_ENDPOINT_URL: 'http://127.0.0.1:7600',
      AWS_REGION: 'eu-west-1',
      AWS_DEFAULT_REGION: 'eu-west-1',
      AWS_SHARED_CREDENTIALS_FILE: FILE,
      AWS_PROFILE: 'default',
    });
    assert.deepEqual(evaluated(UNSIGNED, before), {
      AWS_ENDPOINT_URL: 'http://127.0.0.1:7600',
      AWS_REGION: 'eu-west-1',
      AWS_DEFAULT_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'weir',
      AWS_SECRET_ACCESS_KEY: 'weir',
    });
  });

  it('shell: tells tools that do not read the endpoint how to be given it', () => {
    assert.match(renderAwsEnv('shell', SIGNED), /^# .*: aws --endpoint-url http:\/\/127\.0\.0\.1:7600\n/);
  });

  it('env: names and values as they are, with the keys', () => {
    assert.equal(
      renderAwsEnv('env', SIGNED),
      'AWS_ENDPOINT_URL=http://127.0.0.1:7600\nAWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-1\n' +
        'AWS_ACCESS_KEY_ID=AKIAWEIR\nAWS_SECRET_ACCESS_KEY=s3cret/+\n',
    );
  });

  it('profile: endpoint, region and keys in one', () => {
    const withToken = { ...SIGNED, key: { file: FILE, credential: { ...KEY, sessionToken: 'token' } } };
    assert.equal(
      renderAwsEnv('profile', withToken),
      '[profile weir]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:7600\n' +
        'aws_access_key_id = AKIAWEIR\naws_secret_access_key = s3cret/+\naws_session_token = token\n',
    );
    assert.match(renderAwsEnv('profile', UNSIGNED), /aws_access_key_id = weir\naws_secret_access_key = weir\n$/);
  });

  it('terraform: a provider with every service that weir has', () => {
    const text = renderAwsEnv('terraform', SIGNED);
    assert.match(
      text,
      /^provider "aws" \{\n {2}region {19}= "eu-west-1"\n {2}shared_credentials_files = \["\/srv\/it's/,
    );
    for (const service of ['acm       ', 'cloudwatch', 'ec2       ', 'elb       ', 'iam       ', 'sts       '])
      assert.match(text, new RegExp(`^    ${service} = "http://127\\.0\\.0\\.1:7600"$`, 'm'));
    assert.match(renderAwsEnv('terraform', UNSIGNED), /^ {2}access_key = "weir"$/m);
  });
});

/** A data directory with keys, and options that mean it. */
function dataDirectoryOf(test: TestContext, address?: string): AwsEnvOptions {
  const dataDir = join(temporaryDirectory(test), 'data');
  mkdirSync(dataDir);
  writeFileSync(
    join(dataDir, 'credentials'),
    formatCredentials([KEY, { ...KEY, profile: 'ci', accessKeyId: 'AKIACI' }]),
  );
  if (address !== undefined) writeFileSync(join(dataDir, 'api-address'), `${address}\n`);
  return { dataDir, profile: 'default', format: 'shell' satisfies AwsEnvFormat };
}

describe('weir aws-env: which weir', () => {
  it('the one that runs on the data directory, by its actual port', (test) => {
    const options = dataDirectoryOf(test, 'http://127.0.0.1:40001');
    const { endpoint, region, key } = findTarget(undefined, { ...options, profile: 'ci' }, {});
    assert.deepEqual(
      [endpoint, region, key?.credential.accessKeyId],
      ['http://127.0.0.1:40001', 'us-east-1', 'AKIACI'],
    );
    assert.equal(key?.file, join(options.dataDir!, 'credentials'));
  });

  it('one that listens everywhere is reached by loopback', (test) => {
    for (const [address, reached] of [
      ['http://0.0.0.0:7600', 'http://127.0.0.1:7600'],
      ['http://[::]:7600', 'http://[::1]:7600'],
      ['http://[fd00::1]:7600', 'http://[fd00::1]:7600'],
    ] as const)
      assert.equal(findTarget(undefined, dataDirectoryOf(test, address), {}).endpoint, reached);
  });

  it('but no address that weir would not write', (test) => {
    for (const odd of [
      '$(id)',
      'http://127.0.0.1:1/$(id)',
      'https://127.0.0.1:1',
      'http://127.0.0.1',
      'http://a b:1',
      '',
    ])
      assert.equal(findTarget(undefined, dataDirectoryOf(test, odd), {}).endpoint, 'http://127.0.0.1:7600', odd);
  });

  it('else where the configuration says that it will listen', (test) => {
    const options = dataDirectoryOf(test);
    assert.equal(findTarget(undefined, options, {}).endpoint, 'http://127.0.0.1:7600');
    assert.equal(findTarget(undefined, { ...options, api: '[::1]:7601' }, {}).endpoint, 'http://[::1]:7601');
    const environment = { WEIR_API: '10.0.0.1:7602' };
    assert.equal(findTarget(undefined, options, environment).endpoint, 'http://10.0.0.1:7602');
    assert.throws(
      () => findTarget(undefined, { ...options, api: '127.0.0.1:0' }, {}),
      /no weir runs on .*no fixed port/,
    );
  });

  it('with auth: none, no key is looked for', (test) => {
    const path = join(temporaryDirectory(test), 'weir.yaml');
    writeFileSync(path, 'auth: none\nregion: lab\n');
    const options = { dataDir: temporaryDirectory(test), profile: 'default', format: 'env' } as const;
    assert.deepEqual(findTarget(path, options, {}), {
      endpoint: 'http://127.0.0.1:7600',
      region: 'lab',
      key: undefined,
    });
  });

  it('says what is missing: the credentials, or the profile', (test) => {
    const empty = { ...dataDirectoryOf(test), dataDir: temporaryDirectory(test) };
    assert.throws(
      () => findTarget(undefined, empty, {}),
      /there are no credentials at .*weir makes them when it starts/,
    );
    const options = { ...dataDirectoryOf(test), profile: 'prod' };
    assert.throws(() => findTarget(undefined, options, {}), /has no profile "prod" \(--profile\); it has default, ci$/);
  });
});
