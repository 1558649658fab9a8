/** The access logs of a weir: where they are kept, and where they are delivered to. */
import { resolve } from 'node:path';
import { Ec2Failure } from '../control/ec2-client.ts';
import type { Clock } from '../kit/clock.ts';
import { makeFolders } from '../kit/folders.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import type { Configuration } from '../model/configuration.ts';
import type { LogStore } from '../observe/access-log-delivery.ts';
import { systemFiles } from '../observe/access-log-files.ts';
import { folderStore } from '../observe/access-log-folder.ts';
import { s3Store } from '../observe/access-log-s3.ts';
import { AccessLogs } from '../observe/access-logs.ts';
import type { Environment } from './configuration.ts';
import type { DataDirectory } from './data-directory.ts';
import { awsKeyOf } from './aws-key.ts';

export interface AccessLogParts {
  readonly configuration: Pick<Configuration, 'threads' | 'accessLogs'>;
  /** Where the key of an S3 service is taken from. */
  readonly environment: Environment;
  readonly files: DataDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export function openAccessLogs(parts: AccessLogParts): AccessLogs {
  const { configuration, files, clock, random, log } = parts;
  const { threads } = configuration;
  return new AccessLogs({ clock, random, log, threads, spool: files.accessLogSpool, store: accessLogStore(parts) });
}

/** Where the configuration has them delivered to. */
export function accessLogStore({
  configuration: { accessLogs },
  environment,
  files,
}: Pick<AccessLogParts, 'configuration' | 'environment' | 'files'>): LogStore {
  if (accessLogs === undefined) return ownFolder(files);
  if ('folder' in accessLogs) return folderStore(resolve(accessLogs.folder), systemFiles);
  const { s3 } = accessLogs;
  return s3Store(s3, () => {
    const key = awsKeyOf(environment, s3);
    if (key instanceof Ec2Failure) throw new Error(key.message);
    return key;
  });
}

/** The folder in the data directory, which is ours to make. */
function ownFolder({ accessLogs }: DataDirectory): LogStore {
  makeFolders(accessLogs, 0o755);
  return folderStore(accessLogs, systemFiles);
}
