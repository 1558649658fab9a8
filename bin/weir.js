#!/usr/bin/env node
// Plain JavaScript for any Node: finds a Node that can run TypeScript as it is, then hands over to src/cli/main.ts.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WANTED_MAJOR = 24;
/**
 * glibc gives each thread an arena of its own, and keeps in each what a full heap took to collect (docs/testing.md, What a dead
 * thread leaves). Two are as fast. It is read when a process starts, so only a Node that is started here gets it.
 */
const MALLOC_ARENAS = '2';
/**
 * Linux makes room for so many descriptors as soon as one has this number. While it makes more, at each doubling, the traffic thread that
 * accepts sleeps for 5 to 10 ms (docs/decisions.md, 2026-11-23).
 */
const HIGH_DESCRIPTOR = 16_383;
const serves = process.argv[2] === 'serve' || process.argv[2] === 'demo';

if (serves) takeEarlySignals();
// From now on a signal that our launcher passes on (launch, below) is not lost, and ends nothing that it should not.
if (process.env.WEIR_LAUNCHER === String(process.ppid)) process.send?.('begun', () => undefined);
const runningMajor = Number(process.versions.node.split('.')[0]);
if (runningMajor >= WANTED_MAJOR) {
  const { main } = await import('../src/cli/main.ts');
  await main(process.argv.slice(2));
} else {
  const node = bundledNode();
  if (node !== undefined) launch(node);
  else {
    console.error(
      `weir: Node ${process.versions.node} is too old (needs ${WANTED_MAJOR} or newer) and the Node that weir brings ` +
        `is not installed for ${process.platform}-${process.arch}. Run "npm ci" (with optional dependencies), or use a newer Node.`,
    );
    process.exitCode = 1;
  }
}

/**
 * Until weir is loaded and watches for signals itself: one that stops ends it as later, and no other does. A SIGHUP asks for
 * nothing yet, since nothing has been read.
 */
function takeEarlySignals() {
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.on(signal, () => undefined);
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(0);
    });
  }
}

/** The Node that the project brings as an npm package for this platform, if it is installed. */
function bundledNode() {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}-${process.arch}`;
  for (const name of [`node-${platform}`, `node-bin-${platform}`]) {
    try {
      const candidate = join(dirname(require.resolve(`${name}/package.json`)), 'bin', 'node');
      if (existsSync(candidate)) return candidate;
    } catch {
      // Not this package: the next one.
    }
  }
  return undefined;
}

/** Runs this file again with `node`, standing in for it: signals go in, the exit code comes out. */
function launch(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    // The channel tells the child when we are gone (src/cli/launcher.ts), and us when the child watches for signals.
    stdio: ['inherit', 'inherit', 'inherit', ...Array(channelDescriptor() - 3).fill('ignore'), 'ipc'],
    env: { MALLOC_ARENA_MAX: MALLOC_ARENAS, ...process.env, WEIR_LAUNCHER: String(process.pid) },
  });
  // SIGUSR1 as well: Node would open a debugger here by itself.
  const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];
  // Before it has begun, the child would end by any of them.
  const early = [];
  let pass = (signal) => early.push(signal);
  child.once('message', () => {
    pass = (signal) => child.kill(signal);
    early.forEach(pass);
  });
  for (const signal of passedOn) process.on(signal, () => pass(signal));
  child.on('error', (error) => {
    console.error(`weir: cannot run ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** The number that the channel has in the child. While that is started, a few have higher ones. */
function channelDescriptor() {
  if (!serves || process.platform !== 'linux') return 3;
  const most = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return most === undefined ? HIGH_DESCRIPTOR : Math.max(3, Math.min(HIGH_DESCRIPTOR, Number(most) - 16));
}
