/** A start on a disk that has no room left: what was acknowledged is served, and changes wait for room. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  AddTagsCommand,
  CreateLoadBalancerCommand,
  DescribeTagsCommand,
  ElasticLoadBalancingClient,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { KEY } from '../support/api.ts';
import { namedBackend } from '../support/named-backend.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const SIZE = 4 * 1024 * 1024;
const LoadBalancerName = 'web';

it('a weir comes up on a full disk, serves what it has, and takes changes when there is room', async (t) => {
  const disk = new SmallDisk(t, SIZE, 'data');
  if (disk.problem !== undefined) return t.skip(disk.problem);
  const { instanceId } = await namedBackend(t, 'one');
  const [port, apiPort] = [await freePort(), await freePort()];
  const environment = { WEIR_ACCESS_KEY_ID: KEY.accessKeyId, WEIR_SECRET_ACCESS_KEY: KEY.secretAccessKey };
  const start = async () => {
    const weir = new WeirProcess(t, { dataDir: disk.path, api: `127.0.0.1:${apiPort}`, environment });
    await weir.until('the start', () => /"message":"ready"/.test(weir.stderr));
    return weir;
  };
  const serves = (weir: WeirProcess) =>
    weir.until('an answer of the instance', () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        async (response) => (await response.text()) === 'one',
        () => false,
      ),
    );
  const endpoint = `http://127.0.0.1:${apiPort}`;
  const client = new ElasticLoadBalancingClient({ endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 });
  t.after(() => client.destroy());
  const tag = (Key: string) =>
    client.send(new AddTagsCommand({ LoadBalancerNames: [LoadBalancerName], Tags: [{ Key }] }));

  const first = await start();
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: port, InstancePort: 80 }];
  await client.send(new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }));
  const Instances = [{ InstanceId: instanceId }];
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName, Instances }));
  await serves(first);
  // In order: what it needs room for is not there any more.
  first.child.kill('SIGTERM');
  await first.exited;

  disk.fill();
  const second = await start();
  await serves(second);
  await assert.rejects(tag('refused'), { name: 'InternalFailure' });
  disk.empty();
  await tag('taken');
  await second.kill();

  const third = await start();
  const { TagDescriptions } = await client.send(new DescribeTagsCommand({ LoadBalancerNames: [LoadBalancerName] }));
  assert.deepEqual(TagDescriptions?.[0]?.Tags, [{ Key: 'taken', Value: '' }]);
  await serves(third);
  // It writes in the directory that is removed now.
  await third.kill();
});
