/** The program as its users run it: it serves, and keeps what it said it has. How it ends: test/faults/process.test.ts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  CreateLoadBalancerCommand,
  DeleteLoadBalancerCommand,
  DescribeAccountLimitsCommand,
  DescribeLoadBalancersCommand,
  RegisterInstancesWithLoadBalancerCommand,
  ElasticLoadBalancingClient,
} from '@aws-sdk/client-elastic-load-balancing';
import { namedBackend, type NamedBackend } from '../support/named-backend.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const AvailabilityZones = ['us-east-1a'];

/** Creates the load balancer `web`, HTTP on `port`, in front of `backends`. */
async function createWeb(client: ElasticLoadBalancingClient, port: number, backends: readonly NamedBackend[]) {
  const Listeners = [{ Protocol: 'HTTP', LoadBalancerPort: port, InstancePort: 80 }];
  await client.send(new CreateLoadBalancerCommand({ LoadBalancerName: 'web', Listeners, AvailabilityZones }));
  const Instances = backends.map(({ instanceId }) => ({ InstanceId: instanceId }));
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName: 'web', Instances }));
}

async function get(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

/** Resolves when the load balancer on `port` is answered by an instance. */
async function serving(weir: WeirProcess, port: number): Promise<void> {
  await weir.until('an instance in service', async () => {
    const { status } = await get(`http://127.0.0.1:${port}/`).catch(() => ({ status: 0 }));
    return status === 200 ? true : undefined;
  });
}

/** A weir with `web` in front of two back ends, all of them serving. */
async function weirWithWeb(test: TestContext, dataDir?: string) {
  const backends = [await namedBackend(test, 'one'), await namedBackend(test, 'two')];
  const weir = new WeirProcess(test, dataDir === undefined ? {} : { dataDir });
  await weir.ready();
  const client = await weir.client();
  const port = await freePort();
  await createWeb(client, port, backends);
  await serving(weir, port);
  return { weir, client, port, backends };
}

describe('weir serve', () => {
  it('spreads requests over two instances in turn', async (test) => {
    const { weir, port } = await weirWithWeb(test);
    const url = `http://127.0.0.1:${port}/`;
    await weir.until('both instances', async () => {
      const pair = [(await get(url)).text, (await get(url)).text].sort();
      return pair.join() === 'one,two' ? true : undefined;
    });
    const answers: string[] = [];
    for (let each = 0; each < 6; each++) answers.push((await get(url)).text);
    assert.deepEqual(answers.slice(2), answers.slice(0, 4), 'every second answer is from the same instance');
    assert.notEqual(answers[0], answers[1]);
  });

  it('has what it had after SIGTERM, which ends it with exit code 0', async (test) => {
    const { weir, client, port } = await weirWithWeb(test);
    const before = await client.send(new DescribeLoadBalancersCommand({}));
    weir.child.kill('SIGTERM');
    assert.deepEqual(await weir.exited, { code: 0, signal: null }, weir.stderr);
    const left = ['state.db-wal', 'pid', 'api-address'].filter((name) => existsSync(join(weir.dataDir, name)));
    assert.deepEqual(left, [], 'an end in order');
    const again = new WeirProcess(test, { dataDir: weir.dataDir });
    await again.ready();
    const after = await (await again.client()).send(new DescribeLoadBalancersCommand({}));
    assert.deepEqual(after.LoadBalancerDescriptions, before.LoadBalancerDescriptions);
    await serving(again, port);
  });

  it('fault 46: has every acknowledged change after SIGKILL', async (test) => {
    const first = new WeirProcess(test);
    await first.ready();
    const client = await first.client();
    for (let each = 0; each < 5; each++) {
      const Listeners = [{ Protocol: 'TCP', LoadBalancerPort: await freePort(), InstancePort: 80 }];
      await client.send(
        new CreateLoadBalancerCommand({ LoadBalancerName: `lb-${each}`, Listeners, AvailabilityZones }),
      );
    }
    await client.send(new DeleteLoadBalancerCommand({ LoadBalancerName: 'lb-2' }));
    await first.kill();
    const second = new WeirProcess(test, { dataDir: first.dataDir });
    await second.ready();
    const found = await (await second.client()).send(new DescribeLoadBalancersCommand({}));
    const names = found.LoadBalancerDescriptions?.map(({ LoadBalancerName }) => LoadBalancerName);
    assert.deepEqual(names?.sort(), ['lb-0', 'lb-1', 'lb-3', 'lb-4']);
  });

  it('leaves files for scripts: process, API address, a key that only its owner reads', async (test) => {
    const weir = new WeirProcess(test);
    const endpoint = await weir.ready();
    const file = (name: string) => join(weir.dataDir, name);
    assert.match(endpoint, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(readFileSync(file('pid'), 'utf8'), `${weir.child.pid}\n`);
    assert.equal(statSync(file('credentials')).mode & 0o777, 0o600);
    assert.match(
      readFileSync(file('credentials'), 'utf8'),
      /^\[default\]\naws_access_key_id = \S+\naws_secret_access_key = \S+$/m,
    );
    weir.child.kill('SIGTERM');
    await weir.exited;
    assert.ok(!existsSync(file('pid')) && !existsSync(file('api-address')));
  });

  it('takes a fixed key from the environment', async (test) => {
    const key = { WEIR_ACCESS_KEY_ID: 'AKIAFIXED', WEIR_SECRET_ACCESS_KEY: 'fixed-secret' };
    const weir = new WeirProcess(test, { environment: key });
    await weir.ready();
    const client = await weir.client();
    const { accessKeyId, secretAccessKey } = await client.config.credentials();
    assert.deepEqual({ accessKeyId, secretAccessKey }, { accessKeyId: 'AKIAFIXED', secretAccessKey: 'fixed-secret' });
    await client.send(new DescribeLoadBalancersCommand({}));
  });

  it('shows health, metrics and a page beside the API', async (test) => {
    const { weir } = await weirWithWeb(test);
    const endpoint = await weir.endpoint();
    assert.equal((await get(`${endpoint}/-/health`)).status, 200);
    assert.deepEqual(await get(`${endpoint}/-/ready`), { status: 200, text: '{"status":"ready"}\n' });
    const metrics = (await get(`${endpoint}/metrics`)).text;
    assert.match(metrics, /^weir_requests_total\{load_balancer="web"\} [1-9]\d*$/m);
    assert.match(metrics, /^weir_instance_in_service\{load_balancer="web",instance_id="127\.0\.0\.1:\d+"\} 1$/m);
    assert.match((await get(endpoint)).text, /<h2>web<\/h2>[^]*InService/);
    const head = await fetch(`${endpoint}/metrics`, { method: 'HEAD' });
    assert.equal(await head.text(), '');
  });
});

describe('weir serve: SIGHUP', () => {
  it('takes over what can change, says what cannot, and keeps everything when the file is wrong', async (test) => {
    const file = join(temporaryDirectory(test), 'weir.yaml');
    const [one, two] = [await namedBackend(test, 'one'), await namedBackend(test, 'two')];
    const write = (backend: NamedBackend, rest: string) => {
      const port = backend.instanceId.split(':')[1];
      const inventory = `instances: { inventory: { i-web: { address: 127.0.0.1, ports: { 80: ${port} } } } }`;
      writeFileSync(file, `${inventory}\nlog: { format: json }\n${rest}\n`);
    };
    write(one, 'limits: { listeners: 7 }');
    const weir = new WeirProcess(test, { flags: [file] });
    await weir.ready();
    const client = await weir.client();
    const port = await freePort();
    await createWeb(client, port, [{ ...one, instanceId: 'i-web' }]);
    await serving(weir, port);
    const listeners = async () => {
      const { Limits = [] } = await client.send(new DescribeAccountLimitsCommand({}));
      return Limits.find(({ Name }) => Name === 'classic-listeners')?.Max;
    };
    assert.equal(await listeners(), '7');

    write(two, 'limits: { listeners: 8 }\nregion: eu-west-1');
    const key = { accessKeyId: 'AKIALATER', secretAccessKey: 'later' };
    const profile = `[later]\naws_access_key_id = ${key.accessKeyId}\naws_secret_access_key = ${key.secretAccessKey}\n`;
    appendFileSync(join(weir.dataDir, 'credentials'), `\n${profile}`);
    const later = new ElasticLoadBalancingClient({
      endpoint: await weir.endpoint(),
      region: 'us-east-1',
      credentials: key,
    });
    test.after(() => later.destroy());
    await assert.rejects(later.send(new DescribeAccountLimitsCommand({})), { name: 'InvalidClientTokenId' });
    weir.child.kill('SIGHUP');
    await weir.until('the new limit', async () => ((await listeners()) === '8' ? true : undefined));
    assert.ok((await later.send(new DescribeAccountLimitsCommand({}))).Limits, 'keys are read again too');
    await weir.until('the kept option in the log', () => /"kept":\["region"\]/.test(weir.stderr));
    await weir.until('the moved instance', async () => {
      // Without connection draining, a request that is on its way to the old place is cut.
      const { text } = await get(`http://127.0.0.1:${port}/`).catch(() => ({ text: 'cut' }));
      return text === 'two' ? true : undefined;
    });

    write(one, 'limits: { listeners: none }');
    weir.child.kill('SIGHUP');
    await weir.until('the refusal in the log', () => /weir\.yaml:3: limits\.listeners: expected/.test(weir.stderr));
    assert.equal(await listeners(), '8');
  });

  it('takes over the level of the log', async (test) => {
    const file = join(temporaryDirectory(test), 'weir.yaml');
    const write = (level: string) => writeFileSync(file, `log: { format: json, level: ${level} }\n`);
    write('warn');
    const weir = new WeirProcess(test, { flags: [file] });
    await weir.ready();
    assert.doesNotMatch(weir.stderr, /"level":"info"/);
    write('info');
    weir.child.kill('SIGHUP');
    await weir.until('a line that is told now', () => /"changed":\["log.level"\]/.test(weir.stderr));
  });
});

describe('weir serve: signals at odd moments', () => {
  /** A weir in the middle of its start: it has asked an EC2 endpoint, which answers when the test says so. */
  async function starting(test: TestContext) {
    const file = join(temporaryDirectory(test), 'weir.yaml');
    const waiting: ServerResponse[] = [];
    const ec2 = createServer((_, response) => void waiting.push(response)).listen(0, '127.0.0.1');
    await once(ec2, 'listening');
    test.after(() => {
      ec2.close();
      ec2.closeAllConnections();
    });
    const { port } = ec2.address() as AddressInfo;
    const write = (listeners: number) => {
      const instances = `instances: { ec2Endpoint: 'http://127.0.0.1:${port}' }`;
      writeFileSync(file, `${instances}\nlog: { format: json }\nlimits: { listeners: ${listeners} }\n`);
    };
    write(7);
    const environment = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' };
    const weir = new WeirProcess(test, { flags: [file], environment });
    await weir.until('the question to EC2', () => waiting.length > 0);
    const goOn = () => {
      ec2.on('request', (_, response: ServerResponse) => void response.end());
      for (const response of waiting) response.end();
    };
    return { weir, write, goOn };
  }

  /** Sends weir the signal when the first of its own modules is loaded. */
  const early = (signal: NodeJS.Signals): readonly [string, ...string[]] => {
    const preload = `import { registerHooks } from 'node:module';
      registerHooks({ load(url, context, next) {
        if (url.endsWith('/cli/main.ts')) process.kill(process.pid, '${signal}');
        return next(url, context);
      } });`;
    return [process.execPath, '--import', `data:text/javascript,${encodeURIComponent(preload)}`];
  };

  it('a SIGHUP, SIGUSR1 or SIGUSR2 that comes before weir is loaded does not end it, a SIGTERM does, in order', async (test) => {
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
      await new WeirProcess(test, { runner: early(signal) }).ready();
    }
    const ended = new WeirProcess(test, { runner: early('SIGTERM') });
    assert.deepEqual(await ended.exited, { code: 0, signal: null });
  });

  it('a SIGTERM that comes while weir starts ends it at once, and nothing tells of it any more', async (test) => {
    const { weir } = await starting(test);
    assert.ok(existsSync(join(weir.dataDir, 'api-address')));
    weir.child.kill('SIGTERM');
    assert.deepEqual(await weir.exited, { code: 0, signal: null });
    for (const file of ['pid', 'api-address']) assert.ok(!existsSync(join(weir.dataDir, file)), file);
  });

  it('a SIGHUP that comes while weir starts is heard when it has started', async (test) => {
    const { weir, write, goOn } = await starting(test);
    write(8);
    weir.child.kill('SIGHUP');
    weir.child.kill('SIGHUP');
    goOn();
    const client = await weir.client();
    await weir.until('the new limit', async () => {
      const { Limits = [] } = await client.send(new DescribeAccountLimitsCommand({}));
      return Limits.some(({ Name, Max }) => Name === 'classic-listeners' && Max === '8');
    });
    assert.match(weir.stderr, /configuration and credentials read again/);
  });

  it('SIGUSR1 and SIGUSR2 neither open a debugger nor end weir', async (test) => {
    const weir = new WeirProcess(test);
    await weir.ready();
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      weir.child.kill(signal);
      await weir.until(`${signal} in the log`, () => new RegExp(`"signal":"${signal}"`).test(weir.stderr));
    }
    assert.equal((await fetch(`${await weir.endpoint()}/-/ready`)).status, 200);
    assert.doesNotMatch(weir.stderr, /debugger/i);
  });
});

describe('weir serve: the service manager', () => {
  it('is told by systemd-notify when weir is ready, reloads and stops', async (test) => {
    const directory = temporaryDirectory(test);
    const told = join(directory, 'told');
    writeFileSync(join(directory, 'systemd-notify'), `#!/bin/sh\necho "$NOTIFY_SOCKET" "$@" >> '${told}'\n`, {
      mode: 0o755,
    });
    const environment = { NOTIFY_SOCKET: '/run/notify', PATH: `${directory}:${process.env['PATH']}` };
    const weir = new WeirProcess(test, { environment });
    const lines = () => (existsSync(told) ? readFileSync(told, 'utf8').trimEnd().split('\n') : []);
    const count = (wanted: number) => weir.until(`${wanted} messages`, () => lines().length >= wanted);
    await count(1);
    weir.child.kill('SIGHUP');
    await count(3);
    weir.child.kill('SIGTERM');
    await weir.exited;
    const [ready = '', reloading = '', again = '', stopping = ''] = lines();
    assert.match(ready, /^\/run\/notify READY=1 STATUS=API on http:/);
    assert.match(reloading, /^\/run\/notify RELOADING=1 MONOTONIC_USEC=\d+$/);
    assert.match(again, /^\/run\/notify READY=1$/);
    assert.match(stopping, /^\/run\/notify STOPPING=1$/);
  });

  it('is missed in the log where systemd-notify fails', async (test) => {
    const directory = temporaryDirectory(test);
    writeFileSync(join(directory, 'systemd-notify'), '#!/bin/sh\nexit 7\n', { mode: 0o755 });
    const environment = { NOTIFY_SOCKET: '/run/notify', PATH: `${directory}:${process.env['PATH']}` };
    const weir = new WeirProcess(test, { environment });
    await weir.until('the warning', () => /"code":7,.*the service manager was not told/.test(weir.stderr));
  });
});
