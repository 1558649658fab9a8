/** The keys of sticky cookies: one record in the store, for all load balancers, so that every node makes and reads the same. */
export interface CookieKeys {
  /** The latest first. At least one. */
  readonly keys: readonly CookieKey[];
}

export interface CookieKey {
  /** Base64 of the key, as store/secrets.ts sealed it. */
  readonly sealedKey: string;
  /** Epoch milliseconds. */
  readonly madeTimeMs: number;
}

/** The key of the one record. */
export const COOKIE_KEY_RECORD = 'current';
