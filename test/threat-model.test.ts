/** docs/threat-model.md says which test shows what; and what it says of dependencies. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './support/source-files.ts';

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly link?: boolean;
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test('every test that the threat model names exists', () => {
  const named = [...read('docs/threat-model.md').matchAll(/`((?:src|test)\/[^`›]+?\.test\.ts)(?: › ([^`]+))?`/g)];
  assert.ok(named.length > 60, `${named.length} tests are named`);
  const missing = named
    .filter(([, file = '', name]) => !existsSync(join(ROOT, file)) || (name !== undefined && !hasTest(file, name)))
    .map(([, file, name]) => `${file} › ${name}`);
  assert.deepEqual(missing, []);
});

/** Is `name` part of what a test, or a case of one, is called? Names are told apart by nothing but their text. */
function hasTest(file: string, name: string): boolean {
  const text = read(file).replaceAll("\\'", "'").replaceAll('\\\\', '\\');
  return text.includes(name);
}

test('every row of the threat model names a test', () => {
  const rows = read('docs/threat-model.md').match(/^\| (?!it tries|they try).+\|$/gm) ?? [];
  const without = rows.filter((row) => !row.includes(' › ') && !row.includes('.test.ts`'));
  assert.ok(rows.length > 40);
  assert.deepEqual(without, []);
});

const lock = JSON.parse(read('package-lock.json')) as { readonly packages: Readonly<Record<string, LockedPackage>> };
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

test('no dependency runs a script when it is installed', () => {
  assert.deepEqual(
    locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path),
    [],
  );
});

test('every dependency is one version, with a hash', () => {
  const manifest = JSON.parse(read('package.json')) as Readonly<Record<string, Readonly<Record<string, string>>>>;
  const wanted = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
    Object.entries(manifest[kind] ?? {}),
  );
  assert.deepEqual(
    wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    [],
  );
  assert.deepEqual(
    locked.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true).map(([path]) => path),
    [],
  );
});

const IMPORT = /(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g;

test('nothing in the way of traffic imports a dependency', () => {
  const seen = new Set<string>();
  const foreign = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const [, module = ''] of read(path).matchAll(IMPORT)) {
      if (module.startsWith('.')) visit(join(path, '..', module));
      else if (!module.startsWith('node:')) foreign.add(`${path}: ${module}`);
    }
  };
  visit('src/traffic/thread.ts');
  assert.ok(seen.size > 40);
  assert.deepEqual([...foreign], []);
});
