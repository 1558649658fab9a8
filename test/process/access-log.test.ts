/** The access log of the whole program: from the API call that switches it on to the file in the folder. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  CreateLoadBalancerCommand,
  ModifyLoadBalancerAttributesCommand,
  type AccessLog,
} from '@aws-sdk/client-elastic-load-balancing';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const ON: AccessLog = { Enabled: true, S3BucketName: 'logs', S3BucketPrefix: 'web', EmitInterval: 5 };
const FILE =
  /^logs\/web\/AWSLogs\/(\d{12})\/elasticloadbalancing\/us-east-1\/\d{4}\/\d\d\/\d\d\/\1_elasticloadbalancing_us-east-1_web_\d{8}T\d{2}[0-5][05]Z_127\.0\.0\.1_[a-z\d]{8}\.log$/;

/** A weir with the load balancer `web` and its access log on. */
async function loggingWeir(test: TestContext, flags: readonly string[] = []) {
  const weir = new WeirProcess(test, { flags });
  await weir.ready();
  const client = await weir.client();
  const port = await freePort();
  const listener = { Protocol: 'HTTP', LoadBalancerPort: port, InstancePort: 80 };
  await client.send(
    new CreateLoadBalancerCommand({
      LoadBalancerName: 'web',
      Listeners: [listener],
      AvailabilityZones: ['us-east-1a'],
    }),
  );
  const set = (accessLog: AccessLog) =>
    client.send(
      new ModifyLoadBalancerAttributesCommand({
        LoadBalancerName: 'web',
        LoadBalancerAttributes: { AccessLog: accessLog },
      }),
    );
  await set(ON);
  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  return { weir, set, ask, port };
}

/** The log files below `folder`, and all lines in them. */
function logsIn(folder: string) {
  const paths = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  const files = paths.filter((path) => path.endsWith('.log'));
  return { paths, files, text: files.map((file) => textOf(join(folder, file))).join('') };
}

/** Empty where the file has just been delivered. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function targetsIn(text: string): (string | undefined)[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => /"GET http:\/\/127\.0\.0\.1:\d+(\S+) HTTP\/1\.1"/.exec(line)?.[1]);
}

describe('the access log of a weir', () => {
  it('is written as requests end, follows its attribute at once, and is delivered when weir stops', async (test) => {
    const { weir, set, ask } = await loggingWeir(test);
    assert.equal(await ask('/one'), 503);
    await set({ Enabled: false });
    await ask('/not-logged');
    await set(ON);
    await ask('/two');
    const spool = join(weir.dataDir, 'access-log-spool');
    const delivered = join(weir.dataDir, 'access-logs');
    // A change of the attribute ends the file that was written before.
    await weir.until('both lines', () => {
      const { text } = logsIn(spool);
      return targetsIn(text + logsIn(delivered).text).length === 2;
    });
    await weir.until('the test file', () => logsIn(delivered).paths.find((path) => path.endsWith('TestFile')));
    weir.child.kill('SIGTERM');
    assert.deepEqual(await weir.exited, { code: 0, signal: null });
    const { files, text } = logsIn(delivered);
    assert.deepEqual(new Set(targetsIn(text)), new Set(['/one', '/two']));
    assert.equal(targetsIn(text).length, 2);
    for (const file of files) assert.match(file, FILE);
    assert.deepEqual(readdirSync(spool), []);
  });

  it('survives that weir is killed: the next one delivers it', async (test) => {
    const { weir, ask } = await loggingWeir(test);
    await ask('/before');
    const spool = join(weir.dataDir, 'access-log-spool');
    await weir.until('the line', () => targetsIn(logsIn(spool).text).includes('/before'));
    await weir.kill();
    const next = new WeirProcess(test, { dataDir: weir.dataDir });
    await next.ready();
    const delivered = join(weir.dataDir, 'access-logs');
    await next.until('the file', () => targetsIn(logsIn(delivered).text).includes('/before'));
    const metrics = await (await fetch(`${await next.endpoint()}/metrics`)).text();
    assert.match(metrics, /^weir_access_log_dropped_total\{reason="ring"\} 0$/m);
    // It writes in the directory that is removed now.
    await next.kill();
  });

  it('goes to another folder after SIGHUP, with what the first one did not take', async (test) => {
    const place = temporaryDirectory(test);
    const [missing, other] = [join(place, 'missing'), join(place, 'other')];
    const file = join(place, 'weir.yaml');
    writeFileSync(file, `accessLogs: { folder: ${missing} }\n`);
    const { weir, set, ask } = await loggingWeir(test, [file]);
    await ask('/one');
    await set({ Enabled: false });
    await weir.until('the complaint', () => weir.stderr.includes(`there is no folder ${missing}`));
    mkdirSync(other);
    writeFileSync(file, `accessLogs: { folder: ${other} }\n`);
    weir.child.kill('SIGHUP');
    await weir.until('the file', () => targetsIn(logsIn(other).text).includes('/one'));
    assert.match(weir.stderr, /"changed":\["accessLogs"\]/);
    assert.ok(!existsSync(missing));
  });
});
