/**
 * What Node makes of our sources, with the types taken away and compiled, is kept in the data directory: the next start, and
 * each traffic thread that takes the place of another, finds it there. It is most of the CPU that a start takes.
 */
import { lstatSync } from 'node:fs';
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { join, resolve } from 'node:path';
import { makeFolders } from '../kit/folders.ts';
import type { Environment } from './configuration.ts';

/** Whoever could write there would have us run what they have written. */
const OWNER_ONLY = 0o700;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * What is loaded from now on is looked for in `dataDir` and kept there. Nothing depends on it: where the folder cannot be
 * made, or is not ours alone, everything is compiled anew. NODE_COMPILE_CACHE names another place.
 */
export function keepCompiled(dataDir: string): void {
  try {
    makeFolders(folderOf(dataDir), OWNER_ONLY);
  } catch {
    return;
  }
  useCompiled(dataDir);
}

/**
 * Uses what an earlier start has kept, before the configuration is read: reading it is a third of what there is to load. A
 * data directory that only the configuration file names is not known yet.
 */
export function useKept(argv: readonly string[], environment: Environment): void {
  const flag = argv.findIndex((word) => word === '--data-dir' || word.startsWith('--data-dir='));
  const named = flag === -1 ? undefined : argv[flag]!.slice('--data-dir='.length) || argv[flag + 1];
  useCompiled(named ?? (environment['WEIR_DATA_DIR'] || 'weir-data'));
}

function folderOf(dataDir: string): string {
  return join(resolve(dataDir), 'compile-cache');
}

function useCompiled(dataDir: string): void {
  const folder = getCompileCacheDir() === undefined ? ownFolder(dataDir) : undefined;
  if (folder === undefined) return;
  enableCompileCache(folder);
  // How traffic threads hear of it.
  process.env['NODE_COMPILE_CACHE'] = folder;
}

/** The folder, where it is there and ours alone. */
function ownFolder(dataDir: string): string | undefined {
  try {
    const folder = folderOf(dataDir);
    const status = lstatSync(folder);
    const isOurs = status.isDirectory() && status.uid === process.getuid?.();
    return isOurs && (status.mode & WRITABLE_BY_OTHERS) === 0 ? folder : undefined;
  } catch {
    // What is wrong with the data directory, or with the working directory, is told when it is needed.
    return undefined;
  }
}
