/** The file operations of the access log, as an interface: so that a test can play a disk that is full or gone. */
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, rmdir, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../kit/assert.ts';
import { countLines } from './access-log-file.ts';

/** Nobody but the owner writes there, whatever the umask. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o640;
/** What is read of a file at a time. */
const STEP = 64 * 1024;

/** A file that is appended to. */
export interface LogFile {
  /** May write a part only, as the system's call. */
  write(bytes: Buffer, position: number): Promise<number>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface LogFiles {
  /** Makes what is missing: the file and its folders. */
  open(path: string): Promise<LogFile>;
  /** Piece by piece: a file may be larger than what there is of memory. */
  countLines(path: string): Promise<number>;
  write(path: string, content: string): Promise<void>;
  /** Moves a file, over the border of a file system too, and never over a part of it: it is there whole or not at all. */
  move(from: string, to: string): Promise<void>;
  /** Removes a file, and the folders up to `root` that are empty then. */
  remove(path: string, root: string): Promise<void>;
  /** Cuts off what stands behind the last line end; returns the size. */
  trim(path: string): Promise<number>;
  makeFolder(path: string): Promise<void>;
  /**
   * All files below `folder`, with their sizes, the oldest first; none where there is no such folder.
   * @throws the system's error where they cannot be looked at.
   */
  list(folder: string): Promise<{ readonly path: string; readonly bytes: number }[]>;
  isFolder(path: string): Promise<boolean>;
  exists(path: string): Promise<boolean>;
}

export const systemFiles: LogFiles = {
  async open(path) {
    const handle = await create(path);
    return {
      write: async (bytes, position) => (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
      truncate: (length) => handle.truncate(length),
      close: () => handle.close(),
    };
  },
  countLines: countLinesOf,
  async write(path, content) {
    await makeFolder(dirname(path));
    const handle = await open(path, 'w', FILE_MODE);
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
  },
  async move(from, to) {
    await makeFolder(dirname(to));
    try {
      await rename(from, to);
    } catch (error) {
      if (errorCode(error) !== 'EXDEV') throw error;
      await moveAcross(from, to);
    }
  },
  async remove(path, root) {
    await rm(path, { force: true });
    for (let folder = dirname(path); folder.startsWith(`${root}/`); folder = dirname(folder)) {
      const removed = await rmdir(folder).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  },
  trim,
  makeFolder,
  async list(folder) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(noneIfMissing);
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const found = await Promise.all(
      files.map((path) =>
        stat(path).then(
          ({ size, mtimeMs }) => ({ path, bytes: size, mtimeMs }),
          // It has gone meanwhile.
          () => undefined,
        ),
      ),
    );
    return found.filter((file) => file !== undefined).sort((one, other) => one.mtimeMs - other.mtimeMs);
  },
  async isFolder(path) {
    const found = await stat(path).catch(() => undefined);
    return found?.isDirectory() === true;
  },
  exists: (path) =>
    stat(path).then(
      () => true,
      // What cannot be looked at may well be there.
      (error: unknown) => errorCode(error) !== 'ENOENT',
    ),
};

function noneIfMissing(error: unknown): [] {
  if (errorCode(error) === 'ENOENT') return [];
  throw error;
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: FOLDER_MODE });
}

async function create(path: string): Promise<FileHandle> {
  // Twice: its folder may be removed as empty just after it was made.
  for (let attempt = 1; ; attempt++) {
    await makeFolder(dirname(path));
    try {
      return await open(path, constants.O_WRONLY | constants.O_CREAT, FILE_MODE);
    } catch (error) {
      if (attempt === 2) throw error;
    }
  }
}

async function countLinesOf(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(STEP);
    let lines = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, STEP);
      if (bytesRead === 0) return lines;
      lines += countLines(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

async function trim(path: string): Promise<number> {
  const handle = await open(path, 'r+');
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(STEP);
    for (let end = size; end > 0; end -= STEP) {
      const start = Math.max(0, end - STEP);
      const { bytesRead } = await handle.read(buffer, 0, end - start, start);
      const lineEnd = buffer.subarray(0, bytesRead).lastIndexOf('\n');
      if (lineEnd === -1) continue;
      const length = start + lineEnd + 1;
      if (length < size) await handle.truncate(length);
      return length;
    }
    await handle.truncate(0);
    return 0;
  } finally {
    await handle.close();
  }
}

/** Copied under another name first: a reader sees it whole or not at all. */
async function moveAcross(from: string, to: string): Promise<void> {
  const part = `${to}.part`;
  try {
    await copyFile(from, part);
    await rename(part, to);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await rm(from);
}
