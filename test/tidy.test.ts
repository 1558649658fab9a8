/** Our laws, checked. An exception stands in a list below with its reason, and goes when it is needed no more. */
import assert from 'node:assert/strict';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { readSourceFiles, type Found, type SourceFile } from './support/source-files.ts';

/** The rooms of src/, from the top: a file imports from its own room and from those below it (ARCHITECTURE.md). */
const ROOMS = [
  'cli',
  'console',
  'api',
  'control',
  'health',
  'observe',
  'store',
  'traffic',
  'transport',
  'wire',
  'model',
  'kit',
];

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 40;
/** A test is read case by case; its file may be longer, and its functions are as long as the case. */
const MAX_TEST_FILE_LINES = 500;

/** Path → reason. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'src/api/services/elb/shapes.ts': 'generated from the AWS model',
  'src/traffic/http-client.ts':
    'the whole life of an exchange on one object of fixed shape: read top-down, nothing allocated',
  'src/traffic/http-backend.ts': 'the other half of the exchange: one object per back-end connection, as above',
  'src/transport/handle-connection.ts': 'one owner of one handle: every callback of the handle ends in this state',
  'src/transport/net-transport.ts': 'the whole portable transport, so that it can be read beside the other one',
  'src/wire/request-head.ts': 'one pass over the head; its fields are results that are used again for every request',
};

/** `path function` → reason. */
const LONG_FUNCTIONS: Readonly<Record<string, string>> = {
  'src/wire/request-head.ts field': 'one case for each header that means something',
  'bench/peers/nginx.ts nginxConfiguration': 'the text of a configuration file',
};

/** `path use` → reason. */
const TIME_AND_CHANCE: Readonly<Record<string, string>> = {};

/** What only src/kit may use, since a test could not decide what it gives. */
const OF_THE_KIT = [
  'Date.now',
  'new Date()',
  'Math.random',
  'performance.now',
  'process.hrtime',
  'setTimeout(…)',
  'setInterval(…)',
  'randomBytes(…)',
  'randomInt(…)',
  'randomUUID()',
  'crypto.randomUUID',
  'crypto.getRandomValues',
];

const files = readSourceFiles();
const ours = files.filter(({ path }) => path.startsWith('src/'));
const isTest = ({ path }: SourceFile) => path.endsWith('.test.ts');

/** Fails with all that was `found`, except what the list excuses; also when the list excuses what is not there. */
function assertOnly(
  found: readonly { readonly key: string; readonly what: string }[],
  excused: Readonly<Record<string, string>>,
) {
  const wrong = found.filter(({ key }) => !Object.hasOwn(excused, key));
  assert.deepEqual(
    wrong.map(({ what }) => what),
    [],
  );
  const keys = new Set(found.map(({ key }) => key));
  const stale = Object.keys(excused).filter((key) => !keys.has(key));
  assert.deepEqual(stale, [], 'these exceptions are not needed any more');
}

function at(file: SourceFile, found: Found): string {
  return `${file.path}:${found.line}: ${found.text}`;
}

describe('our laws', () => {
  it('are looked for where they would be broken', () => {
    const clock = files.find(({ path }) => path === 'src/kit/clock.ts');
    const uses = clock?.uses.map(({ text }) => text) ?? [];
    for (const use of ['Date.now', 'performance.now', 'setTimeout(…)', 'setInterval(…)'])
      assert.ok(uses.includes(use), use);
    assert.ok(clock?.functions.some(({ name, lines }) => name === 'advance' && lines > 5));
    assert.ok(
      files.find(({ path }) => path === 'src/kit/clock.test.ts' || path === 'src/kit/ip.test.ts')?.modules.length,
    );
  });

  it('imports point downwards', () => {
    const upwards = ours
      .filter((file) => !isTest(file))
      .flatMap((file) =>
        file.modules.filter(({ text }) => !pointsDown(file.path, text)).map((found) => at(file, found)),
      );
    assert.deepEqual(upwards, []);
  });

  it('every file of src/ stands in a room', () => {
    const homeless = ours.filter(({ path }) => !ROOMS.includes(roomOf(path)));
    assert.deepEqual(
      homeless.map(({ path }) => path),
      [],
    );
  });

  it(`a file has fewer than ${MAX_FILE_LINES} lines (a test ${MAX_TEST_FILE_LINES})`, () => {
    const long = files
      .filter((file) => file.lines >= (isTest(file) ? MAX_TEST_FILE_LINES : MAX_FILE_LINES))
      .map(({ path, lines }) => ({ key: path, what: `${path} has ${lines}` }));
    assertOnly(long, LONG_FILES);
  });

  it(`a function has fewer than ${MAX_FUNCTION_LINES} lines`, () => {
    const long = files
      .filter((file) => !isTest(file))
      .flatMap(({ path, functions }) =>
        functions
          .filter(({ lines }) => lines >= MAX_FUNCTION_LINES)
          .map(({ name, line, lines }) => ({ key: `${path} ${name}`, what: `${path}:${line}: ${name} has ${lines}` })),
      );
    assertOnly(long, LONG_FUNCTIONS);
  });

  it('time and chance come from src/kit', () => {
    const uses = files
      .filter(({ path }) => !path.startsWith('src/kit/'))
      .flatMap((file) =>
        file.uses
          .filter(({ text }) => OF_THE_KIT.includes(text))
          .map((found) => ({ key: `${file.path} ${found.text}`, what: at(file, found) })),
      );
    assertOnly(uses, TIME_AND_CHANCE);
  });

  it('files are named in kebab case', () => {
    const odd = files.filter(({ path }) => !/^[a-z\d]+(?:-[a-z\d]+)*(?:\.test)?\.ts$/.test(basename(path)));
    assert.deepEqual(
      odd.map(({ path }) => path),
      [],
    );
  });

  it('nothing has the type any', () => {
    const found = files.flatMap((file) => file.anyTypes.map((each) => at(file, each)));
    assert.deepEqual(found, []);
  });

  it('nothing is left to do', () => {
    // Written so that this line is not found by itself.
    const note = /\b(?:T[O]DO|F[I]XME|X[X]X|H[A]CK)\b/;
    const found = files.flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, index) => (note.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
    assert.deepEqual(found, []);
  });
});

function roomOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function pointsDown(path: string, module: string): boolean {
  const target = join(dirname(path), module).replaceAll('\\', '/');
  if (!target.startsWith('src/')) return false;
  return ROOMS.indexOf(roomOf(target)) >= ROOMS.indexOf(roomOf(path));
}
