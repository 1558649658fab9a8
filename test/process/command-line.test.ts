/** Exit codes and messages: 0 fine, 1 refused or failed start, 2 wrong usage. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { CreateLoadBalancerCommand } from '@aws-sdk/client-elastic-load-balancing';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { freePort, runWeir, WEIR, WeirProcess } from '../support/weir-process.ts';

function configurationFile(test: TestContext, text: string): string {
  const path = join(temporaryDirectory(test), 'weir.yaml');
  writeFileSync(path, text);
  return path;
}

/** Runs `serve` in a directory of its own to its end, which is expected to come by itself. */
function failedStart(test: TestContext, ...words: string[]) {
  return runWeir(['serve', '--data-dir', join(temporaryDirectory(test), 'data'), '--threads', '1', ...words]);
}

describe('weir: the command line', () => {
  it('explains itself when asked, with exit code 0', async () => {
    for (const words of [['--help'], ['help', 'serve'], ['serve', '--help'], ['--version']]) {
      const { code, stdout, stderr } = await runWeir(words);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, words.join(' '));
      assert.match(stdout, words[0] === '--version' ? /^\d+\.\d+\.\d+\n$/ : /Usage: weir/);
    }
  });

  it('refuses wrong usage with exit code 2, and says what would be right', async (test) => {
    for (const [words, message] of [
      [[], /Usage: weir/],
      [['serv'], /unknown command 'serv'[^]*Did you mean serve\?/],
      [['serve', '--treads', '1'], /unknown option '--treads'[^]*Did you mean --threads\?/],
      [['serve', 'a.yaml', 'b.yaml'], /too many arguments/],
      [['validate'], /missing required argument 'config\.yaml'/],
      [['demo', '--port', '0'], /'--port <PORT>' argument '0' is invalid. It must be a port from 1 to 65535/],
      [['serve', '--threads', 'many'], /^--threads: expected a whole number from 1 to 256, found "many"$/m],
      [['serve', '--api', 'nowhere'], /^--api: expected HOST:PORT/m],
    ] as const) {
      const dataDir = words.length > 1 ? ['--data-dir', temporaryDirectory(test)] : [];
      const { code, stderr } = await runWeir([...words, ...(words[0] === 'validate' ? [] : dataDir)]);
      assert.equal(code, 2, `${words.join(' ')}: ${stderr}`);
      assert.match(stderr, message);
    }
  });

  it('validates a file: exit code 0, or 1 with file, line and what was expected', async (test) => {
    const good = configurationFile(test, 'threads: 2\n');
    const valid = await runWeir(['validate', good]);
    assert.deepEqual(valid, { code: 0, stdout: `${good}: the configuration is in order\n`, stderr: '' });
    const bad = configurationFile(test, 'zones: [a]\nthread: 2\n');
    const known = 'known here: dataDir, api, auth, addresses, threads, ';
    for (const words of [
      ['validate', bad],
      ['serve', '--check', bad],
      ['serve', bad],
    ]) {
      const { code, stdout, stderr } = await runWeir(words);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
      assert.ok(
        stderr.startsWith(`${bad}:2: thread: there is no such option; did you mean "threads"? (${known}`),
        stderr,
      );
    }
    const missing = await runWeir(['validate', join(bad, 'missing')]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /missing: the configuration file cannot be read: /);
  });

  it('checks with --check what would be used: the file, the environment, the flags', async (test) => {
    const file = configurationFile(test, 'auth: none\n');
    assert.equal((await runWeir(['serve', file, '--check'])).code, 0);
    const exposed = await runWeir(['serve', file, '--check'], { WEIR_API: '0.0.0.0:7600' });
    assert.equal(exposed.code, 1);
    assert.match(exposed.stderr, /weir\.yaml:1: auth: "none" lets everybody who reaches 0\.0\.0\.0 change everything/);
    const covered = await runWeir(['serve', file, '--check', '--api', '[::1]:0'], { WEIR_API: '0.0.0.0:7600' });
    assert.equal(covered.code, 0);
    const half = await runWeir(['serve', '--check'], { WEIR_ACCESS_KEY_ID: 'AKIAALONE' });
    assert.deepEqual([half.code, half.stdout], [1, '']);
    assert.match(half.stderr, /^WEIR_SECRET_ACCESS_KEY: is missing, while WEIR_ACCESS_KEY_ID is set/);
    const words = await runWeir(['serve', '--check'], {
      WEIR_ACCESS_KEY_ID: 'AKIA',
      WEIR_SECRET_ACCESS_KEY: 'two words',
    });
    assert.deepEqual([words.code, words.stdout], [1, '']);
    assert.equal(words.stderr, 'WEIR_SECRET_ACCESS_KEY: must be 1 to 256 printable characters without spaces\n');
    const keyless = await runWeir(['serve', '--check'], { WEIR_MASTER_KEY_FILE: join(file, 'missing') });
    assert.deepEqual([keyless.code, keyless.stdout], [1, '']);
    assert.match(keyless.stderr, /^weir: the master key file .*missing \(WEIR_MASTER_KEY_FILE\): cannot be opened/);
  });
});

describe('weir: whoever reads what a command prints', () => {
  /** Runs a command whose standard output, or standard error, nobody reads any more. */
  async function unread(which: 'stdout' | 'stderr', words: readonly string[]) {
    const child = spawn(process.execPath, [WEIR, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    child[which].destroy();
    let said = '';
    child[which === 'stdout' ? 'stderr' : 'stdout'].setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, said };
  }

  it('may have seen enough before it is written: that changes no exit code and is told nobody', async (test) => {
    const good = configurationFile(test, 'threads: 2\n');
    const bad = configurationFile(test, 'treads: 2\n');
    for (const words of [
      ['--help'],
      ['help', 'serve'],
      ['--version'],
      ['validate', good],
      ['serve', good, '--check'],
    ]) {
      assert.deepEqual(await unread('stdout', words), { code: 0, said: '' }, words.join(' '));
    }
    assert.deepEqual(await unread('stderr', ['serv']), { code: 2, said: '' });
    assert.deepEqual(await unread('stderr', ['validate', bad]), { code: 1, said: '' });
  });

  it('is not told that all is well where it cannot be written', { skip: !existsSync('/dev/full') }, async (test) => {
    const full = openSync('/dev/full', 'w');
    test.after(() => closeSync(full));
    const words = [WEIR, 'validate', configurationFile(test, 'threads: 2\n')];
    const { status, stderr } = spawnSync(process.execPath, words, {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stderr, /^weir: standard output cannot be written: ENOSPC/);
  });
});

describe('weir: a start that is refused', () => {
  it('says that another program has the API address', async (test) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    test.after(() => server.close());
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const dataDir = join(temporaryDirectory(test), 'data');
    const { code, stderr } = await failedStart(test, '--data-dir', dataDir, '--api', `127.0.0.1:${address.port}`);
    assert.equal(code, 1);
    const left = ['pid', 'api-address', 'state.db-wal'].filter((name) => existsSync(join(dataDir, name)));
    assert.deepEqual(left, [], 'nothing tells of it any more');
    assert.match(
      stderr,
      new RegExp(`^weir: the API cannot listen on 127\\.0\\.0\\.1:${address.port}: another program.*--api HOST:PORT`),
    );
  });

  it('says that the host name of the API has no address', async (test) => {
    const { code, stderr } = await failedStart(test, '--api', 'nobody.invalid:0');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^weir: the API cannot listen on nobody\.invalid:0: that host name has no address\. .*--api HOST:PORT/,
    );
  });

  it('says that the address is not one of this machine', async (test) => {
    const { code, stderr } = await failedStart(test, '--api', '192.0.2.1:7600');
    assert.equal(code, 1);
    assert.match(stderr, /^weir: the API cannot listen on 192\.0\.2\.1:7600: this machine does not have that address/);
  });

  it('says that another weir has the data directory, which goes on', async (test) => {
    const first = new WeirProcess(test);
    const endpoint = await first.ready();
    const { code, stderr } = await runWeir([
      'serve',
      '--data-dir',
      first.dataDir,
      '--api',
      '127.0.0.1:0',
      '--threads',
      '1',
    ]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`in use by another weir \\(process ${first.child.pid}\\)\\. Stop that one, or`));
    assert.equal((await fetch(`${endpoint}/-/ready`)).status, 200);
    assert.equal(await first.endpoint(), endpoint, 'its files are left alone');
  });

  it('fault 46: says that the state is damaged, and leaves it', async (test) => {
    const first = new WeirProcess(test);
    await first.ready();
    await first.kill();
    writeFileSync(join(first.dataDir, 'state.db'), 'not a database');
    const { code, stderr } = await runWeir(['serve', '--data-dir', first.dataDir, '--api', '127.0.0.1:0']);
    assert.equal(code, 1);
    assert.match(stderr, /^weir: the state in .*state\.db cannot be read: .*does not start with an empty state/);
  });

  it('says that the data directory cannot be made, in its one line', async (test) => {
    const file = configurationFile(test, 'threads: 1\n');
    for (const path of [file, join(file, 'below')]) {
      const { code, stderr } = await runWeir(['serve', '--data-dir', path, '--api', '127.0.0.1:0']);
      assert.equal(code, 1);
      assert.match(stderr, /^weir: cannot make the data directory .*weir\.yaml.*: EEXIST: .*\n$/);
    }
  });

  it('says that only half of a key is given', async (test) => {
    const words = ['serve', '--data-dir', temporaryDirectory(test), '--api', '127.0.0.1:0'];
    const { code, stderr } = await runWeir(words, { WEIR_ACCESS_KEY_ID: 'AKIA1' });
    assert.equal(code, 1);
    assert.match(stderr, /^WEIR_SECRET_ACCESS_KEY: is missing, while WEIR_ACCESS_KEY_ID is set/);
  });
});

describe('weir: a listening port', () => {
  it('that another weir has is refused by the API, though the system would share it', async (test) => {
    const port = await freePort();
    const create = new CreateLoadBalancerCommand({
      LoadBalancerName: 'web',
      Listeners: [{ Protocol: 'TCP', LoadBalancerPort: port, InstancePort: 80 }],
      AvailabilityZones: ['us-east-1a'],
    });
    const [first, second] = [new WeirProcess(test), new WeirProcess(test)];
    await Promise.all([first.ready(), second.ready()]);
    await (await first.client()).send(create);
    const refused = (await second.client()).send(create);
    await assert.rejects(refused, {
      name: 'InvalidConfigurationRequestException',
      message: new RegExp(`Port ${port} cannot be opened on 127\\.0\\.0\\.1`),
    });
  });

  it('that is taken at the start keeps only that listener down, and is told', async (test) => {
    const [taken, free] = [await freePort(), await freePort()];
    const first = new WeirProcess(test);
    await first.ready();
    const Listeners = [taken, free].map((LoadBalancerPort) => ({
      Protocol: 'TCP',
      LoadBalancerPort,
      InstancePort: 80,
    }));
    const create = new CreateLoadBalancerCommand({
      LoadBalancerName: 'web',
      Listeners,
      AvailabilityZones: ['us-east-1a'],
    });
    await (await first.client()).send(create);
    await first.kill();
    const server = createServer().listen(taken, '127.0.0.1');
    await once(server, 'listening');
    test.after(() => server.close());
    const second = new WeirProcess(test, { dataDir: first.dataDir });
    const endpoint = await second.endpoint();
    const body = await second.until('the refusal', async () => {
      const page = (await (await fetch(`${endpoint}/-/ready`)).json()) as { listeners?: readonly { port: number }[] };
      return page.listeners?.length === 1 ? page : undefined;
    });
    assert.deepEqual(
      body.listeners?.map(({ port }) => port),
      [taken],
    );
    const metrics = await (await fetch(`${endpoint}/metrics`)).text();
    assert.match(
      metrics,
      new RegExp(`^weir_listener_bind_failed\\{load_balancer="web",listener="127\\.0\\.0\\.1:${taken}"\\} 1$`, 'm'),
    );
    const line = await second.until('the log', () => /^.*"a listener is not up".*\n/m.exec(second.stderr)?.[0]);
    const told = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual([told['port'], told['message']], [taken, 'a listener is not up']);
    assert.match(String(told['cause']), /is taken by another program/);
    server.close();
    assert.equal(await second.ready(), endpoint, 'it comes up as soon as the port is free');
  });
});
