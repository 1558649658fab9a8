/** `npm start`: what it prints works as printed, the first time and the second. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { DescribeLoadBalancersCommand } from '@aws-sdk/client-elastic-load-balancing';
import { freePort, runWeir, WeirProcess } from '../support/weir-process.ts';

function printed(demo: WeirProcess): Promise<string> {
  return demo.until('the introduction', () => (demo.stdout.includes('README.md') ? demo.stdout : undefined));
}

async function answers(port: number, count: number): Promise<string[]> {
  const texts: string[] = [];
  for (let each = 0; each < count; each++) texts.push(await (await fetch(`http://127.0.0.1:${port}/`)).text());
  return texts;
}

describe('weir demo', () => {
  it('is answered in turn by two instances as soon as it says so, also when it is started again', async (test) => {
    const port = await freePort();
    const first = new WeirProcess(test, { command: 'demo', flags: ['--port', String(port)] });
    const text = await printed(first);
    assert.match(text, new RegExp(`curl http://127\\.0\\.0\\.1:${port}/\n`));
    assert.ok(text.includes(`console      ${await first.endpoint()}/\n`));
    assert.deepEqual((await answers(port, 4)).sort(), ['i-sample1\n', 'i-sample1\n', 'i-sample2\n', 'i-sample2\n']);
    first.child.kill('SIGINT');
    assert.deepEqual(await first.exited, { code: 0, signal: null });

    const other = await freePort();
    const second = new WeirProcess(test, { command: 'demo', flags: ['--port', String(other)], dataDir: first.dataDir });
    await printed(second);
    assert.deepEqual(
      (await answers(port, 2)).sort(),
      ['i-sample1\n', 'i-sample2\n'],
      'the port of the first run still serves',
    );
    assert.deepEqual((await answers(other, 2)).sort(), ['i-sample1\n', 'i-sample2\n']);
    const { LoadBalancerDescriptions = [] } = await (await second.client()).send(new DescribeLoadBalancersCommand({}));
    assert.deepEqual(
      LoadBalancerDescriptions.map(({ LoadBalancerName }) => LoadBalancerName),
      ['demo'],
    );
  });

  it('prints aws commands that work as they are, whatever keys and profile the reader has', async (test) => {
    if (spawnSync('aws', ['--version']).status !== 0) return test.skip('the AWS command line is not installed here');
    const demo = new WeirProcess(test, { command: 'demo', flags: ['--port', String(await freePort())] });
    const commands = (await printed(demo)).split('\n').filter((line) => line.includes(' aws elb '));
    assert.equal(commands.length, 5);
    const keys = { AWS_ACCESS_KEY_ID: 'AKIAELSEWHERE', AWS_SECRET_ACCESS_KEY: 'of-another-account' };
    const env = { ...process.env, ...keys, AWS_PROFILE: 'work', AWS_REGION: 'eu-west-1' };
    for (const command of commands.slice(0, 2)) {
      const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8', env });
      assert.equal(status, 0, `${command}\n${stderr}`);
      assert.match(stdout, /i-sample1/);
    }
  });

  it('says when its port is taken, and ends with exit code 1', async (test) => {
    const port = await freePort();
    const demo = new WeirProcess(test, { command: 'demo', flags: ['--port', String(port)] });
    await printed(demo);
    const dataDir = `${demo.dataDir}/second`;
    const words = ['demo', '--data-dir', dataDir, '--api', '127.0.0.1:0', '--threads', '1', '--port', String(port)];
    const { code, stderr } = await runWeir(words);
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(
        `^weir: the load balancer "demo" cannot be set up: Port ${port} cannot be opened on 127\\.0\\.0\\.1`,
        'm',
      ),
    );
  });
});
