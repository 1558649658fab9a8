/** `weir top` beside a running weir: as tables, and in a terminal. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import {
  CreateLoadBalancerCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { systemClock } from '../../src/kit/clock.ts';
import { namedBackend } from '../support/named-backend.ts';
import { freePort, runWeir, WEIR, WeirProcess } from '../support/weir-process.ts';

const PATIENCE_MS = 20_000;

/** A weir with the load balancer `web` in front of one instance, which has answered `requests` requests. */
async function weirWithWeb(test: TestContext) {
  const weir = new WeirProcess(test);
  const endpoint = await weir.ready();
  const client = await weir.client();
  const { instanceId } = await namedBackend(test, 'one');
  const port = await freePort();
  const LoadBalancerName = 'web';
  const Listeners = [
    {
      Protocol: 'HTTP',
      LoadBalancerPort: port,
      InstanceProtocol: 'HTTP',
      InstancePort: Number(instanceId.split(':')[1]),
    },
  ];
  await client.send(new CreateLoadBalancerCommand({ LoadBalancerName, Listeners, AvailabilityZones: ['us-east-1a'] }));
  const Instances = [{ InstanceId: '127.0.0.1' }];
  await client.send(new RegisterInstancesWithLoadBalancerCommand({ LoadBalancerName, Instances }));
  const url = `http://127.0.0.1:${port}/`;
  await weir.until('an instance in service', async () => ((await fetch(url)).status === 200 ? true : undefined));
  return { weir, url, api: endpoint.replace('http://', '') };
}

describe('weir top', () => {
  it('prints a table where there is no terminal, of the weir at an address or on a data directory', async (test) => {
    const { weir, url, api } = await weirWithWeb(test);
    for (const where of [
      ['--api', api],
      ['--data-dir', weir.dataDir],
    ]) {
      const load = systemClock.every(20, () => void fetch(url).catch(() => undefined));
      const { code, stdout, stderr } = await runWeir(['top', ...where, '--once', '--interval', '0.5']);
      load.cancel();
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^weir \S+ {2}127\.0\.0\.1:\d+ {2}ready {2}up /);
      assert.match(stdout, /^web +[1-9]\S* +\S+ms +\S+ms +[1-9].* 1\/1$/m);
      assert.match(stdout, /^web 127\.0\.0\.1 +\d+ +in service +\d+ +\d+$/m);
      assert.ok(!stdout.includes('\u001B'));
    }
  });

  it('ends when nobody reads its tables any more', async (test) => {
    const { api } = await weirWithWeb(test);
    const top = spawn(process.execPath, [WEIR, 'top', '--api', api, '--interval', '0.2'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    test.after(() => top.kill('SIGKILL'));
    await once(top.stdout, 'data');
    top.stdout.destroy();
    assert.deepEqual(await once(top, 'close'), [0, null]);
  });

  it('says how to go on where no weir answers', async () => {
    const port = await freePort();
    const nobody = await runWeir(['top', '--api', `127.0.0.1:${port}`, '--once']);
    assert.equal(nobody.code, 1);
    const message = `weir: no weir answers at 127.0.0.1:${port}: nothing listens there. Start one there (weir serve), or name another (--api HOST:PORT).\n`;
    assert.equal(nobody.stderr, message);
  });

  it('takes an address that can be one only, as every command does that asks a running weir', async () => {
    for (const command of ['top', 'instances', 'drain-status']) {
      for (const [api, why] of [
        ['127.0.0.1:0', /must name the port/],
        ['nonsense', /must be HOST:PORT/],
      ] as const) {
        const { code, stderr } = await runWeir([command, '--api', api]);
        assert.equal(code, 2, command);
        assert.match(stderr, why);
      }
    }
  });

  const hasScript = spawnSync('script', ['--version']).status === 0;
  it(
    'draws in a terminal, and leaves it as it was',
    { skip: hasScript ? false : 'needs script (util-linux)' },
    async (test) => {
      const { api } = await weirWithWeb(test);
      const command = `stty cols 80 rows 24; '${process.execPath}' '${WEIR}' top --api ${api} --interval 0.2; echo "ended $?"; stty -a`;
      const terminal = spawn('script', ['-qec', command, '/dev/null'], {
        env: { PATH: process.env['PATH'], TERM: 'xterm', SHELL: '/bin/sh' },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      test.after(() => terminal.kill('SIGKILL'));
      let shown = '';
      terminal.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text.replaceAll('\u001B', '^')));
      const untilShown = async (pattern: RegExp) => {
        const deadlineMs = systemClock.monotonicMs() + PATIENCE_MS;
        while (!pattern.test(shown)) {
          assert.ok(systemClock.monotonicMs() < deadlineMs, `waited for ${pattern}; shown:\n${JSON.stringify(shown)}`);
          await Promise.race([once(terminal.stdout, 'data'), once(terminal, 'close')]);
        }
      };
      await untilShown(/\^\[\?1049h.*requests\*/s);
      terminal.stdin.write('n');
      await untilShown(/name\*/);
      terminal.stdin.write('q');
      await untilShown(/\^\[\?25h\^\[\?1049l.*ended 0.* icanon.* echo /s);
      await once(terminal, 'close');
      assert.match(shown, /web .* 1\/1/);
    },
  );
});
