/**
 * A disk that fails: every write, sync, truncation and rename of a store's short life in turn, with an error (strace) or
 * written in part (a limit for the size of files). Whatever was acknowledged is there at the next start, whatever was
 * refused is not, and a start that fails says so.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../src/kit/assert.ts';
import { ExpectedStates, openedRevision, WRITER } from './expected.ts';

export interface DiskFault {
  readonly name: string;
  /** The calls that fail, as strace names them. */
  readonly calls: string;
  readonly error: string;
}

export const DISK_FAULTS: readonly DiskFault[] = [
  { name: 'a write fails', calls: 'pwrite64,write', error: 'EIO' },
  { name: 'a write finds the disk full', calls: 'pwrite64,write', error: 'ENOSPC' },
  { name: 'a sync fails', calls: 'fsync,fdatasync', error: 'EIO' },
  { name: 'a truncation fails', calls: 'ftruncate,truncate', error: 'EIO' },
  { name: 'a rename fails', calls: 'rename,renameat,renameat2', error: 'EIO' },
  { name: 'a removal fails', calls: 'unlink,unlinkat', error: 'EIO' },
  { name: 'a file cannot be opened', calls: 'openat', error: 'EMFILE' },
];
export const MODES = ['some', 'some-or-die'] as const;

interface Outcome {
  /** Whether the fault has struck. */
  readonly struck: boolean;
  readonly acknowledged: readonly number[];
  readonly refused: number;
  readonly said: string;
}

/** Why faults cannot be injected here, or undefined. */
export function whyNotTraced(): string | undefined {
  const { status } = spawnSync('strace', ['-e', 'trace=none', process.execPath, '--version']);
  return status === 0 ? undefined : 'strace is not installed here, or may not trace';
}

/** The `nth` of the fault's calls on files of `folder` fails, in a life of the writer from its first start on. */
function lifeWithFault(folder: string, seed: number, mode: string, { calls, error }: DiskFault, nth: number): Outcome {
  const path = join(folder, 'state.db');
  // Only calls on these files: what Node itself writes and opens is none of ours. A path is matched by its descriptor too.
  const files = ['', '-wal', '-shm', '-journal', '.new', '.new-wal', '.new-shm', '.new-journal'].map(
    (end) => `${path}${end}`,
  );
  const only = [...files, folder, join(folder, 'lock')].flatMap((file) => ['-P', file]);
  const inject = [`trace=${calls}`, `inject=${calls}:error=${error}:when=${nth}`].flatMap((words) => ['-e', words]);
  const words = ['-f', '-qq', '-o', `${folder}.trace`, ...only, ...inject];
  const { stdout, stderr } = spawnSync('strace', [...words, process.execPath, WRITER, path, String(seed), mode]);
  const struck = readFileSync(`${folder}.trace`, 'latin1').includes('(INJECTED)');
  return readOutcome(stdout.toString(), stderr.toString(), struck);
}

/** No file may grow beyond `kib`: a write that would is done in part, and the next one fails. */
function lifeWithLimit(folder: string, seed: number, mode: string, kib: number): Outcome {
  const script = `trap '' XFSZ; ulimit -f ${2 * kib}; exec "$@"`;
  const words = ['-c', script, 'sh', process.execPath, WRITER, join(folder, 'state.db'), String(seed), mode];
  const { stdout, stderr } = spawnSync('/bin/sh', words);
  const outcome = readOutcome(stdout.toString(), stderr.toString(), false);
  return { ...outcome, struck: outcome.refused > 0 || outcome.said !== '' };
}

function readOutcome(stdout: string, said: string, struck: boolean): Outcome {
  const lines = stdout.split('\n').filter((line) => line !== '');
  const acknowledged = lines.filter((line) => /^\d+$/.test(line)).map(Number);
  return { struck, acknowledged, refused: lines.length - acknowledged.length, said };
}

/** After a life: whatever was acknowledged is there, nothing that was refused is, and it goes on from there. */
async function checkAfterwards(folder: string, seed: number, { acknowledged, refused, said }: Outcome): Promise<void> {
  const last = acknowledged.at(-1) ?? 0;
  // A start that failed has told why; one that was killed has nothing to say.
  if (said !== '') assert.match(said, /^(?:cannot|the state in|the data directory) .*|^E[A-Z]+: /, said);
  else assert.ok(acknowledged.length + refused > 0, 'it began, or told why not');
  assert.equal(await openedRevision(join(folder, 'state.db'), new ExpectedStates(seed)), last, said);
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'weir-crash-'));
  try {
    return await use(join(home, 'data'));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function oneLife(what: string, seed: number, live: (folder: string) => Outcome): Promise<boolean> {
  return inFolder(async (folder) => {
    const outcome = live(folder);
    await checkAfterwards(folder, seed, outcome).catch((error: unknown) => {
      throw new Error(`${what}: ${messageOf(error)}\n${JSON.stringify(outcome)}`, { cause: error });
    });
    return outcome.struck;
  });
}

/** The fault strikes at the first of its calls, at the second, and so on, until none is left. How often it has struck. */
export async function failEach(fault: DiskFault, mode: string, seed: number, atMost = Infinity): Promise<number> {
  for (let nth = 1; nth <= atMost; nth++) {
    const what = `${fault.name} (${fault.error} at call ${nth} of ${fault.calls}, ${mode}, seed ${seed})`;
    const struck = await oneLife(what, seed, (folder) => lifeWithFault(folder, seed, mode, fault, nth));
    if (!struck) return nth - 1;
  }
  return atMost;
}

/** Files may grow to 1 KiB, 2 KiB and so on, `stepKib` further each time, until that is enough. How often it was not. */
export async function tearEach(mode: string, seed: number, stepKib: number): Promise<number> {
  for (let times = 0; ; times++) {
    const kib = 1 + times * stepKib;
    const what = `files of ${kib} KiB at most (${mode}, seed ${seed})`;
    if (!(await oneLife(what, seed, (folder) => lifeWithLimit(folder, seed, mode, kib)))) return times;
  }
}
