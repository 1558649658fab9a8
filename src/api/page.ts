/** Lists in pages, the same for every service. */

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; absent on the last. */
  readonly nextMarker?: string;
}

export interface PageRequest<T> {
  /** At most so many items. */
  readonly size: number;
  /** Of the page before; the first page without. */
  readonly marker: string | undefined;
  readonly keyOf: (item: T) => string;
  /** The items stand in descending order of their keys, instead of the ascending one. */
  readonly isDescending?: boolean;
}

const PREFIX = 'after:';

/** A marker names the last item of its page, so that it holds while items come and go. */
function toMarker(key: string): string {
  return Buffer.from(PREFIX + key).toString('base64url');
}

function fromMarker(marker: string): string | undefined {
  const text = Buffer.from(marker, 'base64url').toString();
  return text.startsWith(PREFIX) && toMarker(text.slice(PREFIX.length)) === marker
    ? text.slice(PREFIX.length)
    : undefined;
}

/** The page of the sorted `items` that is asked for; undefined when the marker is none. */
export function pageOf<T>(items: readonly T[], request: PageRequest<T>): Page<T> | undefined {
  const { size, marker, keyOf, isDescending = false } = request;
  let rest = items;
  if (marker !== undefined && marker !== '') {
    const after = fromMarker(marker);
    if (after === undefined) return undefined;
    rest = items.filter((item) => (isDescending ? keyOf(item) < after : keyOf(item) > after));
  }
  const page = rest.slice(0, size);
  const last = page.at(-1);
  return rest.length <= size || last === undefined
    ? { items: page }
    : { items: page, nextMarker: toMarker(keyOf(last)) };
}
