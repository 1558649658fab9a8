/**
 * Private keys at rest. With a master key (WEIR_MASTER_KEY_FILE) they are sealed with AES-256-GCM, so that a copy of
 * the database gives none away; without one they stand in the database as they are, which its owner alone can read.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { Random } from '../kit/random.ts';
import { StoreError } from './records.ts';

/** Why private keys cannot be sealed or opened. The message tells the operator what to do, and nothing of a key. */
export class SecretsError extends StoreError {
  override name = 'SecretsError';
}

export interface Secrets {
  /** Whether there is a master key. */
  readonly encrypts: boolean;
  /** `secret` for the store. `context` says whose it is: it opens for nobody else. */
  seal(secret: string, context: string): string;
  /**
   * What was sealed, whether with this master key or without any.
   * @throws {SecretsError} when it was sealed with another master key, for another context, or is damaged.
   */
  open(sealed: string, context: string): string;
}

export const MASTER_KEY_BYTES = 32;
const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PLAIN = 'plain:';

/** Whether it stands there as it is, sealed with no key. */
export function isSealedPlain(sealed: string): boolean {
  return sealed.startsWith(PLAIN);
}

/** `masterKey` has {@link MASTER_KEY_BYTES}; undefined where the operator gave none. */
export function createSecrets(random: Random, masterKey: Uint8Array | undefined): Secrets {
  return masterKey === undefined ? new PlainSecrets() : new EncryptedSecrets(random, masterKey);
}

class PlainSecrets implements Secrets {
  readonly encrypts = false;

  seal(secret: string): string {
    return PLAIN + secret;
  }

  open(sealed: string): string {
    if (isSealedPlain(sealed)) return sealed.slice(PLAIN.length);
    const [, keyId = ''] = sealed.split(':');
    throw new SecretsError(`it is sealed with the master key ${keyId}. Name its file in WEIR_MASTER_KEY_FILE.`);
  }
}

/** `aes-256-gcm:<key id>:<nonce>:<ciphertext and tag>`. The id tells a wrong master key from damage. */
class EncryptedSecrets implements Secrets {
  readonly encrypts = true;
  readonly #random: Random;
  readonly #key: Uint8Array;
  readonly #keyId: string;

  constructor(random: Random, masterKey: Uint8Array) {
    this.#random = random;
    this.#key = derive(masterKey, 'weir: sealing of secrets', 32);
    this.#keyId = Buffer.from(derive(masterKey, 'weir: id of the master key', 6)).toString('hex');
  }

  seal(secret: string, context: string): string {
    const nonce = this.#random.bytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(context));
    const bytes = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return [ALGORITHM, this.#keyId, nonce.toString('base64url'), bytes.toString('base64url')].join(':');
  }

  open(sealed: string, context: string): string {
    if (isSealedPlain(sealed)) return sealed.slice(PLAIN.length);
    const [algorithm, keyId = '', nonce = '', text = ''] = sealed.split(':');
    if (algorithm !== ALGORITHM) throw new SecretsError('it is sealed in a way that this weir does not know.');
    if (keyId !== this.#keyId) {
      throw new SecretsError(
        `it is sealed with the master key ${keyId}, and WEIR_MASTER_KEY_FILE holds ${this.#keyId}. Name the file of the right one.`,
      );
    }
    try {
      const bytes = Buffer.from(text, 'base64url');
      const decipher = createDecipheriv(ALGORITHM, this.#key, Buffer.from(nonce, 'base64url'), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString();
    } catch {
      throw new SecretsError('it is damaged, or was sealed for something else. Restore the database from a backup.');
    }
  }
}

/** A key of its own for each use, from the one master key (RFC 5869). */
function derive(masterKey: Uint8Array, use: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', masterKey, new Uint8Array(0), use, length));
}
