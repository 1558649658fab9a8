/** The file that WEIR_MASTER_KEY_FILE names. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { messageOf } from '../kit/assert.ts';
import { shellWord } from '../kit/shell-word.ts';
import { MASTER_KEY_BYTES, SecretsError } from './secrets.ts';

/** More than any form of the key has. */
const MAX_FILE_BYTES = 1024;

/**
 * The master key of the file at `path`: 32 bytes as they are, or in hex or base64.
 * @throws {SecretsError} when it cannot be read, others can read it, or it holds something else.
 */
export function readMasterKey(path: string): Uint8Array {
  const bytes = readOwnFile(path);
  const text = bytes.toString('latin1').trim();
  const key =
    bytes.length === MASTER_KEY_BYTES
      ? bytes
      : /^[0-9A-Fa-f]{64}$/.test(text)
        ? Buffer.from(text, 'hex')
        : /^[0-9A-Za-z+/_-]{43}=?$/.test(text)
          ? Buffer.from(text, 'base64')
          : undefined;
  if (key?.length === MASTER_KEY_BYTES) return key;
  throw refusal(
    path,
    `must hold ${MASTER_KEY_BYTES} random bytes, as they are or in hex or base64; ` +
      `make one with: (umask 077; openssl rand -base64 ${MASTER_KEY_BYTES} > ${shellWord(path)})`,
  );
}

/** Checks the opened file, not the path, so that it cannot be swapped in between. */
function readOwnFile(path: string): Buffer {
  let descriptor: number;
  try {
    // A named pipe that nobody writes to would have us wait, deaf to signals.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw refusal(path, `cannot be opened: ${messageOf(error)}`);
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw refusal(path, 'is not a regular file');
    const mode = status.mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const shown = mode.toString(8).padStart(4, '0');
      throw refusal(path, `its mode ${shown} lets other users at it; run: chmod 600 ${shellWord(path)}`);
    }
    const buffer = Buffer.alloc(MAX_FILE_BYTES);
    return buffer.subarray(0, readSync(descriptor, buffer));
  } finally {
    closeSync(descriptor);
  }
}

function refusal(path: string, what: string): SecretsError {
  return new SecretsError(`the master key file ${path} (WEIR_MASTER_KEY_FILE): ${what}`);
}
