/** The file operations of the access log on a disk that does what a test says: full, slow, gone. */
import { systemFiles, type LogFile, type LogFiles } from '../../src/observe/access-log-files.ts';

export class FaultyDisk implements LogFiles {
  /** Bytes that it still takes; the write that goes beyond is taken in part. */
  room = Infinity;
  /** What every operation fails with. */
  failure: string | undefined;
  /** What cutting off fails with. */
  truncateFailure: string | undefined;
  /** Waited for before a file is opened. */
  before: () => Promise<void> = () => Promise.resolve();

  async open(path: string): Promise<LogFile> {
    await this.before();
    this.#check();
    const file = await systemFiles.open(path);
    return {
      write: async (bytes, position) => {
        this.#check();
        if (this.room === 0) throw fault('ENOSPC', 'no space left on device, write');
        const taken = Math.min(bytes.length, this.room);
        this.room -= taken;
        return file.write(bytes.subarray(0, taken), position);
      },
      truncate: async (length) => {
        if (this.truncateFailure !== undefined) throw fault(this.truncateFailure, 'truncate');
        await file.truncate(length);
      },
      close: () => file.close(),
    };
  }

  countLines(path: string): Promise<number> {
    return systemFiles.countLines(path);
  }

  async write(path: string, content: string): Promise<void> {
    this.#check();
    if (this.room < content.length) throw fault('ENOSPC', 'no space left on device, write');
    await systemFiles.write(path, content);
  }

  async move(from: string, to: string): Promise<void> {
    this.#check();
    await systemFiles.move(from, to);
  }

  remove(path: string, root: string): Promise<void> {
    return systemFiles.remove(path, root);
  }

  trim(path: string): Promise<number> {
    return systemFiles.trim(path);
  }

  makeFolder(path: string): Promise<void> {
    return systemFiles.makeFolder(path);
  }

  list(folder: string): Promise<{ readonly path: string; readonly bytes: number }[]> {
    return systemFiles.list(folder);
  }

  exists(path: string): Promise<boolean> {
    return systemFiles.exists(path);
  }

  isFolder(path: string): Promise<boolean> {
    return systemFiles.isFolder(path);
  }

  #check(): void {
    if (this.failure !== undefined) throw fault(this.failure, 'played');
  }
}

function fault(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
