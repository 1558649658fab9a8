/** The vocabulary of desync mitigation: four tiers, the reasons that put a request into one, and what each mode does. */
import type { DesyncMitigationMode } from '../model/load-balancer.ts';

export const TIERS = ['Compliant', 'Acceptable', 'Ambiguous', 'Severe'] as const;

/** Index into {@link TIERS}: the higher, the worse. */
export type Tier = 0 | 1 | 2 | 3;

/**
 * Every reason with its tier. The order is part of the interface: the index of a reason is its number in
 * {@link HeadAnalysis.reason} and the place of its counter, so new ones go to the end.
 */
export const REASONS = [
  ['Compliant', 0],
  ['NonCompliantHeader', 1],
  ['SpaceInUri', 1],
  ['NonCompliantVersion', 1],
  ['GetHeadZeroContentLength', 1],
  ['NonCrLfLineTermination', 1],
  ['EmptyHeader', 2],
  ['AmbiguousUri', 2],
  ['UndefinedContentLengthSemantics', 2],
  ['UndefinedTransferEncodingSemantics', 2],
  ['DuplicateContentLength', 2],
  ['BothTeClPresent', 2],
  ['SuspiciousHeader', 2],
  ['MultilineHeader', 2],
  ['PartialHeaderLine', 2],
  ['MissingLastEmptyLine', 2],
  ['MissingHeaderColon', 2],
  ['MissingUri', 2],
  ['BadHeader', 3],
  ['BadUri', 3],
  ['BadVersion', 3],
  ['BadMethod', 3],
  ['BadContentLength', 3],
  ['MultipleContentLength', 3],
  ['BadTransferEncoding', 3],
  ['MultipleTransferEncodingChunked', 3],
] as const satisfies readonly (readonly [name: string, tier: Tier])[];

export type ReasonName = (typeof REASONS)[number][0];

/** The number of each reason: its index in {@link REASONS}. */
export const REASON = Object.fromEntries(REASONS.map(([name], index) => [name, index])) as Readonly<
  Record<ReasonName, number>
>;

/** The tier of the reason with that number. */
export function tierOf(reason: number): Tier {
  return REASONS[reason]![1];
}

/** The verdict after one more finding: it changes only to a strictly higher tier, so the first reason of a tier stands. */
export function worse(verdict: number, finding: number): number {
  return tierOf(finding) > tierOf(verdict) ? finding : verdict;
}

/** `allow-then-close`: both the client's and the back end's connection end after this request. */
export type DesyncAction = 'allow' | 'allow-then-close' | 'refuse';

const ACTIONS: Readonly<
  Record<DesyncMitigationMode, readonly [DesyncAction, DesyncAction, DesyncAction, DesyncAction]>
> = {
  monitor: ['allow', 'allow', 'allow', 'allow'],
  defensive: ['allow', 'allow', 'allow-then-close', 'refuse'],
  strictest: ['allow', 'refuse', 'refuse', 'refuse'],
};

/**
 * What is done with a request of that tier. The strict framer has its own say below this: a head that is not
 * {@link HeadAnalysis.framable} is refused in every mode.
 */
export function action(tier: Tier, mode: DesyncMitigationMode): DesyncAction {
  return ACTIONS[mode][tier];
}
