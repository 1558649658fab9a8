/**
 * Lines for whoever reads standard error, who may stand still: a terminal that is paused, a program that has stopped
 * reading. A write that waits for him has the control thread stand still, and with it health checks and the API, until
 * the watchdog ends the process. So what is not taken at once is kept, up to a bound, and offered again with the next line;
 * lines past it are lost, and counted.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { errorCode } from '../kit/assert.ts';

const MAX_KEPT_BYTES = 1024 * 1024;
/** At the end of the process, for what is kept. */
const LAST_WAITS = 20;
const WAIT_MS = 10;

export class LineOutput {
  readonly #descriptor: number;
  readonly #maxKeptBytes: number;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #lost = 0;
  /** The last line that was offered was taken. */
  #isTaken = false;

  constructor(descriptor: number, maxKeptBytes = MAX_KEPT_BYTES) {
    this.#descriptor = descriptor;
    this.#maxKeptBytes = maxKeptBytes;
  }

  /** Writes the line, or keeps it, or loses it. Never throws, and waits where the descriptor does. */
  write(line: string): void {
    this.#flush();
    const bytes = Buffer.from(line);
    if (this.#kept.length > 0 && this.#keptBytes + bytes.length > this.#maxKeptBytes) {
      this.#lost++;
      return;
    }
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    this.#flush();
  }

  /** How many lines were lost since this said so last, once lines are taken again; else 0. */
  takeLost(): number {
    if (this.#keptBytes > 0 || !this.#isTaken) return 0;
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** The process ends: a reader who is merely slow gets what is kept, one who stands still does not hold it up. */
  finish(): void {
    const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    this.#flush();
    for (let wait = 0; wait < LAST_WAITS && this.#keptBytes > 0; wait++) {
      Atomics.wait(never, 0, 0, WAIT_MS);
      this.#flush();
    }
  }

  #flush(): void {
    try {
      for (let first = this.#kept[0]; first !== undefined; first = this.#kept[0]) {
        const count = writeSync(this.#descriptor, first);
        this.#keptBytes -= count;
        this.#isTaken = true;
        if (count < first.length) this.#kept[0] = first.subarray(count);
        else this.#kept.shift();
      }
    } catch (error) {
      if (errorCode(error) === 'EAGAIN') return;
      this.#isTaken = false;
      // A reader that has gone away, or a disk that is full, is no reason to end.
      this.#lost += this.#kept.length;
      this.#kept.length = 0;
      this.#keptBytes = 0;
    }
  }
}

/**
 * The pipe or terminal behind `descriptor`, opened anew so that a write does not wait; whoever else has it open is not
 * concerned. Anything else, and where the system does not let us, is the descriptor itself: a file takes what it is given, a
 * socket (journald's) may wait.
 */
export function withoutWaiting(descriptor: number): number {
  try {
    const status = fstatSync(descriptor);
    if (!status.isFIFO() && !status.isCharacterDevice()) return descriptor;
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return descriptor;
  }
}
