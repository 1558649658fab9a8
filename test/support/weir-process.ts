/** The whole program as a child process, the way its users run it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ElasticLoadBalancingClient } from '@aws-sdk/client-elastic-load-balancing';
import { systemClock } from '../../src/kit/clock.ts';
import { parseCredentials } from '../../src/api/credentials.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const WEIR = fileURLToPath(new URL('../../bin/weir.js', import.meta.url));

/** Shared by all tests, most of which begin with an empty data directory: to compile weir is most of what its start takes. */
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/weir-compiled', import.meta.url));

/** How long anything is waited for before the test fails with what the process said. */
const PATIENCE_MS = 20_000;
const POLL_MS = 20;

export interface WeirOptions {
  /** `serve` unless told otherwise. */
  readonly command?: string;
  /** Flags after those that every run has (`--data-dir`, `--api`, `--listen`, `--threads`). */
  readonly flags?: readonly string[];
  /** Of a run before, to see what it has kept. */
  readonly dataDir?: string;
  readonly api?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** What runs bin/weir.js and the words after it; this Node unless told otherwise. */
  readonly runner?: readonly [command: string, ...words: string[]];
}

type Look<T> = () => Promise<T | false | undefined> | T | false | undefined;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child that was started, and everything that it says. Killed when the test ends. */
export class WeirProcess {
  readonly child: ChildProcess;
  readonly dataDir: string;
  readonly exited: Promise<Exit>;
  #stdout = '';
  #stderr = '';
  #exit: Exit | undefined;

  constructor(test: TestContext, options: WeirOptions = {}) {
    this.dataDir = options.dataDir ?? temporaryDirectory(test);
    // One that was killed has left its address behind.
    rmSync(join(this.dataDir, 'api-address'), { force: true });
    const flags = [
      '--data-dir',
      this.dataDir,
      '--api',
      options.api ?? '127.0.0.1:0',
      '--listen',
      '127.0.0.1',
      '--threads',
      '1',
    ];
    const words = [WEIR, options.command ?? 'serve', ...flags, ...(options.flags ?? [])];
    // Nothing of the environment that the tests run in decides what is tested.
    const { PATH, HOME } = process.env;
    const environment = { PATH, HOME, NODE_COMPILE_CACHE: COMPILED, ...options.environment };
    const [runner, ...before] = options.runner ?? [process.execPath];
    this.child = spawn(runner, [...before, ...words], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.exited = once(this.child, 'close').then(([code, signal]) => {
      this.#exit = { code: code as number | null, signal: signal as NodeJS.Signals | null };
      return this.#exit;
    });
    test.after(async () => {
      this.child.kill('SIGKILL');
      await this.exited;
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Ends at once, as a power cut does to a process. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Resolves with what `look` finds, as soon as that is neither undefined nor false; fails with what the process said. */
  async until<T>(what: string, look: Look<T>): Promise<T> {
    return this.#poll(what, look, () => this.#exit !== undefined);
  }

  /** As {@link until}, for what comes after the end of the process. */
  async untilEnded(what: string, look: () => boolean): Promise<void> {
    await this.#poll(what, look, () => false);
  }

  async #poll<T>(what: string, look: Look<T>, hopeless: () => boolean): Promise<T> {
    const deadlineMs = systemClock.monotonicMs() + PATIENCE_MS;
    for (;;) {
      const given = hopeless() || systemClock.monotonicMs() > deadlineMs;
      const found = await look();
      if (found !== undefined && found !== false) return found;
      if (given) {
        const state = this.#exit === undefined ? 'runs' : `has ended: ${JSON.stringify(this.#exit)}`;
        throw new Error(`waited for ${what}; weir ${state}\n${this.#stdout}${this.#stderr}`);
      }
      await pause();
    }
  }

  /** The API endpoint, once it is known. */
  endpoint(): Promise<string> {
    return this.until('the API address', () => {
      try {
        return readFileSync(join(this.dataDir, 'api-address'), 'utf8').trim();
      } catch {
        return undefined;
      }
    });
  }

  /** The endpoint, once `/-/ready` answers 200. */
  async ready(): Promise<string> {
    const endpoint = await this.endpoint();
    await this.until('/-/ready', async () => {
      const { status } = await fetch(`${endpoint}/-/ready`).catch(() => ({ status: 0 }));
      return status === 200 ? true : undefined;
    });
    return endpoint;
  }

  /** A client of the AWS SDK with the key of the data directory. */
  async client(): Promise<ElasticLoadBalancingClient> {
    const endpoint = await this.endpoint();
    const path = join(this.dataDir, 'credentials');
    const [credentials] = parseCredentials(readFileSync(path, 'utf8'), path);
    return new ElasticLoadBalancingClient({ endpoint, region: 'us-east-1', credentials: credentials!, maxAttempts: 1 });
  }
}

/** Runs a command of weir to its end. */
export async function runWeir(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [WEIR, ...words], {
    env: { PATH, HOME, NODE_COMPILE_CACHE: COMPILED, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function pause(): Promise<void> {
  // The process that is waited for keeps this one alive; the clock's timers do not.
  return new Promise((resolve) => systemClock.after(POLL_MS, resolve));
}
