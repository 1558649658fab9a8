/** What the documentation tells people to write and to run is there, and taken as it stands. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
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
