/**
 * The keys of sticky cookies, in the store: made when the first sticky listener needs one, and a new one every 200 days.
 * The old ones are honoured for 400 days more, which is as long as a browser keeps any cookie: no session ends with a key.
 */
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../kit/assert.ts';
import type { Clock, Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import { COOKIE_KEY_RECORD, type CookieKey, type CookieKeys } from '../model/cookie-key.ts';
import { isSealedPlain, type Secrets } from '../store/secrets.ts';
import { cookieKeysChange, type Change, type Store, type View } from '../store/store.ts';
import { COOKIE_KEY_BYTES } from '../traffic/stickiness-seal.ts';
import { Keeper } from './keeper.ts';

const DAY_MS = 24 * 3_600_000;
const ROTATION_MS = 200 * DAY_MS;
/** One that makes cookies, and those that did in the 400 days before. */
const MAX_KEYS = 3;
/** Every node has heard of a key before cookies are made with it. */
const ANNOUNCED_MS = 60_000;
const CHECK_MS = 60_000;
/** What a key is sealed for. */
const CONTEXT = 'cookie-key';

export interface CookieKeyringOptions {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface OpenKey {
  readonly bytes: Uint8Array;
  readonly madeTimeMs: number;
}

export class CookieKeyring {
  readonly #options: CookieKeyringOptions;
  readonly #onChange: () => void;
  /** The latest first; empty until somebody asks. */
  #keys: readonly OpenKey[] = [];
  #record: CookieKeys | undefined;
  /** In the order of their use, as it was told last. */
  #told: readonly Uint8Array[] = [];
  readonly #keeper: Keeper;
  #checks: Timer | undefined;

  /** `onChange` hears when time alone has changed what {@link keys} gives. */
  constructor(options: CookieKeyringOptions, onChange: () => void) {
    const { store, log } = options;
    this.#options = options;
    this.#onChange = onChange;
    const failure = 'the keys of sticky cookies could not be stored';
    this.#keeper = new Keeper({ store, log, lacks: (view) => this.#lacking(view), failure });
  }

  start(): void {
    this.#checks = this.#options.clock.every(CHECK_MS, () => this.#check());
  }

  stop(): void {
    this.#keeper.stop();
    this.#checks?.cancel();
  }

  /**
   * The keys at present, the first one to make cookies with. Nobody waits for the store: a key that it does not have yet is
   * used already, and kept right after.
   */
  get keys(): readonly Uint8Array[] {
    if (this.#keys.length === 0) {
      this.#adopt(this.#options.store.view());
      if (this.#keys.length === 0) this.#keys = [this.#make()];
      // Not within the caller, which may be in the middle of following a commit.
      queueMicrotask(() => void this.#keeper.keep());
    }
    return (this.#told = this.#inOrder());
  }

  /** Follows the store. Whether {@link keys} gives others than before. */
  follow(view: View): boolean {
    if (this.#keys.length === 0) return false;
    this.#adopt(view);
    return this.#isNews;
  }

  get #isNews(): boolean {
    return !isDeepStrictEqual(this.#inOrder(), this.#told);
  }

  #check(): void {
    if (this.#keys.length === 0) return;
    if (!this.#isGood) void this.#keeper.keep();
    if (this.#isNews) this.#onChange();
  }

  /** A key that was just made does not make cookies while there is an older one. */
  #inOrder(): readonly Uint8Array[] {
    const nowMs = this.#options.clock.epochMs();
    const announced = this.#keys.findIndex(({ madeTimeMs }) => Math.abs(nowMs - madeTimeMs) >= ANNOUNCED_MS);
    const first = Math.max(0, announced);
    return [this.#keys[first]!, ...this.#keys.filter((_, index) => index !== first)].map(({ bytes }) => bytes);
  }

  #make(): OpenKey {
    const { random, clock } = this.#options;
    return { bytes: new Uint8Array(random.bytes(COOKIE_KEY_BYTES)), madeTimeMs: clock.epochMs() };
  }

  #adopt(view: View): void {
    const record = view.get('cookie-key', COOKIE_KEY_RECORD);
    if (record === undefined || record === this.#record) return;
    const keys = record.keys.flatMap((key) => this.#open(key) ?? []);
    if (keys.length === 0) return;
    this.#keys = keys;
    this.#record = record;
  }

  #open({ sealedKey, madeTimeMs }: CookieKey): OpenKey | undefined {
    try {
      const bytes = new Uint8Array(Buffer.from(this.#options.secrets.open(sealedKey, CONTEXT), 'base64'));
      return bytes.length === COOKIE_KEY_BYTES ? { bytes, madeTimeMs } : undefined;
    } catch (error) {
      const cause = messageOf(error);
      this.#options.log.warn({ cause }, 'a key of sticky cookies cannot be opened: its sessions are chosen anew');
      return undefined;
    }
  }

  /** Is the latest key in the store, not too old, and sealed as the operator wants it? */
  get #isGood(): boolean {
    const { clock, secrets } = this.#options;
    if (this.#record === undefined) return false;
    if (secrets.encrypts && this.#record.keys.some(({ sealedKey }) => isSealedPlain(sealedKey))) return false;
    return Math.abs(clock.epochMs() - this.#keys[0]!.madeTimeMs) < ROTATION_MS;
  }

  #lacking(view: View): Change | undefined {
    // Another weir on the same store was faster.
    this.#adopt(view);
    return this.#isGood ? undefined : cookieKeysChange(this.#makeRecord());
  }

  /** The keys there are, with a new one where the latest has had its time. */
  #makeRecord(): CookieKeys {
    const { secrets, clock } = this.#options;
    const isOld = Math.abs(clock.epochMs() - this.#keys[0]!.madeTimeMs) >= ROTATION_MS;
    const keys = isOld ? [this.#make(), ...this.#keys] : this.#keys;
    return {
      keys: keys.slice(0, MAX_KEYS).map(({ bytes, madeTimeMs }) => ({
        sealedKey: secrets.seal(Buffer.from(bytes).toString('base64'), CONTEXT),
        madeTimeMs,
      })),
    };
  }
}
