/** A folder as the place that access logs are delivered to: a bucket is a folder in it. */
import { join } from 'node:path';
import type { LogStore } from './access-log-delivery.ts';
import type { LogFiles } from './access-log-files.ts';

/** `folder` must be there at each delivery: a disk that is not mounted must not be mistaken for an empty one. */
export function folderStore(folder: string, files: LogFiles): LogStore {
  return {
    name: `the folder ${folder}`,
    async put(key, path) {
      if (!(await files.isFolder(folder))) throw new Error(`there is no folder ${folder}: make it, or mount its disk`);
      await files.move(path, join(folder, key));
    },
  };
}
