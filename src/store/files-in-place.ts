/**
 * Whether the files that a program has open still stand under their names. What is written to one that was removed or moved away
 * is there as long as the program runs, and no longer.
 */
import { statSync } from 'node:fs';

/** The check for the files that stand at `paths` now; it throws when one of them is no longer the same. */
export function filesInPlace(paths: readonly string[]): () => void {
  const files = paths.map((path) => ({ path, opened: identityOf(path) }));
  return () => {
    for (const { path, opened } of files) {
      if (identityOf(path) !== opened) throw new Error(movedMessage(path));
    }
  };
}

/** undefined where none stands. Throws what the system says otherwise. */
function identityOf(path: string): string | undefined {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  return file && `${file.dev}:${file.ino}`;
}

/** What an operator is told of a file that no longer stands at `path`. */
export function movedMessage(path: string): string {
  return `${path} was moved, removed or replaced while weir had it open: put it back, or restart weir to go on with what stands there now`;
}
