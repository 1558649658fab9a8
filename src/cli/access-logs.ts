/** The access logs of a weir: where they are kept, and where they are delivered to. */
import { mkdirSync } from 'node:fs';
import type { Clock } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import type { Configuration } from '../model/configuration.ts';
import type { LogStore } from '../observe/access-log-delivery.ts';
import { systemFiles } from '../observe/access-log-files.ts';
import { folderStore } from '../observe/access-log-folder.ts';
import { AccessLogs } from '../observe/access-logs.ts';
import type { DataDirectory } from './data-directory.ts';

export interface AccessLogParts {
  readonly configuration: Pick<Configuration, 'threads'>;
  readonly files: DataDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export function openAccessLogs({ configuration, files, clock, random, log }: AccessLogParts): AccessLogs {
  const { threads } = configuration;
  return new AccessLogs({ clock, random, log, threads, spool: files.accessLogSpool, store: ownFolder(files) });
}

/** The folder in the data directory, which is ours to make. */
function ownFolder({ accessLogs }: DataDirectory): LogStore {
  mkdirSync(accessLogs, { recursive: true });
  return folderStore(accessLogs, systemFiles);
}
