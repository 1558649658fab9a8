/**
 * The value of the load balancer's cookie: which instance, for whoever has the key, and opaque to everybody else.
 * Deterministic authenticated encryption (SIV: a MAC over everything is the initialization vector of the encryption), so
 * that every thread and node makes the same value, and can tell one that it knows without opening it.
 */
import { createCipheriv, createHmac } from 'node:crypto';
import { assert } from '../kit/assert.ts';

/** Half of a key authenticates, half encrypts. */
export const COOKIE_KEY_BYTES = 64;
const MAC_KEY_BYTES = 32;
const IV_BYTES = 16;
/** Instance ids are filled up to a multiple of this: the length of a value tells little of them. */
const BLOCK_BYTES = 32;

/** What a cookie binds a session to. Another listener with another instance port has other values. */
export interface CookieBinding {
  readonly loadBalancer: string;
  readonly instancePort: number;
  readonly instanceId: string;
}

/** The value in upper-case hex. */
export function sealCookie(key: Uint8Array, { loadBalancer, instancePort, instanceId }: CookieBinding): string {
  assert(key.length === COOKIE_KEY_BYTES, 'a cookie key has its length');
  const id = Buffer.from(instanceId);
  const plain = Buffer.alloc(Math.ceil((id.length + 1) / BLOCK_BYTES) * BLOCK_BYTES);
  id.copy(plain);
  const mac = createHmac('sha256', key.subarray(0, MAC_KEY_BYTES));
  const iv = mac.update(`${loadBalancer} ${instancePort} `).update(plain).digest().subarray(0, IV_BYTES);
  const cipher = createCipheriv('aes-256-ctr', key.subarray(MAC_KEY_BYTES), iv);
  return Buffer.concat([iv, cipher.update(plain)])
    .toString('hex')
    .toUpperCase();
}
