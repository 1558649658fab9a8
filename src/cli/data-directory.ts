/** The files of a data directory, and those that tell scripts about the weir that runs on it. */
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

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
  /** Writes `pid`: who holds the directory. */
  announceProcess(): void;
  /** Writes `api-address`: `http://127.0.0.1:7600`, with the actual port. */
  announceApi(endpoint: string): void;
  /** Takes both away again. */
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
    announceProcess() {
      // What a weir that was killed has left behind is not our address.
      rmSync(api, { force: true });
      appear(pid, `${process.pid}\n`);
    },
    announceApi: (endpoint) => appear(api, `${endpoint}\n`),
    withdraw() {
      for (const file of [pid, api]) rmSync(file, { force: true });
    },
  };
}

/** Whoever waits for the file finds it whole: one that is written where it stands is empty for a moment. */
function appear(path: string, text: string): void {
  const beside = `${path}.new`;
  writeFileSync(beside, text);
  renameSync(beside, path);
}
