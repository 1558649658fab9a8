/** Downloads by clients that take a bite a second, until they are told to hurry; every byte is checked. */
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../src/kit/clock.ts';

/** What one client takes in a bite. */
const BITE_BYTES = 16 * 1024;
const BITE_INTERVAL_MS = 1000;
const HEAD_LIMIT = 4096;
const OPENED_AT_ONCE = 50;

export interface DownloadPlan {
  readonly host: string;
  readonly port: number;
  /** Of the client number `index`. */
  readonly path: (index: number) => string;
  readonly content: (index: number) => Buffer;
  readonly count: number;
}

/** One download: what has come is compared with what should have. */
class Download {
  readonly #socket: Socket;
  readonly #content: Buffer;
  #head = '';
  /** Bytes of the body so far; undefined while the head is not whole. */
  #at: number | undefined;
  readonly done: Promise<void>;
  readonly begun: Promise<void>;
  /** What was not as it should be. */
  fault: string | undefined;
  hurried = false;

  constructor(plan: DownloadPlan, index: number) {
    this.#content = plan.content(index);
    const buffer = Buffer.allocUnsafeSlow(BITE_BYTES);
    const begun = Promise.withResolvers<void>();
    const onread = { buffer, callback: (count: number, bytes: Uint8Array) => this.#read(bytes.subarray(0, count)) };
    this.#socket = connect({ host: plan.host, port: plan.port, onread }, () => {
      this.#socket.write(`GET ${plan.path(index)} HTTP/1.1\r\nHost: ${plan.host}\r\nConnection: close\r\n\r\n`);
      begun.resolve();
    });
    this.begun = begun.promise;
    this.done = new Promise((resolve) => {
      this.#socket.on('error', (error) => (this.fault ??= error.message));
      this.#socket.on('close', () => {
        begun.resolve();
        this.fault ??= this.#at === this.#content.length ? undefined : `ended after ${this.#at ?? 0} bytes`;
        resolve();
      });
    });
  }

  get received(): number {
    return this.#at ?? 0;
  }

  bite(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Returns whether reading goes on. */
  #read(bytes: Uint8Array): boolean {
    const body = this.#at === undefined ? this.#readHead(bytes) : bytes;
    const at = this.#at ?? 0;
    if (body.length > 0 && !this.#content.subarray(at, at + body.length).equals(body)) {
      this.fault = `bytes that are not its own after ${at} of ${this.#content.length}`;
      this.#socket.destroy();
    }
    if (this.#at !== undefined) this.#at = at + body.length;
    if (this.hurried) return true;
    this.#socket.pause();
    return false;
  }

  /** Returns what belongs to the body. */
  #readHead(bytes: Uint8Array): Uint8Array {
    const before = this.#head.length;
    this.#head += Buffer.from(bytes).toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end === -1) {
      if (this.#head.length > HEAD_LIMIT) this.#socket.destroy(new Error('no end of the head'));
      return bytes.subarray(bytes.length);
    }
    if (!this.#head.startsWith('HTTP/1.1 200 ')) this.#socket.destroy(new Error(this.#head.slice(0, 40)));
    this.#at = 0;
    return bytes.subarray(end + 4 - before);
  }
}

export class SlowDownloads {
  readonly #downloads: Download[] = [];
  #stopBites: (() => void) | undefined;

  /** Opens all of them; resolves when every request is sent. */
  async open(plan: DownloadPlan): Promise<void> {
    for (let first = 0; first < plan.count; first += OPENED_AT_ONCE) {
      const some = Array.from(
        { length: Math.min(OPENED_AT_ONCE, plan.count - first) },
        (_, i) => new Download(plan, first + i),
      );
      this.#downloads.push(...some);
      await Promise.all(some.map((download) => download.begun));
    }
    const timer = systemClock.every(BITE_INTERVAL_MS, () => {
      for (const download of this.#downloads) download.bite();
    });
    this.#stopBites = () => timer.cancel();
  }

  /** Bytes of all bodies so far. */
  get received(): number {
    return this.#downloads.reduce((sum, download) => sum + download.received, 0);
  }

  /** Reads as fast as it goes; resolves when all are done, with what was wrong, by kind. */
  async hurry(): Promise<Record<string, number>> {
    this.#stopBites?.();
    for (const download of this.#downloads) {
      download.hurried = true;
      download.bite();
    }
    await Promise.all(this.#downloads.map((download) => download.done));
    const faults: Record<string, number> = {};
    for (const { fault } of this.#downloads) if (fault !== undefined) faults[fault] = (faults[fault] ?? 0) + 1;
    return faults;
  }

  close(): void {
    this.#stopBites?.();
    for (const download of this.#downloads) download.destroy();
  }
}
