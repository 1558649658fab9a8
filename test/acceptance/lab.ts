/** What every run is given: a folder, addresses and processes of its own, and the table that it fills. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressesFor, type Addresses } from '../../bench/addresses.ts';
import { ProcessTable } from '../../bench/processes.ts';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { Figures } from './figures.ts';

const POLL_MS = 100;

/** One property of the whole program, shown with real peers. */
export interface AcceptanceRun {
  readonly name: string;
  /** The property, in one line. */
  readonly about: string;
  /** Programs that it uses, looked for before it begins. */
  readonly needs: readonly string[];
  /** It fails when it has not ended by then. */
  readonly limitSeconds: number;
  run(lab: Lab): Promise<void>;
}

export class Lab {
  readonly processes = new ProcessTable();
  /** In memory where possible: servers serve large files from it. Gone at the end. */
  readonly folder: string;
  /** Loopback addresses that no other run uses at the same time. */
  readonly addresses: Addresses;
  readonly figures = new Figures();
  readonly #owned: (() => void)[] = [];

  constructor(index: number) {
    this.folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'weir-acceptance-'));
    this.addresses = addressesFor(process.pid, index);
  }

  /** What is going on, beside the table. */
  say(line: string): void {
    console.error(line);
  }

  /** Has `close` called at the end, however the run ends. */
  own(close: () => void): void {
    this.#owned.push(close);
  }

  /** Ends what runs, in order, and removes the folder. */
  async close(): Promise<void> {
    for (const close of this.#owned) close();
    await this.processes.stopAll();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** For the way out. */
  closeNow(): void {
    this.processes.killAllNow();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Resolves with what `look` finds, neither undefined nor false, and how long that took; fails after `timeoutMs`. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  look: () => Promise<T | false | undefined> | T | false | undefined,
): Promise<{ readonly found: T; readonly afterMs: number }> {
  const startedMs = systemClock.monotonicMs();
  for (;;) {
    const found = await look();
    const afterMs = systemClock.monotonicMs() - startedMs;
    if (found !== undefined && found !== false) return { found, afterMs };
    if (afterMs > timeoutMs) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await sleep(systemClock, POLL_MS);
  }
}

/** Lets time pass: for loads that last, not for waiting until something may have happened. */
export function lastFor(ms: number): Promise<void> {
  return sleep(systemClock, ms);
}
