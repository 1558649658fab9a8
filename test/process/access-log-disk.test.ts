/** A disk that is full, in earnest: the spool on a file system of its own, too small for the log. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CreateLoadBalancerCommand, ModifyLoadBalancerAttributesCommand } from '@aws-sdk/client-elastic-load-balancing';
import { rejectedByAthena } from '../../scripts/check-access-log.ts';
import { dial } from '../support/peers.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const SIZE = 256 * 1024;

describe('the access log on a disk that is full', () => {
  it('loses lines, counts and tells them; traffic goes on, and so does the log when there is room', async (t) => {
    const disk = new SmallDisk(t, SIZE, 'access-log-spool');
    if (disk.problem !== undefined) return t.skip(disk.problem);
    const { directory: dataDir, path: spool } = disk;
    const weir = new WeirProcess(t, { dataDir });
    const endpoint = await weir.ready();
    const client = await weir.client();
    const port = await freePort();
    const LoadBalancerName = 'web';
    const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: port, InstancePort: 80 }];
    await client.send(
      new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }),
    );
    const AccessLog = { Enabled: true, S3BucketName: 'logs', EmitInterval: 60 };
    const attributes = { LoadBalancerName, LoadBalancerAttributes: { AccessLog } };
    await client.send(new ModifyLoadBalancerAttributesCommand(attributes));
    const peer = await dial(port);
    const ask = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) {
        peer.send(`GET /${'x'.repeat(500)} HTTP/1.1\r\nHost: h\r\n\r\n`);
        assert.match(await peer.take('\r\n\r\n'), /^HTTP\/1\.1 503 /);
      }
    };
    await ask(10);
    await weir.until('the first lines', () => linesIn(spool).length === 10);
    disk.fill();
    await ask(100);
    const dropped = await weir.until('lost lines', async () => {
      const text = await (await fetch(`${endpoint}/metrics`)).text();
      const count = Number(/^weir_access_log_dropped_total\{reason="disk"\} (\d+)$/m.exec(text)?.[1]);
      return count > 0 ? count : undefined;
    });
    assert.match(weir.stderr, /access log lines are lost.*traffic goes on without them/);
    disk.empty();
    await weir.until('room again', async () => {
      await ask(1);
      return weir.stderr.includes('access logs are written again');
    });
    const lines = linesIn(spool);
    assert.deepEqual(rejectedByAthena(lines), [], 'no line is torn');
    assert.ok(dropped > 0 && lines.length >= 11);
    peer.socket.destroy();
    // It writes in the directory that is removed now.
    await weir.kill();
  });
});

function linesIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.log'));
  return files.flatMap((name) => readFileSync(join(folder, name), 'latin1').split('\n').slice(0, -1));
}
