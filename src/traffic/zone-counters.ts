/**
 * What is counted by zone too, for CloudWatch: of a request the zone of the instance that answered it, else that of the node,
 * which is the zone that the client's connection was given. A block of cells for each zone and thread, one writer per block.
 */

/** *Ours*: zones of one load balancer that are told apart; those past it count in the last one. AWS's largest region has six. */
export const MAX_COUNTED_ZONES = 6;

/** Cells of a block. Up to `spillover` they have the numbers of {@link COUNTER} (traffic/counters.ts). */
export const ZONE_COUNTER = {
  /** Requests that are not Compliant. */
  nonCompliant: 10,
  /** Seconds from the dispatch of requests to the first byte of their responses; layer 4: until connections are up. */
  latencySum: 11,
  latencyBuckets: 12,
} as const;

/**
 * Buckets grow by a sixth of a doubling: a percentile is found within 6 %, as well as any that is not made of all samples.
 * Prometheus's own are too coarse for that (2.5 times), and others know them by name.
 */
const STEPS_PER_DOUBLING = 6;
/** Upper bound of the first bucket, in seconds. */
const FIRST_BOUND = 0.0001;
/** The last begins above 4,000 s, the longest idle timeout. */
export const ZONE_LATENCY_BUCKETS = 154;

export const ZONE_CELLS = ZONE_COUNTER.latencyBuckets + ZONE_LATENCY_BUCKETS;
/** Of all zones of one thread. */
export const ZONE_BLOCK_CELLS = MAX_COUNTED_ZONES * ZONE_CELLS;

/** Upper bound of a bucket, in seconds. */
export function latencyBound(bucket: number): number {
  return FIRST_BOUND * 2 ** (bucket / STEPS_PER_DOUBLING);
}

/** The upper bounds of all buckets. */
const BOUNDS = Float64Array.from({ length: ZONE_LATENCY_BUCKETS }, (_, bucket) => latencyBound(bucket));

/** A latency is looked up by its first {@link DIGITS} binary digits, which leave one bound at most in doubt. */
const DIGITS = 6;
const PER_DOUBLING = 2 ** (DIGITS - 1);
/** For what begins with so many digits and has none behind them: the bucket within its doubling. */
const BUCKET_IN_DOUBLING = Uint8Array.from({ length: PER_DOUBLING }, (_, digits) =>
  Math.ceil(STEPS_PER_DOUBLING * Math.log2(1 + digits / PER_DOUBLING)),
);

/** The bucket of a latency in seconds. */
export function latencyBucket(seconds: number): number {
  if (seconds <= FIRST_BOUND) return 0;
  if (seconds > BOUNDS[ZONE_LATENCY_BUCKETS - 1]!) return ZONE_LATENCY_BUCKETS - 1;
  // The first bound is written as a one with all the digits behind it.
  const scaled = (seconds * (PER_DOUBLING / FIRST_BOUND)) | 0;
  const doublings = 32 - DIGITS - Math.clz32(scaled);
  const bucket = STEPS_PER_DOUBLING * doublings + BUCKET_IN_DOUBLING[(scaled >>> doublings) & (PER_DOUBLING - 1)]!;
  return seconds > BOUNDS[bucket]! ? bucket + 1 : bucket;
}

/** Adds one observation, in seconds, to the zone whose block begins at `zoneCells`. */
export function observeZoneLatency(block: Float64Array, zoneCells: number, seconds: number): void {
  block[zoneCells + ZONE_COUNTER.latencySum]! += seconds;
  block[zoneCells + ZONE_COUNTER.latencyBuckets + latencyBucket(seconds)]!++;
}

/** `known` with the zones that are new among `zones`, each at a place that it keeps for as long as the counters live. */
export function countedZones(known: readonly string[], zones: readonly string[]): readonly string[] {
  const added = zones.filter((zone) => !known.includes(zone)).slice(0, Math.max(0, MAX_COUNTED_ZONES - known.length));
  return added.length === 0 ? known : [...known, ...added];
}

/** Where the cells of `zone` begin in a block. */
export function zoneCellsOf(counted: readonly string[], zone: string | undefined): number {
  const at = zone === undefined ? 0 : counted.indexOf(zone);
  return (at < 0 ? Math.max(0, counted.length - 1) : at) * ZONE_CELLS;
}
