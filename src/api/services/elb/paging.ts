/** `PageSize` and `Marker`, the same for every list. */
import { MAX_PAGE_SIZE } from '../../../model/limits.ts';
import { rangeViolation, shown, validationFault } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';

export interface PageInput {
  readonly PageSize?: number;
  readonly Marker?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; absent on the last. */
  readonly nextMarker?: string;
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

/** The page of `items` (in ascending order of `keyOf`) that `input` asks for. */
export function paginate<T>(items: readonly T[], keyOf: (item: T) => string, input: PageInput): Page<T> | ElbFault {
  const violation = rangeViolation(input.PageSize, 'pageSize', { min: 1, max: MAX_PAGE_SIZE });
  if (violation !== undefined) return validationFault([violation]);
  const size = input.PageSize ?? MAX_PAGE_SIZE;
  let rest = items;
  if (input.Marker !== undefined && input.Marker !== '') {
    const after = fromMarker(input.Marker);
    if (after === undefined) {
      return elbFault(
        'ValidationError',
        `Invalid Marker '${shown(input.Marker)}': give the NextMarker of the page before.`,
      );
    }
    rest = items.filter((item) => keyOf(item) > after);
  }
  const page = rest.slice(0, size);
  const last = page.at(-1);
  return rest.length <= size || last === undefined
    ? { items: page }
    : { items: page, nextMarker: toMarker(keyOf(last)) };
}
