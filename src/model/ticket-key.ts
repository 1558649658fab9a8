/** The key from which those of session tickets are made, for all listeners: one in the store, a new one every day. */
export interface TicketKey {
  /** Base64 of {@link TICKET_MASTER_BYTES}, as store/secrets.ts sealed it. */
  readonly sealedKey: string;
  /** Epoch milliseconds. */
  readonly madeTimeMs: number;
}

/** The key of the one record. */
export const TICKET_KEY_RECORD = 'current';
export const TICKET_MASTER_BYTES = 32;
