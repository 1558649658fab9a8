/** Who starts weir may end before it: npm, whose shell passes no signal on, and bin/weir.js under a Node that is too old. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from 'node:test';
import { WEIR, WeirProcess } from '../support/weir-process.ts';

/** A Node before 24 on the PATH, where there is one: the machine's own, behind the one that npm puts first. */
function oldNode(): string | undefined {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'node'));
  return candidates.find((candidate) => {
    const { stdout } = spawnSync(candidate, ['--version'], { encoding: 'utf8' });
    const major = Number(/^v(\d+)\./.exec(stdout ?? '')?.[1]);
    return major >= 20 && major < 24;
  });
}

const node = oldNode();
const skip = node === undefined && 'no Node before 24 on the PATH';

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
  } catch {
    return false;
  }
  try {
    // A zombie has ended, and waits for its parent to hear of it.
    return !/\) Z /.test(readFileSync(`/proc/${processId}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

describe('weir under an old Node', { skip }, () => {
  it('runs, passes SIGTERM on and ends with the exit code of the child', async (test) => {
    const weir = new WeirProcess(test, { runner: [node!] });
    await weir.ready();
    const child = Number(readFileSync(join(weir.dataDir, 'pid'), 'utf8'));
    assert.notEqual(child, weir.child.pid);
    weir.child.kill('SIGTERM');
    assert.deepEqual(await weir.exited, { code: 0, signal: null });
    assert.ok(!isAlive(child));
    assert.match(weir.stderr, /"signal":"SIGTERM"/);
    assert.equal(spawnSync(node!, [WEIR, 'nonsense']).status, 2);
  });

  it(
    'is given two arenas of malloc, unless its environment says otherwise',
    { skip: process.platform !== 'linux' },
    async (test) => {
      for (const [environment, arenas] of [
        [{}, '2'],
        [{ MALLOC_ARENA_MAX: '8' }, '8'],
      ] as const) {
        const weir = new WeirProcess(test, { runner: [node!], environment });
        await weir.ready();
        const child = readFileSync(join(weir.dataDir, 'pid'), 'utf8').trim();
        const variables = readFileSync(`/proc/${child}/environ`, 'latin1').split('\0');
        assert.ok(variables.includes(`MALLOC_ARENA_MAX=${arenas}`), variables.join(' '));
      }
    },
  );

  it(
    'has room for thousands of descriptors from the start, or for as many as it may have',
    { skip: process.platform !== 'linux' },
    async (test) => {
      for (const [most, room] of [
        [20_000, 16_384],
        [600, 512],
      ] as const) {
        const runner = ['/bin/sh', '-c', `ulimit -n ${most}; exec "$0" "$@"`, node!] as const;
        const weir = new WeirProcess(test, { runner });
        await weir.ready();
        const child = readFileSync(join(weir.dataDir, 'pid'), 'utf8').trim();
        const size = /^FDSize:\s*(\d+)$/m.exec(readFileSync(`/proc/${child}/status`, 'latin1'))?.[1];
        assert.ok(Number(size) >= room, `${size} of ${room}`);
        assert.ok(readdirSync(`/proc/${child}/fd`).length < 100);
      }
    },
  );

  it('keeps a signal that comes before the child has begun until it has', async (test) => {
    // As soon as the child is there: it takes tens of milliseconds until it comes to anything of ours.
    const early = (signal: NodeJS.Signals): readonly [string, ...string[]] => {
      const preload = `import processes from 'node:child_process';
        import { syncBuiltinESMExports } from 'node:module';
        const { spawn } = processes;
        processes.spawn = (...given) => {
          setImmediate(() => process.kill(process.pid, '${signal}'));
          return spawn(...given);
        };
        syncBuiltinESMExports();`;
      return [node!, '--import', `data:text/javascript,${encodeURIComponent(preload)}`];
    };
    await new WeirProcess(test, { runner: early('SIGHUP') }).ready();
    const ended = new WeirProcess(test, { runner: early('SIGTERM') });
    assert.deepEqual(await ended.exited, { code: 0, signal: null });
  });

  it('leaves no child behind when it is killed', async (test) => {
    const weir = new WeirProcess(test, { runner: [node!] });
    await weir.ready();
    const child = Number(readFileSync(join(weir.dataDir, 'pid'), 'utf8'));
    weir.child.kill('SIGKILL');
    await weir.untilEnded('the child to end', () => !isAlive(child));
  });
});

describe('weir started by npm', () => {
  it('ends when the shell that npm runs it in is killed', async (test) => {
    // What follows keeps the shell from becoming weir.
    const runner = ['/bin/sh', '-c', '"$0" "$@"; true', process.execPath] as const;
    const weir = new WeirProcess(test, { runner: [...runner], environment: { npm_command: 'start' } });
    await weir.ready();
    const child = Number(readFileSync(join(weir.dataDir, 'pid'), 'utf8'));
    assert.notEqual(child, weir.child.pid);
    weir.child.kill('SIGKILL');
    await weir.untilEnded('weir to end', () => !isAlive(child));
    // Its last lines may still be on their way to us when it has ended.
    await weir.exited;
    assert.match(weir.stderr, /"signal":"SIGTERM"/);
  });
});
