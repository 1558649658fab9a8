/** Whoever reads weir's own log may stand still. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { DescribeLoadBalancersCommand, ElasticLoadBalancingClient } from '@aws-sdk/client-elastic-load-balancing';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { KEY } from '../support/api.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { freePort, WEIR, WeirProcess } from '../support/weir-process.ts';

/** Of a refused call, a line of 250 bytes and more: in all more than a pipe holds. */
const CALLS = 600;
const PATIENCE_MS = 30_000;

it('a log that nobody reads keeps neither the API nor the end of weir waiting', async (test) => {
  const directory = temporaryDirectory(test);
  const path = join(directory, 'pipe');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, 'w');
  const port = await freePort();
  const words = ['serve', '--data-dir', join(directory, 'data'), '--api', `127.0.0.1:${port}`, '--threads', '1'];
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [WEIR, ...words], {
    env: { PATH, HOME, WEIR_ACCESS_KEY_ID: KEY.accessKeyId, WEIR_SECRET_ACCESS_KEY: KEY.secretAccessKey },
    stdio: ['ignore', 'ignore', writer],
  });
  closeSync(writer);
  const exited = once(child, 'exit');
  test.after(async () => {
    child.kill('SIGKILL');
    await exited;
    closeSync(reader);
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const startedMs = systemClock.monotonicMs();
  const isReady = () =>
    fetch(`${endpoint}/-/ready`).then(
      ({ status }) => status === 200,
      () => false,
    );
  while (!(await isReady())) {
    assert.ok(systemClock.monotonicMs() - startedMs < PATIENCE_MS, 'it starts');
    await sleep(systemClock, 20);
  }
  const client = new ElasticLoadBalancingClient({ endpoint, region: 'us-east-1', credentials: KEY, maxAttempts: 1 });
  test.after(() => client.destroy());
  const abortSignal = AbortSignal.timeout(PATIENCE_MS);
  const input = { LoadBalancerNames: ['absent'] };
  for (let count = 0; count < CALLS; count++) {
    await assert.rejects(client.send(new DescribeLoadBalancersCommand(input), { abortSignal }), {
      Code: 'LoadBalancerNotFound',
    });
  }
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});

it('a log whose reader has gone away, or that a full disk does not take, ends nothing', async (test) => {
  // Its first line is read, and no more.
  const runners = ['exec "$@" 2>&1 >/dev/null | head -n 1', 'exec "$@" 2>/dev/full'];
  for (const script of runners) {
    const weir = new WeirProcess(test, { runner: ['sh', '-c', script, 'sh', process.execPath] });
    const endpoint = await weir.ready();
    const pid = Number(readFileSync(join(weir.dataDir, 'pid'), 'utf8'));
    test.after(() => {
      if (isRunning(pid)) process.kill(pid, 'SIGKILL');
    });
    for (let times = 0; times < 3; times++) {
      process.kill(pid, 'SIGUSR2');
      assert.equal((await fetch(`${endpoint}/-/ready`)).status, 200);
    }
    process.kill(pid, 'SIGTERM');
    await weir.untilEnded('the end', () => !isRunning(pid));
  }
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
