/** A directory of its own for a test, removed when the test ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export function temporaryDirectory(test: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'weir-test-'));
  test.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
