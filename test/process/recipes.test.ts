/** The recipes of docs/clients.md that need no other program; `npm run guide-script` tries those that do. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DescribeSecurityGroupsCommand, DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { CreateLoadBalancerCommand } from '@aws-sdk/client-elastic-load-balancing';
import { parseCredentials } from '../../src/api/credentials.ts';
import { recipe } from '../support/recipes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { freePort, runWeir, WEIR, WeirProcess } from '../support/weir-process.ts';

/** Where this repository's modules are found. */
const HERE = fileURLToPath(new URL('.', import.meta.url));

interface Shell {
  readonly home: string;
  readonly run: (script: string, folder?: string) => Promise<string>;
}

/** A shell whose `npx weir` is this weir, of the data directory. */
function shellFor(test: TestContext, { dataDir }: WeirProcess): Shell {
  const home = temporaryDirectory(test);
  mkdirSync(join(home, '.aws'));
  const environment = { PATH: process.env['PATH'], HOME: home, WEIR_DATA_DIR: dataDir };
  return {
    home,
    async run(script, folder = home) {
      const text = `set -eu\nnpx() { shift; '${process.execPath}' '${WEIR}' "$@"; }\n${script}`;
      const child = spawn('sh', ['-c', text], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (data: string) => (stdout += data));
      child.stderr.setEncoding('utf8').on('data', (data: string) => (stderr += data));
      const [code] = (await once(child, 'close')) as [number];
      assert.equal(code, 0, stdout + stderr);
      return stdout;
    },
  };
}

describe('the recipes of docs/clients.md', { skip: process.platform === 'win32' }, () => {
  it('aws-env: variables for a shell and a file, a profile, a provider block', async (test) => {
    const weir = new WeirProcess(test);
    const endpoint = await weir.ready();
    const { home, run } = shellFor(test, weir);
    const printed = await run(`${recipe('', 'sh')}\necho "in this shell: $AWS_ENDPOINT_URL"`);
    assert.match(printed, /^provider "aws" \{/m);
    assert.ok(printed.endsWith(`in this shell: ${endpoint}\n`));
    assert.ok(readFileSync(join(home, 'weir.env'), 'utf8').includes(`AWS_ENDPOINT_URL=${endpoint}\n`));
    assert.ok(readFileSync(join(home, '.aws', 'config'), 'utf8').includes(`endpoint_url = ${endpoint}\n`));
  });

  it('the SDK for JavaScript, with the variables of aws-env', async (test) => {
    const weir = new WeirProcess(test);
    await weir.ready();
    const client = await weir.client();
    const Listeners = [{ Protocol: 'TCP', LoadBalancerPort: await freePort(), InstancePort: 80 }];
    const input = { LoadBalancerName: 'of-the-recipe', Listeners, AvailabilityZones: ['us-east-1a'] };
    await client.send(new CreateLoadBalancerCommand(input));
    client.destroy();
    const code = recipe('AWS SDK for JavaScript 3', 'js').replaceAll("'", '"');
    const script = `eval "$(npx weir aws-env)"\n'${process.execPath}' --input-type=module --eval '${code}'`;
    assert.match(await shellFor(test, weir).run(script, HERE), /LoadBalancerName: 'of-the-recipe'/);
  });

  it('Terraform: the provider block is what aws-env prints', async (test) => {
    const weir = new WeirProcess(test);
    const endpoint = await weir.ready();
    const printed = await runWeir(['aws-env', '--data-dir', weir.dataDir, '--format', 'terraform']);
    assert.equal(printed.code, 0);
    const [provider] = recipe('Terraform', 'hcl').split('\n\nresource ');
    const expected = provider!
      .replaceAll('http://127.0.0.1:7600', endpoint)
      .replace('/srv/weir-data/credentials', join(weir.dataDir, 'credentials'));
    assert.equal(printed.stdout.trimEnd(), expected.trimEnd());
  });

  it('Kubernetes: the VPC and the security group of cloud.conf are there, and the inventory is a configuration', async (test) => {
    const weir = new WeirProcess(test);
    const endpoint = await weir.ready();
    const path = join(weir.dataDir, 'credentials');
    const [credentials] = parseCredentials(readFileSync(path, 'utf8'), path);
    const ec2 = new EC2Client({ endpoint, region: 'us-east-1', credentials: credentials!, maxAttempts: 1 });
    const conf = recipe('Kubernetes', 'ini');
    const [VPC, group] = ['VPC', 'ElbSecurityGroup'].map((name) => new RegExp(`^${name} = (.*)$`, 'm').exec(conf)![1]!);
    const { Vpcs } = await ec2.send(new DescribeVpcsCommand({ VpcIds: [VPC!] }));
    const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [group!] }));
    ec2.destroy();
    assert.deepEqual([Vpcs?.length, SecurityGroups?.length, SecurityGroups?.[0]?.VpcId], [1, 1, VPC]);
    const file = join(temporaryDirectory(test), 'weir.yaml');
    writeFileSync(file, recipe('Kubernetes', 'yaml'));
    const { code, stdout, stderr } = await runWeir(['validate', file]);
    assert.equal(code, 0, stdout + stderr);
  });
});
