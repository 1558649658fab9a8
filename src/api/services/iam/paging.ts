/** `MaxItems` and `Marker` of IAM's lists; their bounds stand in rules.ts. */
import { shown } from '../../fault.ts';
import { pageOf } from '../../page.ts';
import { iamFault } from './model.ts';
import type { IamFault } from './model.ts';
import type { PageInput } from './rules.ts';

const DEFAULT_MAX_ITEMS = 100;

export interface ListedPage<T> {
  readonly items: readonly T[];
  /** What every list tells of its pages. */
  readonly rest: { readonly IsTruncated: boolean; readonly Marker?: string };
}

/** The page of `items`, in ascending order of `keyOf`. */
export function paginate<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  { MaxItems: size = DEFAULT_MAX_ITEMS, Marker: marker }: PageInput,
): ListedPage<T> | IamFault {
  const page = pageOf(items, { size, marker, keyOf });
  if (page === undefined) {
    return iamFault('ValidationError', `Invalid Marker '${shown(marker ?? '')}': give the Marker of the page before.`);
  }
  const { nextMarker } = page;
  const rest = nextMarker === undefined ? { IsTruncated: false } : { IsTruncated: true, Marker: nextMarker };
  return { items: page.items, rest };
}
