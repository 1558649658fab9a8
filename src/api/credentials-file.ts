/** The credentials file on disk: made at the first start, for its owner's eyes only. */
import { constants, open, rename } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../kit/assert.ts';
import { base32Digits } from '../kit/base32.ts';
import type { Random } from '../kit/random.ts';
import { shellWord } from '../kit/shell-word.ts';
import {
  CredentialsError,
  DEFAULT_ACCOUNT_ID,
  formatCredentials,
  parseCredentials,
  replaceDefaultKey,
} from './credentials.ts';
import type { Credential } from './credentials.ts';

const OWNER_ONLY = 0o600;

export interface CredentialsFileOptions {
  readonly path: string;
  readonly random: Random;
  /** A key given by the operator (WEIR_ACCESS_KEY_ID, WEIR_SECRET_ACCESS_KEY): becomes the profile `default`. */
  readonly fixed?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** A key pair in the form of AWS's: an id of 20 characters, a secret of 40. */
export function makeKey(random: Random): { accessKeyId: string; secretAccessKey: string } {
  return {
    accessKeyId: `AKIA${base32Digits(random.bytes(16))}`,
    secretAccessKey: random.bytes(30).toString('base64'),
  };
}

/** The text of an existing file, or undefined. Checks the opened file, not the path, so that it cannot be swapped. */
async function readOwnFile(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    // A named pipe that nobody writes to would have us wait.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new CredentialsError(`${path}: is not a regular file`);
    const mode = status.mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new CredentialsError(
        `${path}: holds secret keys, but its mode ${mode.toString(8).padStart(4, '0')} lets other users at it; ` +
          `run: chmod 600 ${shellWord(path)}`,
      );
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Writes beside and renames, so that a kill leaves the old file or the new one. */
async function writeOwnFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', OWNER_ONLY);
  try {
    // The mode of open() is for a file that it makes; one left behind by a kill may have another.
    await file.chmod(OWNER_ONLY);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  // Its name too: who was given the key must find it there after a power cut.
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * The keys of the file at `path`, which is made with a random key when there is none. Throws {@link CredentialsError}
 * for a file that others can read or that is not in order, and the system's error when it cannot be read or written.
 */
export async function openCredentials(options: CredentialsFileOptions): Promise<readonly Credential[]> {
  const { path, fixed } = options;
  let text = await readOwnFile(path);
  if (text === undefined) {
    const key = fixed ?? makeKey(options.random);
    text = formatCredentials([{ profile: 'default', ...key, accountId: DEFAULT_ACCOUNT_ID, readOnly: false }]);
    // What is written must be readable again, a fixed key with a space in it is not.
    parseCredentials(text, fixed === undefined ? path : 'the fixed key given');
    await writeOwnFile(path, text);
  } else if (fixed !== undefined && !holds(parseCredentials(text, path), fixed)) {
    text = replaceDefaultKey(text, fixed.accessKeyId, fixed.secretAccessKey);
    parseCredentials(text, `${path} with the fixed key given`);
    await writeOwnFile(path, text);
  }
  return parseCredentials(text, path);
}

function holds(
  credentials: readonly Credential[],
  fixed: { readonly accessKeyId: string; readonly secretAccessKey: string },
): boolean {
  const standard = credentials.find(({ profile }) => profile === 'default');
  return (
    standard?.accessKeyId === fixed.accessKeyId &&
    standard.secretAccessKey === fixed.secretAccessKey &&
    standard.sessionToken === undefined
  );
}
