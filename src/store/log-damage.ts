/**
 * Damage of SQLite's write-ahead log. SQLite takes the log up to the first frame whose checksum is wrong and drops the
 * rest without a word: right for a commit that a kill cut short, but acknowledged commits behind a garbled frame would be
 * lost the same way. Two things tell the difference. A commit is synced before the next one begins: frames behind a
 * commit that cannot be read mean damage. And where the index of the log is still there, it says how far the commits went.
 * (File formats: https://www.sqlite.org/fileformat2.html#walformat, https://www.sqlite.org/walformat.html)
 */
import { existsSync, readFileSync } from 'node:fs';
import { endianness } from 'node:os';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;
/** Of the index: two copies of its header, and the places of two fields in it. */
const INDEX_HEADER_BYTES = 48;
const INDEX_FRAMES = 16;
const INDEX_SALTS = 32;
/** The last bit of the magic number: words of the checksum are big-endian. */
const BIG_ENDIAN = 1;

/** What is wrong with the log of the database at `path`; undefined when nothing is, or only a commit that was cut short. */
export function logDamage(path: string): string | undefined {
  const log = `${path}-wal`;
  const bytes = existsSync(log) ? readFileSync(log) : undefined;
  if (bytes === undefined || bytes.length <= HEADER_BYTES) {
    // At an end in order, and where a log has yet to begin, all that its index knows of is in the database.
    const index = readIndex(`${path}-shm`);
    const isLoss = index !== undefined && index.frames > index.inDatabase;
    return isLoss ? `${log} is ${bytes ? 'cut off' : 'missing'}, while ${path}-shm tells of commits in it` : undefined;
  }
  const pageBytes = bytes.readUInt32BE(8);
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  const headerIsGood = (bytes.readUInt32BE(0) & ~BIG_ENDIAN) >>> 0 === MAGIC && pageBytes >= 512 && pageBytes <= 65_536;
  if (!headerIsGood || !checksumHolds(bytes)) return `${log} is damaged at its beginning`;
  const good = goodFrames(bytes, frameBytes);
  const at = HEADER_BYTES + good * frameBytes;
  const isLoss = good < committedFrames(`${path}-shm`, bytes) || commitsBehind(bytes, at, frameBytes);
  return isLoss ? `${log} is damaged at byte ${at}, and commits have stood behind it` : undefined;
}

/** The frames of the last commit and all before it, as the index of this very log tells; 0 where it tells nothing. */
function committedFrames(indexPath: string, log: Buffer): number {
  const index = readIndex(indexPath);
  // A log that has begun anew has other salts.
  return index?.salts.equals(log.subarray(16, 24)) === true ? index.frames : 0;
}

interface LogIndex {
  readonly salts: Buffer;
  /** Of the log, committed. */
  readonly frames: number;
  /** Of these, how many stand in the database as well. */
  readonly inDatabase: number;
}

/** Undefined where there is none, or a kill came between the two copies of its header. */
function readIndex(path: string): LogIndex | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  if (bytes.length < 2 * INDEX_HEADER_BYTES + 4) return undefined;
  const header = bytes.subarray(0, INDEX_HEADER_BYTES);
  if (!header.equals(bytes.subarray(INDEX_HEADER_BYTES, 2 * INDEX_HEADER_BYTES))) return undefined;
  const read = (at: number): number => (endianness() === 'LE' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const salts = header.subarray(INDEX_SALTS, INDEX_SALTS + 8);
  return { salts, frames: read(INDEX_FRAMES), inDatabase: read(2 * INDEX_HEADER_BYTES) };
}

function checksumHolds(bytes: Buffer): boolean {
  const [one, two] = checksum(bytes, 0, 24, [0, 0]);
  return one === bytes.readUInt32BE(24) && two === bytes.readUInt32BE(28);
}

/** How many frames from the first on SQLite will take. */
function goodFrames(bytes: Buffer, frameBytes: number): number {
  let sum: Sum = [bytes.readUInt32BE(24), bytes.readUInt32BE(28)];
  for (let frame = 0; ; frame++) {
    const at = HEADER_BYTES + frame * frameBytes;
    if (at + frameBytes > bytes.length || !isOfThisLog(bytes, at)) return frame;
    sum = checksum(bytes, at, at + 8, sum);
    sum = checksum(bytes, at + FRAME_HEADER_BYTES, at + frameBytes, sum);
    if (sum[0] !== bytes.readUInt32BE(at + 16) || sum[1] !== bytes.readUInt32BE(at + 20)) return frame;
  }
}

/** Frames of an earlier round carry other salts. */
function isOfThisLog(bytes: Buffer, at: number): boolean {
  return bytes.compare(bytes, 16, 24, at + 8, at + 16) === 0;
}

/** From the frame at `at` on: does a frame follow upon one that ends a commit? */
function commitsBehind(bytes: Buffer, at: number, frameBytes: number): boolean {
  let ended = false;
  for (; at + FRAME_HEADER_BYTES <= bytes.length; at += frameBytes) {
    if (ended && isOfThisLog(bytes, at)) return true;
    // The size of the database after a commit; 0 in all of its frames but the last.
    if (isOfThisLog(bytes, at) && bytes.readUInt32BE(at + 4) !== 0) ended = true;
  }
  return false;
}

type Sum = readonly [number, number];

/** SQLite's own checksum, over pairs of words; it goes on from `sum`. */
function checksum(bytes: Buffer, start: number, end: number, sum: Sum): Sum {
  const isBigEndian = (bytes.readUInt32BE(0) & BIG_ENDIAN) === 1;
  let [one, two] = sum;
  for (let at = start; at < end; at += 8) {
    const first = isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
    const second = isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4);
    one = (one + first + two) >>> 0;
    two = (two + second + one) >>> 0;
  }
  return [one, two];
}
