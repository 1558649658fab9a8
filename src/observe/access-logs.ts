/**
 * Access logs on the control thread: takes the lines that traffic threads have written into their rings, keeps them in
 * files, and hands the files over for delivery when their interval ends. Traffic never waits for any of it.
 */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../kit/assert.ts';
import { sleep, type Clock, type Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import { ACCESS_LOG } from '../model/limits.ts';
import { idOf, type LoadBalancer, type LoadBalancerId } from '../model/load-balancer.ts';
import { LogRingReader, makeLogRing } from '../traffic/log-ring.ts';
import { LogDelivery, type LogStore } from './access-log-delivery.ts';
import { countLines, SpoolFile } from './access-log-file.ts';
import { systemFiles, type LogFiles } from './access-log-files.ts';
import type { AccessLogMetrics } from './access-log-metrics.ts';
import { destinationOf, intervalEndMs, logFileKey, testFileKey, type LogDestination } from './access-log-names.ts';

export interface AccessLogsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly threads: number;
  /** The folder for what is not delivered yet. */
  readonly spool: string;
  readonly store: LogStore;
  readonly files?: LogFiles;
  readonly maxSpoolBytes?: number;
}

/** The lines of one load balancer under one state of its attribute. */
interface Source {
  readonly ordinal: number;
  readonly destination: LogDestination;
  /** By the end of their interval. */
  readonly files: Map<number, SpoolFile>;
  /** When the attribute became another one, or the load balancer was deleted; on the monotonic clock. */
  retiredMs: number;
}

/** Sources that are retired are known for late lines, such as those of long connections; the oldest go. */
const MAX_RETIRED = 4096;
const RANDOM_LENGTH = 8;
const RANDOM_LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

export class AccessLogs {
  /** One for each traffic thread. */
  readonly rings: readonly SharedArrayBuffer[];
  readonly #options: AccessLogsOptions;
  readonly #files: LogFiles;
  readonly #readers: readonly LogRingReader[];
  readonly delivery: LogDelivery;
  readonly #sources = new Map<number, Source>();
  readonly #current = new Map<LoadBalancerId, Source>();
  #lastOrdinal = 0;
  #retired = 0;
  #timer: Timer | undefined;
  #turn: Promise<void> | undefined;
  #testFiles: LogDestination[] = [];
  #droppedByDisk = 0;
  #droppedByBound = 0;
  /** What the disk has against being written to; undefined: nothing. */
  #diskProblem: string | undefined;

  constructor(options: AccessLogsOptions) {
    const { clock, log, store, spool, files = systemFiles, threads } = options;
    this.#options = options;
    this.#files = files;
    this.rings = Array.from({ length: threads }, makeLogRing);
    this.#readers = this.rings.map((ring) => new LogRingReader(ring));
    this.delivery = new LogDelivery({ clock, log, files, store, spool });
  }

  /** The number that marks the lines of this load balancer from now on; undefined where its log is off. */
  ordinalOf(record: LoadBalancer): number | undefined {
    const id = idOf(record);
    const wanted = destinationOf(record);
    const before = this.#current.get(id);
    if (before !== undefined && isDeepStrictEqual(before.destination, wanted)) return before.ordinal;
    this.forget(id);
    if (wanted === undefined) return undefined;
    const source: Source = { ordinal: ++this.#lastOrdinal, destination: wanted, files: new Map(), retiredMs: Infinity };
    this.#current.set(id, source);
    this.#sources.set(source.ordinal, source);
    if (before === undefined || testFileKey(before.destination) !== testFileKey(wanted)) this.#testFiles.push(wanted);
    return source.ordinal;
  }

  /** The load balancer is gone: what there is of its log is still delivered. */
  forget(id: LoadBalancerId): void {
    const source = this.#current.get(id);
    if (source === undefined) return;
    this.#current.delete(id);
    source.retiredMs = this.#options.clock.monotonicMs();
    if (++this.#retired > MAX_RETIRED) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const source of this.#sources.values()) {
      if (source.retiredMs === Infinity || source.files.size > 0) continue;
      this.#sources.delete(source.ordinal);
      this.#retired--;
      return;
    }
  }

  /** A traffic thread has died: what it had written is taken all the same. */
  threadEnded(thread: number): void {
    this.#readers[thread]?.salvage();
  }

  async start(): Promise<void> {
    try {
      await this.delivery.adopt();
    } catch (error) {
      this.#options.log.error({ cause: messageOf(error) }, 'access log files that were left cannot be read');
    }
    this.#timer = this.#options.clock.every(ACCESS_LOG.pollMs, () => void this.poll());
  }

  /** Takes what traffic threads have written, and ends files whose time is over. One such turn at a time. */
  poll(): Promise<void> {
    this.#turn ??= this.#takeTurn().finally(() => (this.#turn = undefined));
    return this.#turn;
  }

  /** Takes the last lines, and delivers what can be delivered in a short time. Threads have ended. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    const { clock } = this.#options;
    // A disk that hangs must not keep the process.
    await Promise.race([this.#finish(), sleep(clock, ACCESS_LOG.stopMs)]);
    this.delivery.stop();
  }

  async #finish(): Promise<void> {
    await this.#turn;
    await this.poll();
    await this.#endFiles(() => true);
    this.delivery.retryNow();
    await this.delivery.settle();
  }

  metrics(): AccessLogMetrics {
    const { delivered, failures, droppedLines, undeliveredFiles, undeliveredBytes } = this.delivery;
    const open = this.#openFiles();
    return {
      dropped: {
        ring: this.#readers.reduce((sum, { dropped }) => sum + dropped, 0),
        disk: this.#droppedByDisk,
        undelivered: this.#droppedByBound + droppedLines,
      },
      deliveredFiles: delivered,
      deliveryFailures: failures,
      undeliveredFiles: undeliveredFiles + open.length,
      undeliveredBytes: undeliveredBytes + open.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  async #takeTurn(): Promise<void> {
    await this.#writeTestFiles();
    const taken = this.#takeLines();
    let failures = 0;
    let open = this.#openFiles().filter(({ isOpen }) => isOpen).length;
    for (const [file, parts] of taken) {
      if (file.isOpen) open--;
      if (!(await this.#append(file, parts))) failures++;
      if (open >= ACCESS_LOG.maxOpenFiles) await this.#close(file);
      else if (file.isOpen) open++;
    }
    if (taken.size > 0 && failures === 0) this.#diskWorks();
    for (const reader of this.#readers) reader.release();
    const { clock } = this.#options;
    const completeMs = clock.epochMs() - ACCESS_LOG.graceMs;
    const retiredMs = clock.monotonicMs() - ACCESS_LOG.graceMs;
    await this.#endFiles((endMs, source) => endMs <= completeMs || source.retiredMs <= retiredMs);
    await this.#keepBounds();
  }

  /** Everything that is in the rings, by the file that it belongs to. It stays there until it is written. */
  #takeLines(): Map<SpoolFile, Buffer[]> {
    const taken = new Map<SpoolFile, Buffer[]>();
    for (const reader of this.#readers) {
      reader.read((ordinal, second, lines) => {
        const source = this.#sources.get(ordinal);
        if (source === undefined) {
          this.#droppedByBound += countLines(lines);
          return;
        }
        const file = this.#fileOf(source, second * 1000);
        const parts = taken.get(file);
        if (parts === undefined) taken.set(file, [lines]);
        else parts.push(lines);
      });
    }
    return taken;
  }

  #fileOf({ destination, files }: Source, epochMs: number): SpoolFile {
    const endMs = intervalEndMs(epochMs, destination.intervalMs);
    let file = files.get(endMs);
    if (file === undefined) {
      const key = logFileKey(destination, endMs, this.#randomName());
      file = new SpoolFile(this.#files, join(this.#options.spool, key), key);
      files.set(endMs, file);
    }
    return file;
  }

  #randomName(): string {
    const { random } = this.#options;
    return Array.from({ length: RANDOM_LENGTH }, () => RANDOM_LETTERS[random.below(RANDOM_LETTERS.length)]).join('');
  }

  /** False when the lines are lost. */
  async #append(file: SpoolFile, parts: readonly Buffer[]): Promise<boolean> {
    try {
      await file.append(parts);
      return true;
    } catch (error) {
      for (const part of parts) this.#droppedByDisk += countLines(part);
      this.#diskFailed(messageOf(error));
      return false;
    }
  }

  async #close(file: SpoolFile): Promise<void> {
    await file.close().catch((error: unknown) => this.#diskFailed(messageOf(error)));
  }

  /** All that there was to write was written: one file that can be written does not say that others can. */
  #diskWorks(): void {
    if (this.#diskProblem === undefined) return;
    this.#diskProblem = undefined;
    this.#options.log.info({ spool: this.#options.spool }, 'access logs are written again');
  }

  #diskFailed(cause: string): void {
    const { log, spool } = this.#options;
    if (this.#diskProblem === undefined) {
      log.error({ spool, cause }, 'access log lines are lost: they cannot be written; traffic goes on without them');
    }
    this.#diskProblem = cause;
  }

  /** Files go to the delivery when `over` says so. */
  async #endFiles(over: (endMs: number, source: Source) => boolean): Promise<void> {
    for (const source of this.#sources.values()) {
      for (const [endMs, file] of source.files) {
        if (!over(endMs, source)) continue;
        source.files.delete(endMs);
        await this.#endFile(file);
      }
    }
  }

  async #endFile(file: SpoolFile): Promise<void> {
    const { key, path, bytes } = file;
    try {
      await file.close();
    } catch (error) {
      this.#diskFailed(messageOf(error));
      // With the part of a line at its end it stays, for the next process.
      if (!(await this.#files.trim(path).then(Boolean, () => false))) return;
    }
    if (bytes > 0) this.delivery.add({ key, path, bytes });
    else await this.#files.remove(path, this.#options.spool).catch(() => undefined);
  }

  #openFiles(): SpoolFile[] {
    return [...this.#sources.values()].flatMap(({ files }) => [...files.values()]);
  }

  /** Not too much undelivered. */
  async #keepBounds(): Promise<void> {
    const maxBytes = this.#options.maxSpoolBytes ?? ACCESS_LOG.maxSpoolBytes;
    const writing = this.#openFiles().reduce((sum, { bytes }) => sum + bytes, 0);
    while (this.delivery.undeliveredBytes + writing > maxBytes && (await this.delivery.dropOldest()));
  }

  /** Shows in every new place that logs can be put there. */
  async #writeTestFiles(): Promise<void> {
    for (const destination of this.#testFiles.splice(0)) {
      const { clock, spool } = this.#options;
      const key = testFileKey(destination);
      const when = new Date(clock.epochMs()).toISOString();
      const text = `Enable AccessLog for ELB: ${destination.loadBalancer} at ${when}\n`;
      const path = join(spool, key);
      try {
        await this.#files.write(path, text);
        this.delivery.add({ key, path, bytes: text.length });
      } catch (error) {
        this.#diskFailed(messageOf(error));
      }
    }
  }
}
