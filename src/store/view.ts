/** The immutable state behind every store: one copy-on-write map per kind of record. */
import type { Change, RecordKind, RecordTypes, View } from './store.ts';

type AnyRecord = RecordTypes[RecordKind];

/** The records of one kind. Shared between views until a commit touches the kind. */
class Table {
  readonly #records: ReadonlyMap<string, AnyRecord>;
  #sortedKeys: readonly string[] | undefined;

  constructor(records: ReadonlyMap<string, AnyRecord>, sortedKeys?: readonly string[]) {
    this.#records = records;
    this.#sortedKeys = sortedKeys;
  }

  get(key: string): AnyRecord | undefined {
    return this.#records.get(key);
  }

  list(prefix: string): AnyRecord[] {
    const keys = (this.#sortedKeys ??= [...this.#records.keys()].sort());
    const found: AnyRecord[] = [];
    for (let index = lowerBound(keys, prefix); index < keys.length; index++) {
      const key = keys[index]!;
      if (!key.startsWith(prefix)) break;
      found.push(this.#records.get(key)!);
    }
    return found;
  }

  /** This table with `changes` made. The sorted keys are kept when no key comes or goes. */
  with(changes: readonly Change[]): Table {
    const records = new Map(this.#records);
    let sameKeys = true;
    for (const { key, record } of changes) {
      if (record === undefined) sameKeys = !records.delete(key) && sameKeys;
      else {
        sameKeys = records.has(key) && sameKeys;
        records.set(key, record);
      }
    }
    return new Table(records, sameKeys ? this.#sortedKeys : undefined);
  }
}

/** A {@link View} that commits derive the next one from. Its records must be frozen. */
export class StateView implements View {
  static readonly empty = new StateView(0, new Map());

  readonly revision: number;
  readonly #tables: ReadonlyMap<RecordKind, Table>;

  private constructor(revision: number, tables: ReadonlyMap<RecordKind, Table>) {
    this.revision = revision;
    this.#tables = tables;
  }

  get<K extends RecordKind>(kind: K, key: string): RecordTypes[K] | undefined {
    // A table holds the records of its kind only.
    return this.#tables.get(kind)?.get(key) as RecordTypes[K] | undefined;
  }

  list<K extends RecordKind>(kind: K, prefix = ''): readonly RecordTypes[K][] {
    return (this.#tables.get(kind)?.list(prefix) ?? []) as RecordTypes[K][];
  }

  /** The view after `changes`, made in their order. */
  next(revision: number, changes: readonly Change[]): StateView {
    const tables = new Map(this.#tables);
    for (const kind of new Set(changes.map((change) => change.kind))) {
      const table = tables.get(kind) ?? new Table(new Map());
      tables.set(kind, table.with(changes.filter((change) => change.kind === kind)));
    }
    return new StateView(revision, tables);
  }
}

/** The first index in the ascending `keys` whose key is not below `wanted`. */
function lowerBound(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
