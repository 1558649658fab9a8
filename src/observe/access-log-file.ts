/**
 * One file of the access log while it is written: it only ever holds whole lines. What a disk does not take is lost, and
 * counted; what it has taken of it is cut off again.
 */
import type { LogFile, LogFiles } from './access-log-files.ts';

export class SpoolFile {
  readonly key: string;
  readonly path: string;
  /** The bytes of the lines that it holds. */
  bytes = 0;
  readonly #files: LogFiles;
  #file: LogFile | undefined;
  /** Something stands behind the last whole line. */
  #torn = false;

  constructor(files: LogFiles, path: string, key: string) {
    this.#files = files;
    this.path = path;
    this.key = key;
  }

  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /**
   * Appends whole lines: all of them or none.
   * @throws the system's error, when nothing was appended.
   */
  async append(parts: readonly Buffer[]): Promise<void> {
    this.#file ??= await this.#files.open(this.path);
    if (this.#torn) await this.#mend(this.#file);
    this.#torn = true;
    let end = this.bytes;
    for (const part of parts) end = await writeAll(this.#file, part, end);
    this.bytes = end;
    this.#torn = false;
  }

  async #mend(file: LogFile): Promise<void> {
    await file.truncate(this.bytes);
    this.#torn = false;
  }

  /** Lets go of the file; it can be appended to again. */
  async close(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      if (this.#torn) await this.#mend(file);
    } finally {
      await file.close();
    }
  }
}

/** Returns the offset behind it. */
async function writeAll(file: LogFile, bytes: Buffer, position: number): Promise<number> {
  let written = 0;
  while (written < bytes.length) {
    const count = await file.write(bytes.subarray(written), position + written);
    if (count === 0) throw new Error('the disk takes no more');
    written += count;
  }
  return position + written;
}

/** How many lines there are. */
export function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}
