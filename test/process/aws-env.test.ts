/** What `weir aws-env` prints is enough for a client that is told nothing else. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { runWeir, WeirProcess } from '../support/weir-process.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** No endpoint, no region, no key. */
const CLIENT = `
  import { DescribeAccountLimitsCommand, ElasticLoadBalancingClient } from '@aws-sdk/client-elastic-load-balancing';
  import { DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
  import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
  const { Limits } = await new ElasticLoadBalancingClient({}).send(new DescribeAccountLimitsCommand({}));
  const { Vpcs } = await new EC2Client({}).send(new DescribeVpcsCommand({}));
  const { Account } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
  console.log(Limits.length, Vpcs.length, Account);
`;

function runClient(environment: Readonly<Record<string, string>>): string {
  const words = ['--input-type=module', '--eval', CLIENT];
  const { stdout, stderr } = spawnSync(process.execPath, words, { cwd: HERE, env: environment, encoding: 'utf8' });
  return stdout + stderr;
}

describe('weir aws-env', () => {
  it('points the AWS SDK at the weir that runs, by variables and by a profile', async (test) => {
    const weir = new WeirProcess(test);
    await weir.ready();
    const home = temporaryDirectory(test);
    const variables = await runWeir(['aws-env', '--data-dir', weir.dataDir, '--format', 'env']);
    assert.deepEqual([variables.code, variables.stderr], [0, '']);
    const pairs = variables.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=', 2) as [string, string]);
    assert.equal(runClient({ HOME: home, ...Object.fromEntries(pairs) }), '3 1 000000000000\n');
    const profile = await runWeir(['aws-env', '--data-dir', weir.dataDir, '--format', 'profile']);
    const file = join(home, 'config');
    writeFileSync(file, profile.stdout);
    assert.equal(runClient({ HOME: home, AWS_CONFIG_FILE: file, AWS_PROFILE: 'weir' }), '3 1 000000000000\n');
  });

  it('exit code 1 and a reason where no weir ever was, 2 for a format that there is not', async (test) => {
    const dataDir = join(temporaryDirectory(test), 'data');
    const nowhere = await runWeir(['aws-env', '--data-dir', dataDir]);
    assert.deepEqual([nowhere.code, nowhere.stdout], [1, '']);
    assert.match(nowhere.stderr, /^weir: there are no credentials at .*credentials: weir makes them/);
    const wrong = await runWeir(['aws-env', '--format', 'powershell']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /Allowed choices are shell, env, profile, terraform/);
  });
});
