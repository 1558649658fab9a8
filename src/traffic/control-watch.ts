/**
 * Who watches the watchman: control ends a traffic thread that stands still, and traffic threads end the process when it
 * is control that stands still. Nobody checks instances then, nothing can be changed, and only a new process helps.
 */
import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '../kit/clock.ts';

const WATCH_MS = 500;
/** Far above anything that control does in one piece. */
export const CONTROL_STANDSTILL_MS = 30_000;

export interface ControlWatchOptions {
  readonly clock: Clock;
  /** Changes whenever control's event loop turns. */
  readonly heartbeat: () => number;
  /** Whether the control thread waits for a disk or another device: it has no defect, and traffic goes on without it. */
  readonly waitsForDevice: () => boolean;
  /** Called once. */
  readonly onStandstill: () => void;
}

export class ControlWatch {
  readonly #options: ControlWatchOptions;
  readonly #timer: Timer;
  #last: number;
  /** Looks in a row that saw the same heartbeat: a process that was suspended as a whole adds none. */
  #still = 0;

  constructor(options: ControlWatchOptions) {
    this.#options = options;
    this.#last = options.heartbeat();
    this.#timer = options.clock.every(WATCH_MS, () => this.#look());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const { heartbeat, waitsForDevice, onStandstill } = this.#options;
    const now = heartbeat();
    this.#still = now === this.#last ? this.#still + 1 : 0;
    this.#last = now;
    if (this.#still * WATCH_MS < CONTROL_STANDSTILL_MS || waitsForDevice()) return;
    this.stop();
    onStandstill();
  }
}

/** Whether the main thread of this process is in uninterruptible sleep (proc_pid_stat(5)); false where nobody tells. */
export function mainThreadWaitsForDevice(): boolean {
  try {
    const line = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8');
    return line.slice(line.lastIndexOf(')') + 2).startsWith('D');
  } catch {
    return false;
  }
}
