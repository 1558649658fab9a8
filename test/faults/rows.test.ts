/** Each row of docs/faults.md has its test, by its number in the name: `fault 23, …`. Most of them stand in this folder. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TABLE = readFileSync(join(ROOT, 'docs/faults.md'), 'utf8');
const ROWS = [...TABLE.matchAll(/^\| (\d+) \|/gm)].map(([, row]) => Number(row));
/** Rows whose home is where the part is tested that they are about. */
const ELSEWHERE: Readonly<Record<string, readonly number[]>> = {
  'src/health/monitor.test.ts': [27],
  'src/health/threshold-counter.test.ts': [27],
  'src/observe/access-logs.test.ts': [41],
  'src/observe/certificate-watch.test.ts': [44],
  'test/api/changes.test.ts': [42, 49],
  'test/api/iam.test.ts': [44],
  'test/api/instances.test.ts': [50],
  'test/api/server.test.ts': [47, 48],
  'test/process/command-line.test.ts': [46],
  'test/process/serve.test.ts': [46],
  'test/process/store-sync.test.ts': [42],
  'test/process/under-load.test.ts': [40],
};

const ascending = (one: number, other: number): number => one - other;

/** The numbers of the rows that tests of the file name, each once. */
function rowsOf(file: string): number[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const named = text.matchAll(/(?:\b(?:fault|refused)\(\s*|["'`]fault )(\d+)\b/g);
  return [...new Set([...named].map(([, row]) => Number(row)))].sort(ascending);
}

const HERE = globSync('test/faults/*.test.ts', { cwd: ROOT }).filter((file) => !file.endsWith('rows.test.ts'));

test('every row of the table of faults has a test that names it, and every such test a row', () => {
  const covered = new Set([...HERE, ...Object.keys(ELSEWHERE)].flatMap((file) => rowsOf(file)));
  assert.ok(covered.size > 0, 'there are some');
  assert.deepEqual([...covered].sort(ascending), ROWS);
});

for (const [file, rows] of Object.entries(ELSEWHERE)) {
  test(`${file} has the rows ${rows.join(' and ')}`, () => assert.deepEqual(rowsOf(file), rows));
}
