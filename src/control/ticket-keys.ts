/**
 * The master key of session tickets. The store owns it, so that it is the same on every thread, after a restart, and for
 * every weir on that store; it is made when the first listener needs it, and anew every day.
 */
import { messageOf } from '../kit/assert.ts';
import type { Clock, Timer } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import type { Random } from '../kit/random.ts';
import { TICKET_KEY_RECORD, TICKET_MASTER_BYTES, type TicketKey } from '../model/ticket-key.ts';
import { isSealedPlain, type Secrets } from '../store/secrets.ts';
import { ticketKeyChange, type Change, type Store, type View } from '../store/store.ts';
import { Keeper } from './keeper.ts';

const ROTATION_MS = 24 * 3_600_000;
const CHECK_MS = 3_600_000;
/** What the key is sealed for. */
const CONTEXT = 'ticket-key';

export interface TicketKeysOptions {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class TicketKeys {
  readonly #options: TicketKeysOptions;
  #master: Buffer | undefined;
  /** The record that the master is of. Undefined: it is not in the store yet. */
  #record: TicketKey | undefined;
  /** One that cannot be opened, and is to be replaced. */
  #unusable: TicketKey | undefined;
  readonly #keeper: Keeper;
  #checks: Timer | undefined;

  constructor(options: TicketKeysOptions) {
    const { store, log } = options;
    this.#options = options;
    const failure = 'the key of session tickets could not be stored';
    this.#keeper = new Keeper({ store, log, lacks: (view) => this.#lacking(view), failure });
  }

  start(): void {
    this.#checks = this.#options.clock.every(CHECK_MS, () => {
      if (this.#master !== undefined && !this.#isFresh(this.#record)) void this.#keeper.keep();
    });
  }

  stop(): void {
    this.#keeper.stop();
    this.#checks?.cancel();
  }

  /** The key at present. Nobody waits for the store: what it does not have yet is used already, and kept right after. */
  get master(): Buffer {
    if (this.#master !== undefined) return this.#master;
    const { store, random } = this.#options;
    this.#adopt(store.view());
    this.#master ??= random.bytes(TICKET_MASTER_BYTES);
    // Not within the caller, which may be in the middle of following a commit.
    if (!this.#isFresh(this.#record)) queueMicrotask(() => void this.#keeper.keep());
    return this.#master;
  }

  /** Follows the store. Whether {@link master} is another one than before. */
  follow(view: View): boolean {
    const before = this.#master;
    if (before === undefined) return false;
    this.#adopt(view);
    return this.#master !== before;
  }

  #adopt(view: View): void {
    const record = view.get('ticket-key', TICKET_KEY_RECORD);
    if (record === undefined || record === this.#record || record === this.#unusable) return;
    try {
      const master = Buffer.from(this.#options.secrets.open(record.sealedKey, CONTEXT), 'base64');
      if (this.#master?.equals(master) !== true) this.#master = master;
      this.#record = record;
    } catch (error) {
      this.#unusable = record;
      const cause = messageOf(error);
      this.#options.log.warn({ cause }, 'the key of session tickets cannot be opened: a new one takes its place');
    }
  }

  /** A key for the store: the one in use if it is not there yet, else a new one. */
  #lacking(view: View): Change | undefined {
    const stored = view.get('ticket-key', TICKET_KEY_RECORD);
    // Another weir on the same store was faster; its key is taken when we are told of it.
    if (stored !== this.#unusable && this.#isFresh(stored)) return undefined;
    return ticketKeyChange(this.#makeRecord());
  }

  #makeRecord(): TicketKey {
    const { secrets, random, clock } = this.#options;
    const inUse = this.#record === undefined ? this.#master : undefined;
    const master = inUse ?? random.bytes(TICKET_MASTER_BYTES);
    return { sealedKey: secrets.seal(master.toString('base64'), CONTEXT), madeTimeMs: clock.epochMs() };
  }

  /** Made within a day, before or after what the clock says now, and sealed as the operator wants it. */
  #isFresh(record: TicketKey | undefined): boolean {
    if (record === undefined) return false;
    const { clock, secrets } = this.#options;
    if (secrets.encrypts && isSealedPlain(record.sealedKey)) return false;
    return Math.abs(clock.epochMs() - record.madeTimeMs) < ROTATION_MS;
  }
}
