/**
 * Brings complete access log files to where they belong, bucket by bucket and the oldest first. What cannot be delivered is
 * tried again, after a growing pause; past a bound the oldest goes.
 */
import { relative, sep } from 'node:path';
import { messageOf } from '../kit/assert.ts';
import type { Clock, Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import { ACCESS_LOG } from '../model/limits.ts';
import type { LogFiles } from './access-log-files.ts';
import { splitKey } from './access-log-names.ts';

/** Where files are delivered to. */
export interface LogStore {
  /** For messages: `the folder /var/lib/weir/access-logs`. */
  readonly name: string;
  /**
   * Puts the file at `path` under `key` (its first part is the bucket). It may be gone from `path` afterwards.
   * @throws what is wrong, in words for the operator.
   */
  put(key: string, path: string, signal: AbortSignal): Promise<void>;
}

export interface UndeliveredFile {
  readonly key: string;
  readonly path: string;
  readonly bytes: number;
}

/** `number`: how many files have come before, to all buckets. */
interface WaitingFile extends UndeliveredFile {
  readonly number: number;
}

interface Lane {
  readonly bucket: string;
  readonly files: WaitingFile[];
  /** The one that is being delivered. */
  current: WaitingFile | undefined;
  backoffMs: number;
  retry: Timer | undefined;
  /** What went wrong last; undefined: nothing. */
  problem: string | undefined;
}

export interface DeliveryOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly files: LogFiles;
  /** The first one; {@link LogDelivery.deliverTo} names another. */
  readonly store: LogStore;
  /** The folder that undelivered files are in. */
  readonly spool: string;
}

export class LogDelivery {
  readonly #options: DeliveryOptions;
  readonly #lanes = new Map<string, Lane>();
  #store: LogStore;
  #bytes = 0;
  #added = 0;
  #stopped = false;
  /** Resolves waits for rest. */
  #atRest: (() => void)[] = [];
  delivered = 0;
  failures = 0;
  /** Lines of files that were given up. */
  droppedLines = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#store = options.store;
  }

  /** From now on files go there, those too that could not be delivered; what is on its way gets where it was to go. */
  deliverTo(store: LogStore): void {
    this.#store = store;
    for (const lane of this.#lanes.values()) lane.backoffMs = 0;
    this.retryNow();
  }

  get undeliveredBytes(): number {
    return this.#bytes;
  }

  get undeliveredFiles(): number {
    let count = 0;
    for (const { files } of this.#lanes.values()) count += files.length;
    return count;
  }

  /** Takes up what an earlier process has left, its last line whole. */
  async adopt(): Promise<void> {
    const { files, spool, log } = this.#options;
    const found = await files.list(spool);
    let adopted = 0;
    for (const { path } of found) {
      try {
        const bytes = await files.trim(path);
        if (bytes > 0) this.add({ key: relative(spool, path).split(sep).join('/'), path, bytes });
        else await files.remove(path, spool);
        adopted++;
      } catch (error) {
        // One that is not ours, say, keeps none of the others.
        log.error({ file: path, cause: messageOf(error) }, 'an access log file that was left cannot be delivered');
      }
    }
    if (adopted > 0) log.info({ files: adopted }, 'access log files that were left are delivered now');
  }

  /** A complete file. It is delivered at once where that is possible. */
  add(file: UndeliveredFile): void {
    const { bucket } = splitKey(file.key);
    let lane = this.#lanes.get(bucket);
    if (lane === undefined) {
      lane = { bucket, files: [], current: undefined, backoffMs: 0, retry: undefined, problem: undefined };
      this.#lanes.set(bucket, lane);
    }
    // A test file can be written again before it is delivered.
    if (lane.files.some(({ path }) => path === file.path)) return;
    lane.files.push({ ...file, number: this.#added++ });
    this.#bytes += file.bytes;
    if (lane.current === undefined && lane.retry === undefined) void this.#work(lane);
  }

  /** Gives up the oldest file that is not on its way. False when there is none. */
  async dropOldest(): Promise<boolean> {
    const { files, spool, log } = this.#options;
    const [lane, file] = this.#oldest() ?? [];
    if (lane === undefined || file === undefined) return false;
    this.#forget(lane, file);
    const lines = await files.countLines(file.path).catch(() => 0);
    this.droppedLines += lines;
    await files.remove(file.path, spool).catch(() => undefined);
    log.error({ file: file.key, lines }, 'an access log file was dropped: too much is not delivered yet');
    return true;
  }

  /** Of all buckets. */
  #oldest(): readonly [Lane, WaitingFile] | undefined {
    let found: readonly [Lane, WaitingFile] | undefined;
    for (const lane of this.#lanes.values()) {
      const file = lane.files.find((each) => each !== lane.current);
      if (file !== undefined && file.number < (found?.[1].number ?? Infinity)) found = [lane, file];
    }
    return found;
  }

  /** Resolves when every lane is empty or waits before it tries again. */
  async settle(): Promise<void> {
    while ([...this.#lanes.values()].some(({ current }) => current !== undefined)) {
      await new Promise<void>((resolve) => this.#atRest.push(resolve));
    }
  }

  /** Tries again at once what waits for its next attempt. */
  retryNow(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.retry === undefined) continue;
      lane.retry.cancel();
      void this.#work(lane);
    }
  }

  /** Begins no delivery any more. */
  stop(): void {
    this.#stopped = true;
    for (const { retry } of this.#lanes.values()) retry?.cancel();
  }

  async #work(lane: Lane): Promise<void> {
    lane.retry = undefined;
    for (let file = lane.files[0]; file !== undefined && !this.#stopped; file = lane.files[0]) {
      lane.current = file;
      const problem = await this.#deliver(file);
      lane.current = undefined;
      if (problem !== undefined) {
        this.#failed(lane, problem);
        break;
      }
      this.#forget(lane, file);
      this.#succeeded(lane);
    }
    if (lane.files.length === 0) this.#lanes.delete(lane.bucket);
    const waiting = this.#atRest;
    this.#atRest = [];
    for (const resolve of waiting) resolve();
  }

  /** Returns what went wrong. */
  async #deliver({ key, path }: UndeliveredFile): Promise<string | undefined> {
    const { clock, log, files, spool } = this.#options;
    const abort = new AbortController();
    const timer = clock.after(ACCESS_LOG.putTimeoutMs, () => abort.abort(new Error('it took too long')));
    try {
      await this.#store.put(key, path, abort.signal);
      await files.remove(path, spool);
      return undefined;
    } catch (error) {
      if (await files.exists(path)) return messageOf(error);
      log.error({ file: key }, 'an access log file is gone: somebody has taken it away before it was delivered');
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  #forget(lane: Lane, file: WaitingFile): void {
    lane.files.splice(lane.files.indexOf(file), 1);
    this.#bytes -= file.bytes;
  }

  #succeeded(lane: Lane): void {
    const { log } = this.#options;
    this.delivered++;
    lane.backoffMs = 0;
    if (lane.problem === undefined) return;
    lane.problem = undefined;
    log.info({ bucket: lane.bucket }, `access logs are delivered to ${this.#store.name} again`);
  }

  #failed(lane: Lane, problem: string): void {
    const { clock, log } = this.#options;
    this.failures++;
    const backoffMs = lane.backoffMs === 0 ? ACCESS_LOG.minBackoffMs : lane.backoffMs * 2;
    lane.backoffMs = Math.min(ACCESS_LOG.maxBackoffMs, backoffMs);
    if (problem !== lane.problem) {
      const fields = { bucket: lane.bucket, cause: problem, files: lane.files.length };
      log.warn(fields, `access logs cannot be delivered to ${this.#store.name}; they are kept and tried again`);
    }
    lane.problem = problem;
    lane.retry = clock.after(lane.backoffMs, () => void this.#work(lane));
  }
}
