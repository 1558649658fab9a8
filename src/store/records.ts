/**
 * Records on disk: versioned JSON. A record is read in the version that it was written in and brought up to date
 * step by step; its row is written anew when the record next changes, so that going back to the weir before an
 * upgrade works until then.
 */
import { crc32 } from 'node:zlib';
import { messageOf } from '../kit/assert.ts';
import type { Change, RecordKind, RecordTypes } from './store.ts';

/** Why a store cannot be opened. The message tells the operator what to do. */
export class StoreError extends Error {
  override name = 'StoreError';
}

/** Brings the parsed JSON of a record from one version to the next. */
export type Migration = (record: unknown) => unknown;

/**
 * By kind: element 0 brings a record from version 1 to 2, element 1 from 2 to 3, and so on. The version that is
 * written is one more than there are elements. Changing a record type in a way that old records do not fit means
 * adding an element here.
 */
const MIGRATIONS: Readonly<Record<RecordKind, readonly Migration[]>> = {
  certificate: [],
  'cookie-key': [],
  'load-balancer': [],
  'ticket-key': [],
};

/** A row of the records table. `checksum` covers the other columns: SQLite's pages carry none. */
export interface Row {
  readonly kind: string;
  readonly key: string;
  readonly version: number;
  readonly body: string;
  readonly checksum: number;
}

export function encodeRecord(kind: RecordKind, key: string, record: RecordTypes[RecordKind]): Row {
  return makeRow(kind, key, MIGRATIONS[kind].length + 1, JSON.stringify(record));
}

export function makeRow(kind: string, key: string, version: number, body: string): Row {
  return { kind, key, version, body, checksum: checksumOf(kind, key, version, body) };
}

/**
 * The frozen record of a row, brought up to date, as the change that would make it.
 * @throws {StoreError} when the row is damaged, or written by a newer weir.
 */
export function decodeRecord(
  row: Row,
  migrations: Readonly<Record<string, readonly Migration[]>> = MIGRATIONS,
): Change & { readonly record: object } {
  const steps = Object.hasOwn(migrations, row.kind) ? migrations[row.kind] : undefined;
  if (row.checksum !== checksumOf(row.kind, row.key, row.version, row.body)) {
    throw new StoreError(`the record ${row.kind} ${row.key} does not match its checksum`);
  }
  if (steps === undefined || row.version > steps.length + 1) throw newerRecord(row, steps);
  let record: unknown;
  try {
    record = JSON.parse(row.body);
  } catch (error) {
    throw new StoreError(`the record ${row.kind} ${row.key} is not JSON: ${messageOf(error)}`);
  }
  for (const step of steps.slice(row.version - 1)) record = step(record);
  // The checksum says that the row is what weir wrote; the migrations end in the type of today.
  return { kind: row.kind, key: row.key, record: deepFreeze(record) } as Change & { readonly record: object };
}

function newerRecord(row: Row, steps: readonly Migration[] | undefined): StoreError {
  const known = steps === undefined ? 'no record of that kind' : `versions up to ${steps.length + 1}`;
  return new NewerError(`the record ${row.kind} ${row.key} has version ${row.version}, and this weir knows ${known}`);
}

/** The state is whole, but written by a weir that this one does not understand. */
export class NewerError extends StoreError {
  override name = 'NewerError';
}

/**
 * `changes` as a store keeps them: the records copied through JSON, so that every store gives back what a durable one
 * would, and frozen, so that nobody changes what others read.
 */
export function canonicalChanges(changes: readonly Change[]): readonly Change[] {
  return changes.map((change) =>
    change.record === undefined ? change : { ...change, record: deepFreeze(JSON.parse(JSON.stringify(change.record))) },
  );
}

function checksumOf(kind: string, key: string, version: number, body: string): number {
  return crc32(JSON.stringify([kind, key, version]) + body);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
