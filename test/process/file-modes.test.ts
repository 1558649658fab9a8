/** Who may read and write what a weir leaves in its data directory. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { CreateLoadBalancerCommand, ModifyLoadBalancerAttributesCommand } from '@aws-sdk/client-elastic-load-balancing';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const SECRET = /^(?:credentials|lock|state\.db|metrics\.db)/;

it('every file of the data directory is for its owner to write, and what is secret to read, whatever the umask', async (test) => {
  const runner = ['sh', '-c', 'umask 000 && exec "$@"', 'sh', process.execPath] as const;
  const weir = new WeirProcess(test, { runner });
  await weir.ready();
  const client = await weir.client();
  test.after(() => client.destroy());
  const LoadBalancerName = 'web';
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: await freePort(), InstancePort: 80 }];
  await client.send(new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }));
  const AccessLog = { Enabled: true, S3BucketName: 'logs', EmitInterval: 5 };
  const LoadBalancerAttributes = { AccessLog };
  await client.send(new ModifyLoadBalancerAttributesCommand({ LoadBalancerName, LoadBalancerAttributes }));
  const { dataDir } = weir;
  const testFile = join(dataDir, 'access-logs/logs/AWSLogs/000000000000/ELBAccessLogTestFile');
  await weir.until('the test file of the access log', () => existsSync(testFile));
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
  for (const name of ['pid', 'api-address', 'credentials', 'state.db', 'state.db-wal', 'metrics.db', 'lock']) {
    assert.ok(files.includes(name), name);
  }
  for (const name of files) {
    const status = statSync(join(dataDir, name), { throwIfNoEntry: false });
    // What weir writes beside and renames.
    if (status === undefined) continue;
    const mode = status.mode & 0o777;
    const forbidden = SECRET.test(name) ? 0o077 : 0o022;
    assert.equal(mode & forbidden, 0, `${name} has mode ${mode.toString(8)}`);
  }
});
