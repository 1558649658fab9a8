/** The processes of a run: started in their own process groups, ended by id, none left behind. */
import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { messageOf, present } from '../src/kit/assert.ts';
import { sleep, systemClock } from '../src/kit/clock.ts';

const STOP_GRACE_MS = 5000;
const START_TIMEOUT_MS = 15_000;
const START_POLL_MS = 50;
const OUTPUT_LIMIT = 64 * 1024;

export interface Command {
  /** How messages call it. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** The CPUs it may run on (`taskset`); undefined for all of them. */
  readonly cpus?: readonly number[] | undefined;
  /** What starts it, such as `chrt --fifo 1`. */
  readonly starter?: readonly string[] | undefined;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** One started process: what it wrote is kept (up to 64 KB) for messages and for parsers. */
export class ManagedProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves, never rejects, with the exit code, or with the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  #child: ChildProcess;
  #ended = false;
  #stdout = '';
  #stderr = '';

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.pid = present(child.pid, `the process id of ${name}`);
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-OUTPUT_LIMIT);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-OUTPUT_LIMIT);
    });
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#ended = true;
        resolve(code ?? signal ?? 1);
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Everything it said, for a message about its failure. */
  get output(): string {
    return `${this.#stdout}${this.#stderr}`.trim();
  }

  get running(): boolean {
    return !this.#ended;
  }

  /** Asks it to end (SIGTERM); after 5 s ends it and its children, which are alone in their process group. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#child.kill('SIGTERM');
    const ended = await Promise.race([
      this.exited.then(() => true),
      sleep(systemClock, STOP_GRACE_MS).then(() => false),
    ]);
    if (ended) return;
    this.killNow();
    await this.exited;
  }

  /** For the way out: synchronous, and without asking. */
  killNow(): void {
    if (this.#ended) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Ended on its own in between.
    }
  }
}

/** Starts processes and makes sure that they end before the program does. */
export class ProcessTable {
  #processes = new Set<ManagedProcess>();

  /** Starts `command`; fails when its program cannot be started at all. */
  async start(command: Command): Promise<ManagedProcess> {
    const pinned = command.cpus === undefined ? [] : ['taskset', '-c', command.cpus.join(',')];
    const [file, ...args] = [...pinned, ...(command.starter ?? []), command.file, ...command.args];
    const child = spawn(present(file, 'a program'), args, {
      cwd: command.cwd,
      env: { ...process.env, ...command.env },
      // Its own group: Ctrl-C in the terminal reaches only us, and we end it in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => {
        reject(new Error(`cannot start ${file} for ${command.name}: ${messageOf(error)}; run bench/setup.sh first`));
      });
    });
    const managed = new ManagedProcess(command.name, child);
    this.#processes.add(managed);
    void managed.exited.then(() => this.#processes.delete(managed));
    return managed;
  }

  /** Runs `command` to its end and gives what it wrote; fails on another exit code than 0 or after `timeoutMs`. */
  async run(command: Command, timeoutMs: number): Promise<string> {
    const running = await this.start(command);
    const code = await Promise.race([running.exited, sleep(systemClock, timeoutMs).then(() => undefined)]);
    if (code === undefined) {
      running.killNow();
      throw new Error(`${command.name} did not end within ${timeoutMs / 1000} s`);
    }
    if (code !== 0) throw new Error(`${command.name} ended with ${code}: ${running.output}`);
    return running.stdout;
  }

  /** Ends everything, last started first. */
  async stopAll(): Promise<void> {
    for (const managed of [...this.#processes].reverse()) await managed.stop();
  }

  killAllNow(): void {
    for (const managed of this.#processes) managed.killNow();
  }
}

/** Waits until `process` accepts connections on `address`:`port`; fails, with what it said, when it ends before. */
export async function untilListening(process: ManagedProcess, address: string, port: number): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + START_TIMEOUT_MS;
  while (!(await accepts(address, port))) {
    if (!process.running)
      throw new Error(`${process.name} ended instead of listening on ${address}:${port}: ${process.output}`);
    if (systemClock.monotonicMs() > deadlineMs) {
      throw new Error(
        `${process.name} does not listen on ${address}:${port} after ${START_TIMEOUT_MS / 1000} s: ${process.output}`,
      );
    }
    await sleep(systemClock, START_POLL_MS);
  }
}

/** Whether a connection is accepted there. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
