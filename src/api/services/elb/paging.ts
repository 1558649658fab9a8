/** `PageSize` and `Marker`, the same for every list. */
import { MAX_PAGE_SIZE } from '../../../model/limits.ts';
import { rangeViolations, shown, violationsFault } from '../../fault.ts';
import { pageOf } from '../../page.ts';
import type { Page } from '../../page.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';

export interface PageInput {
  readonly PageSize?: number;
  readonly Marker?: string;
}

/** The page of `items` (in ascending order of `keyOf`) that `input` asks for. */
export function paginate<T>(items: readonly T[], keyOf: (item: T) => string, input: PageInput): Page<T> | ElbFault {
  const fault = violationsFault(rangeViolations(input.PageSize, 'pageSize', { min: 1, max: MAX_PAGE_SIZE }));
  if (fault !== undefined) return fault;
  const page = pageOf(items, { size: input.PageSize ?? MAX_PAGE_SIZE, marker: input.Marker, keyOf });
  if (page !== undefined) return page;
  const message = `Invalid Marker '${shown(input.Marker ?? '')}': give the NextMarker of the page before.`;
  return elbFault('ValidationError', message);
}
