/** Files that are not what was written: cut off, garbled, gone. A start finds everything, or says what to do. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../src/kit/random.ts';
import { messageOf } from '../../src/kit/assert.ts';
import { ExpectedStates, openedOrTold, WRITER } from './expected.ts';

/** What a bad sector takes with it. */
const SECTOR = 512;

export interface Damaged {
  readonly cases: number;
  /** Starts that were refused, with what to do. */
  readonly told: number;
  /** Starts that found everything: what was damaged was not in use. */
  readonly whole: number;
}

type Damage = (file: string, size: number, random: SeededRandom) => void;

const DAMAGES: Readonly<Record<string, Damage>> = {
  cut: (file, size, random) => truncateSync(file, random.below(size)),
  garbled: (file, size, random) => overwrite(file, random.below(size), random.bytes(1 + random.below(SECTOR))),
  'a sector of zeros': (file, size, random) =>
    overwrite(file, random.below(Math.ceil(size / SECTOR)) * SECTOR, Buffer.alloc(SECTOR)),
  'one bit': (file, size, random) => overwrite(file, random.below(size), Buffer.from([1 << random.below(8)])),
  gone: (file) => rmSync(file),
};

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, Math.min(bytes.length, statSync(file).size - at), at);
  closeSync(descriptor);
}

export type LeftBy = 'an end in order' | 'a kill';

/** Damages the database, or its log, `cases` times in every way, each time as it was left. */
export async function damageEach(
  file: 'state.db' | 'state.db-wal',
  leftBy: LeftBy,
  seed: number,
  cases: number,
): Promise<Damaged> {
  const home = mkdtempSync(join(tmpdir(), 'weir-damage-'));
  try {
    const original = join(home, 'original');
    const acknowledged = leftBehind(original, leftBy, seed);
    const expected = new ExpectedStates(seed);
    const random = new SeededRandom(seed);
    // A folder in which nothing is left at all is the one that a first start finds.
    const damages = Object.entries(DAMAGES).filter(([how]) => how !== 'gone' || leftBy === 'a kill');
    let [told, whole] = [0, 0];
    for (let each = 0; each < cases; each++) {
      for (const [how, damage] of damages) {
        const folder = join(home, `${each}-${how}`);
        copyState(original, folder);
        const path = join(folder, file);
        damage(path, statSync(path).size, random);
        const revision = await openedOrTold(join(folder, 'state.db'), expected).catch((error: unknown) => {
          throw new Error(`${file} ${how}, case ${each}, seed ${seed}: ${messageOf(error)}`, { cause: error });
        });
        if (revision === undefined) told++;
        else whole++;
        const lost = revision !== undefined && revision !== acknowledged;
        assert.ok(!lost, `${file} ${how}, case ${each}, seed ${seed}: ${acknowledged} acknowledged, ${revision} found`);
        rmSync(folder, { recursive: true });
      }
    }
    return { cases: cases * damages.length, told, whole };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** A life that ends in order, and perhaps one that is killed: commits in the database, and in its log. The last one. */
function leftBehind(folder: string, leftBy: LeftBy, seed: number): number {
  let last = 0;
  for (const mode of leftBy === 'a kill' ? ['some', 'some-and-die'] : ['some']) {
    const words = [WRITER, join(folder, 'state.db'), String(seed), mode];
    last = Number(spawnSync(process.execPath, words).stdout.toString().trim().split('\n').at(-1));
  }
  assert.ok(last > 0, 'there are commits');
  assert.equal(existsSync(join(folder, 'state.db-wal')), leftBy === 'a kill', 'a killed life leaves its log behind');
  return last;
}

function copyState(from: string, to: string): void {
  mkdirSync(to);
  for (const file of ['state.db', 'state.db-wal', 'state.db-shm']) {
    if (existsSync(join(from, file))) copyFileSync(join(from, file), join(to, file));
  }
}
