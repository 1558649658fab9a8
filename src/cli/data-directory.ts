/** The files of a data directory, and those that tell scripts about the weir that runs on it. */
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf } from '../kit/assert.ts';
import type { Log } from '../kit/log.ts';

export interface DataDirectory {
  readonly path: string;
  /** The state (SQLite). */
  readonly state: string;
  /** Points of CloudWatch's metrics (SQLite). */
  readonly metrics: string;
  /** An AWS shared-credentials file. */
  readonly credentials: string;
  /** Where the API of the weir that runs is; there while it runs. */
  readonly apiAddress: string;
  /** Where access logs are delivered to, unless the configuration names another place. */
  readonly accessLogs: string;
  /** Access logs that are not delivered yet. */
  readonly accessLogSpool: string;
  /** When it was made, in epoch milliseconds, as far as its file system knows. */
  createdMs(): number;
  /** Writes `pid`: who holds the directory. Where it cannot (a full disk), that is told in the log, and is no reason not to go on. */
  announceProcess(log: Pick<Log, 'warn'>): void;
  /** Writes `api-address`: `http://127.0.0.1:7600`, with the actual port. Likewise. */
  announceApi(endpoint: string, log: Pick<Log, 'warn'>): void;
  /** Takes both away again, as far as the disk lets us. */
  withdraw(): void;
}

/** `path` may be relative to the working directory. Makes nothing. */
export function dataDirectory(path: string): DataDirectory {
  const absolute = resolve(path);
  const [pid, api] = [join(absolute, 'pid'), join(absolute, 'api-address')];
  return {
    path: absolute,
    state: join(absolute, 'state.db'),
    metrics: join(absolute, 'metrics.db'),
    credentials: join(absolute, 'credentials'),
    apiAddress: api,
    accessLogs: join(absolute, 'access-logs'),
    accessLogSpool: join(absolute, 'access-log-spool'),
    createdMs() {
      const { birthtimeMs, ctimeMs } = statSync(absolute);
      return birthtimeMs > 0 ? birthtimeMs : ctimeMs;
    },
    announceProcess(log) {
      // What a weir that was killed has left behind is not our address.
      rmSync(api, { force: true });
      appear(pid, `${process.pid}\n`, log);
    },
    announceApi: (endpoint, log) => appear(api, `${endpoint}\n`, log),
    withdraw() {
      for (const file of [pid, api]) remove(file);
    },
  };
}

/** The process ends in any case. What a disk that takes no changes any more keeps leads to nobody. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Nobody is left to be told.
  }
}

/** Whoever waits for the file finds it whole: one that is written where it stands is empty for a moment. */
function appear(path: string, text: string, log: Pick<Log, 'warn'>): void {
  const beside = `${path}.new`;
  try {
    // For everybody to read, and for nobody else to write, whatever the umask.
    writeFileSync(beside, text, { mode: 0o644 });
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    log.warn({ path, cause: messageOf(error) }, 'a file that tells others of this weir cannot be written');
  }
}
