/** `node:sqlite`, loaded without the warning that some Node versions print for it; every other warning stays. */
import type * as sqlite from 'node:sqlite';

type SqliteModule = typeof sqlite;

let loaded: SqliteModule | undefined;

/** Loads the module once. The warning is about the stability of Node's API, which the tests of the store watch over. */
export function sqliteModule(): SqliteModule {
  if (loaded !== undefined) return loaded;
  // oxlint-disable-next-line typescript/unbound-method -- put back as it was, below
  const emitWarning = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    loaded = process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
  return loaded;
}
