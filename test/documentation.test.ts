/** What the documentation tells people to write and to run is there, and taken as it stands. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
import { knownOptions } from '../src/cli/configuration-schema.ts';
import { configured } from './support/configured.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);
const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** Blocks that are of other programs, and of files that only a reader has. */
const NOT_OURS = /^(scrape_configs|certificates):/;

describe('the documentation', () => {
  it('shows configurations that are accepted as they stand', () => {
    const shown = PAGES.flatMap((page) =>
      [...textOf(page).matchAll(/^```yaml\n(.*?)^```$/gms)].map((block) => ({ page, text: block[1] ?? '' })),
    );
    const ours = shown.filter(({ text }) => !NOT_OURS.test(text));
    assert.ok(ours.length >= 5, 'there are some');
    for (const { page, text } of ours) assert.doesNotThrow(() => configured(text), page);
  });

  it('names scripts of npm that there are', () => {
    const scripts: Readonly<Record<string, string>> = packageJson.scripts;
    const named = PAGES.flatMap((page) =>
      [...textOf(page).matchAll(/\bnpm run ([a-z][\w:-]*)/g)].map((match) => `${page}: ${match[1]}`),
    );
    assert.ok(named.length > 20, 'there are some');
    assert.deepEqual(
      named.filter((each) => scripts[each.slice(each.indexOf(': ') + 2)] === undefined),
      [],
    );
  });

  it('links to files that there are', () => {
    const links = PAGES.flatMap((page) =>
      [...textOf(page).matchAll(/\]\(([^)#:\s]+)(#[^)]*)?\)/g)].map((match) => ({ page, to: match[1] ?? '' })),
    );
    assert.ok(links.length > 10, 'there are some');
    const broken = links.filter(({ page, to }) => !existsSync(join(ROOT, dirname(page), to)));
    assert.deepEqual(broken, []);
  });
});

describe('docs/configuration.md', () => {
  const page = textOf('docs/configuration.md');

  it('tells of every option of the file', () => {
    const options = knownOptions([]).flatMap((name) => {
      const inner = name === 'addresses' ? [] : knownOptions([name]);
      return inner.length === 0 ? [name] : inner.map((each) => `${name}.${each}`);
    });
    assert.ok(options.includes('limits.listeners') && options.length > 25, options.join());
    assert.deepEqual(
      options.filter((option) => !page.includes(`\n| \`${option}\` | `)),
      [],
    );
  });

  it('tells of every variable that weir reads', () => {
    const sources = globSync('src/**/*.ts', { cwd: ROOT }).filter((path) => !path.endsWith('.test.ts'));
    const read = new Set(sources.flatMap((path) => textOf(path).match(/\bWEIR_[A-Z_]+\b/g) ?? []));
    // What bin/weir.js tells the process that it starts.
    read.delete('WEIR_LAUNCHER');
    assert.ok(read.size >= 9, [...read].join());
    assert.deepEqual(
      [...read].filter((variable) => !page.includes(`\`${variable}\``)),
      [],
    );
  });

  it('shows the defaults as they are', () => {
    const defaults = /^```yaml\n(dataDir.*?)^```$/ms.exec(page)?.[1] ?? '';
    assert.ok(defaults.includes('stopTimeout'));
    assert.deepEqual(configured(defaults), configured(''));
  });
});
