/** From samples to rows: medians over the rounds, and ratios to the baseline of the same rounds. */
import type { ContenderResult } from './rounds.ts';
import { isValid, type Sample } from './sample.ts';
import type { Figure, Scenario } from './scenarios.ts';

export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface Row {
  readonly label: string;
  /** Medians, in the order of {@link columnsOf}. */
  readonly figures: readonly number[];
  /** Undefined without a baseline, or where a sample of either is invalid. */
  readonly ratio: Ratio | undefined;
  /** What went wrong, summed over the rounds. Anything here: the row is invalid. */
  readonly errors: Readonly<Record<string, number>>;
}

const BASELINE = 'haproxy';

/** The figures of a row: the one that counts first. */
export function columnsOf(scenario: Scenario): readonly Figure[] {
  return [scenario.primary, ...scenario.figures];
}

/** What the column of ratios is called. */
export function ratioTitle(scenario: Scenario): string {
  return { haproxy: `× ${BASELINE}`, 'one-thread': 'speed-up by CPU', 'log-off': 'more than without' }[
    scenario.against
  ];
}

/** One row for every contender, in their order. */
export function summarise(scenario: Scenario, results: readonly ContenderResult[]): Row[] {
  return results.map((result) => {
    const counted = result.samples.filter((sample) => sample.requests > 0);
    return {
      label: result.contender.label,
      figures: columnsOf(scenario).map((figure) => medianOf(counted.map((sample) => figure.of(sample)))),
      ratio: ratioOf(scenario, result, baselineOf(scenario, result, results)),
      errors: sumErrors(result.samples),
    };
  });
}

/** The row is compared with HAProxy, or with the same peer's smallest size, or with the same peer without its log. */
function baselineOf(
  scenario: Scenario,
  result: ContenderResult,
  results: readonly ContenderResult[],
): ContenderResult | undefined {
  const { peer, accessLog } = result.contender;
  return results.find(({ contender: other }) => {
    if (scenario.against === 'haproxy') return other.label === BASELINE;
    if (other.peer !== peer) return false;
    return scenario.against === 'log-off' ? accessLog === true && other.accessLog === false : other.threads === 1;
  });
}

/**
 * The median of the ratios round by round: a round's two measurements are neighbours in time, so noise that comes and
 * goes cancels out. Where threads are compared, the figure is requests per CPU second, and n threads have n CPU seconds
 * per second to spend: the ratio times n is how many times one thread's traffic they carry, given a CPU each. What a log
 * costs is a difference.
 */
function ratioOf(
  scenario: Scenario,
  result: ContenderResult,
  baseline: ContenderResult | undefined,
): Ratio | undefined {
  if (baseline === undefined) return undefined;
  if (![...result.samples, ...baseline.samples].every(isValid)) return undefined;
  const factor = scenario.against === 'one-thread' ? result.contender.threads : 1;
  const ratios = result.samples.flatMap((sample, round) => {
    const base = baseline.samples[round];
    if (base === undefined) return [];
    const [figure, without] = [scenario.primary.of(sample), scenario.primary.of(base)];
    return scenario.against === 'log-off' ? [figure - without] : [(figure / without) * factor];
  });
  return { median: medianOf(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

/** How many CPUs other programs kept busy, as the median of all samples. */
export function othersCpusOf(results: readonly ContenderResult[]): number {
  return medianOf(results.flatMap(({ samples }) => samples.map((sample) => sample.othersCpus ?? 0)));
}

function sumErrors(samples: readonly Sample[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const sample of samples) {
    for (const [kind, count] of Object.entries(sample.errors)) sums[kind] = (sums[kind] ?? 0) + count;
  }
  return sums;
}

/** The middle value, or the mean of the two middle ones; NaN of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
