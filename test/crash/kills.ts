/** Kills at random moments: of the store while it writes, and of the whole program while it starts for the first time. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseCredentials } from '../../src/api/credentials.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { SeededRandom } from '../../src/kit/random.ts';
import { WEIR } from '../support/weir-process.ts';
import { ExpectedStates, openedRevision, WRITER } from './expected.ts';

const MAX_ACKNOWLEDGEMENTS = 120;
/** After the acknowledgement that a kill waits for: the middle of the next commits. */
const MAX_DELAY_MS = 8;
/** What a first start takes, about. */
const START_MS = 900;

/** Lets the writer run until it has acknowledged `acknowledgements` commits and a moment more. The last one that it has. */
async function killAfter(
  path: string,
  seed: number,
  acknowledgements: number,
  delayMs: number,
): Promise<number | undefined> {
  const child = spawn(process.execPath, [WRITER, path, String(seed)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let last: number | undefined;
  let left = acknowledgements;
  const kill = (): void => void child.kill('SIGKILL');
  if (left === 0) kill();
  for await (const line of createInterface(child.stdout)) {
    assert.match(line, /^\d+$/, 'every commit is acknowledged');
    last = Number(line);
    if (left-- === 0) systemClock.after(delayMs, kill);
  }
  await closed;
  return last;
}

/** Kills the writer `kills` times; resolves with the number of commits that there were. */
export async function killStore(directory: string, seed: number, kills: number): Promise<number> {
  const random = new SeededRandom(seed);
  const path = join(directory, 'state.db');
  const expected = new ExpectedStates(seed);
  let before = 0;
  for (let kill = 0; kill < kills; kill++) {
    const acknowledgements = kill === 1 ? 0 : random.below(MAX_ACKNOWLEDGEMENTS);
    const acknowledged = (await killAfter(path, seed, acknowledgements, random.below(MAX_DELAY_MS))) ?? before;
    const revision = await openedRevision(path, expected);
    const told = `kill ${kill}: ${acknowledged} acknowledged, ${revision} found`;
    assert.ok(revision === acknowledged || revision === acknowledged + 1, told);
    before = revision;
  }
  return before;
}

/** Kills a weir in the middle of its first start; what it has written by then is whole, and the next start is one. */
export async function killStart(directory: string, random: SeededRandom): Promise<void> {
  const words = ['serve', '--data-dir', directory, '--api', '127.0.0.1:0', '--listen', '127.0.0.1', '--threads', '1'];
  const { PATH, HOME } = process.env;
  const start = () =>
    spawn(process.execPath, [WEIR, ...words], { env: { PATH, HOME }, stdio: ['ignore', 'ignore', 'pipe'] });
  const first = start();
  systemClock.after(random.below(START_MS), () => first.kill('SIGKILL'));
  await once(first, 'close');
  const path = join(directory, 'credentials');
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  if (before !== undefined) assert.equal(parseCredentials(before, path).length, 1, 'the key is whole');
  const second = start();
  let said = '';
  let stopped = false;
  second.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    // A second signal would end it at once.
    if (stopped || !said.includes('"message":"ready"')) return;
    stopped = second.kill('SIGTERM');
  });
  const [code] = (await once(second, 'close')) as [number | null];
  assert.equal(code, 0, said);
  if (before !== undefined) assert.equal(readFileSync(path, 'utf8'), before, 'the key stays the same');
  assert.ok(!existsSync(join(directory, 'state.db-wal')), 'the state was closed in order');
}
