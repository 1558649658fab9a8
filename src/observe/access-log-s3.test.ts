import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { RecordingS3 } from '../../test/support/s3-server.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { FakeClock } from '../kit/clock.ts';
import type { LogFields } from '../kit/log.ts';
import type { AwsKey } from '../model/configuration.ts';
import { ACCESS_LOG } from '../model/limits.ts';
import { LogDelivery } from './access-log-delivery.ts';
import { systemFiles } from './access-log-files.ts';
import { s3Store } from './access-log-s3.ts';

const KEY: AwsKey = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };

class Harness {
  readonly clock = new FakeClock();
  readonly lines: [message: string, fields: LogFields][] = [];
  readonly spool: string;
  readonly delivery: LogDelivery;

  constructor(test: TestContext, url: string, key: () => AwsKey = () => KEY) {
    this.spool = temporaryDirectory(test);
    const line = (fields: LogFields, message: string): void => void this.lines.push([message, fields]);
    this.delivery = new LogDelivery({
      clock: this.clock,
      log: { debug: line, info: line, warn: line, error: line },
      files: systemFiles,
      store: s3Store({ url, region: 'us-east-1', pathStyle: true }, key),
      spool: this.spool,
    });
    test.after(() => this.delivery.stop());
  }

  add(key: string, content: string): string {
    const path = join(this.spool, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    this.delivery.add({ key, path, bytes: content.length });
    return path;
  }

  async retried(): Promise<void> {
    // Longer than the first pauses, shorter than an attempt may take.
    this.clock.advance(10_000);
    await this.delivery.settle();
  }

  get causes(): unknown[] {
    return this.lines.flatMap(([, { cause }]) => (cause === undefined ? [] : [cause]));
  }
}

describe('delivery of access logs to S3', () => {
  it('puts each file under its key, signed, and takes it out of the spool', async (t) => {
    const s3 = await RecordingS3.start(t);
    const harness = new Harness(t, s3.url);
    const content = `${'x'.repeat(200)}\n`.repeat(5000);
    const path = harness.add('bucket/pre fix/AWSLogs/a_20260101T0000Z_b.log', content);
    await harness.delivery.settle();
    assert.deepEqual([...s3.objects], [['bucket/pre fix/AWSLogs/a_20260101T0000Z_b.log', content]]);
    assert.match(
      s3.authorizations[0] ?? '',
      /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d{8}\/us-east-1\/s3\/aws4_request, SignedHeaders=\S+, Signature=[\da-f]{64}$/,
    );
    assert.equal(existsSync(path), false);
    assert.equal(existsSync(dirname(path)), false);
  });

  it('keeps what fails, says why once for each cause, and tries again', async (t) => {
    const s3 = await RecordingS3.start(t);
    s3.faults.push('error', 'error', 'no-bucket', 'reset');
    const harness = new Harness(t, s3.url);
    const path = harness.add('bucket/x.log', 'line\n');
    await harness.delivery.settle();
    for (let i = 0; i < 3; i++) {
      assert.ok(existsSync(path));
      assert.equal(s3.objects.size, 0);
      await harness.retried();
    }
    await harness.retried();
    assert.deepEqual([...s3.objects], [['bucket/x.log', 'line\n']]);
    assert.equal(harness.delivery.failures, 4);
    assert.equal(harness.causes.length, 3);
    assert.match(String(harness.causes[0]), /^SlowDown/);
    assert.match(String(harness.causes[1]), /^NoSuchBucket: played by the test/);
    assert.match(String(harness.causes[2]), /ECONNRESET|socket hang up/);
    assert.match(harness.lines.at(-1)?.[0] ?? '', /again$/);
  });

  it('gives up an attempt that is not answered, and a service that is not there', async (t) => {
    const s3 = await RecordingS3.start(t);
    s3.faults.push('silence');
    const harness = new Harness(t, s3.url);
    const path = harness.add('bucket/x.log', 'line\n');
    while (s3.authorizations.length === 0) await new Promise((resolve) => setImmediate(resolve));
    harness.clock.advance(ACCESS_LOG.putTimeoutMs);
    await harness.delivery.settle();
    await s3.stop();
    await harness.retried();
    assert.match(String(harness.causes[0]), /in time|took too long|aborted/);
    assert.match(String(harness.causes[1]), /ECONNREFUSED/);
    assert.ok(existsSync(path));
  });

  it('leaves no file open that could not be delivered', { skip: !existsSync('/proc/self/fd') }, async (t) => {
    const s3 = await RecordingS3.start(t);
    await s3.stop();
    const harness = new Harness(t, s3.url);
    harness.add('bucket/x.log', 'line\n'.repeat(100_000));
    await harness.delivery.settle();
    await harness.retried();
    assert.equal(harness.delivery.failures, 2);
    const isOpen = (descriptor: string): boolean => {
      try {
        return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(harness.spool);
      } catch {
        // Closed by now.
        return false;
      }
    };
    while (readdirSync('/proc/self/fd').some(isOpen)) await new Promise((resolve) => setImmediate(resolve));
  });

  it('asks for the key at each attempt', async (t) => {
    const s3 = await RecordingS3.start(t);
    const keys: AwsKey[] = [KEY, { ...KEY, accessKeyId: 'AKIASECOND' }];
    const harness = new Harness(t, s3.url, () => {
      const key = keys.shift();
      if (key === undefined) throw new Error('there is no key for it');
      return key;
    });
    for (const name of ['a', 'b', 'c']) harness.add(`bucket/${name}.log`, 'line\n');
    await harness.delivery.settle();
    assert.deepEqual([...s3.objects.keys()], ['bucket/a.log', 'bucket/b.log']);
    assert.match(s3.authorizations[1] ?? '', /Credential=AKIASECOND/);
    assert.deepEqual(harness.causes, ['there is no key for it']);
  });
});

describe('a real S3 server', () => {
  it('takes what is put there', async (t) => {
    const url = await startMoto(t);
    if (url === undefined) return t.skip('there is no moto here (pip install moto[server])');
    await fetch(`${url}/bucket`, { method: 'PUT' });
    const harness = new Harness(t, url);
    harness.add('bucket/pre/x.log', 'one\ntwo\n');
    harness.add('none-such/x.log', 'three\n');
    await harness.delivery.settle();
    const client = new S3Client({ endpoint: url, region: 'us-east-1', forcePathStyle: true, credentials: KEY });
    t.after(() => client.destroy());
    const { Body: body } = await client.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'pre/x.log' }));
    assert.equal(await body?.transformToString(), 'one\ntwo\n');
    assert.match(String(harness.causes[0]), /^NoSuchBucket/);
  });
});

/** The address of an S3 server in a process of its own; undefined where there is none to be started. */
async function startMoto(test: TestContext): Promise<string | undefined> {
  const script = `
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
import sys
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
`;
  const python = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const failed = once(python, 'error').then(() => undefined);
  test.after(() => python.kill('SIGKILL'));
  const lines = createInterface({ input: python.stdout });
  const port = await Promise.race([
    failed,
    once(lines, 'line').then(([line]) => line as string),
    once(python, 'exit').then(() => undefined),
  ]);
  return port === undefined ? undefined : `http://127.0.0.1:${port}`;
}
