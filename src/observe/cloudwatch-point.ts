/**
 * What happened in one minute, of one load balancer in one zone (or of the load balancer as a whole, where a metric has no
 * zones), and its form in the store: a version, then entries of a tag and numbers of as many bytes as they need.
 */

/** Samples of a number; those of a gauge, which goes up and down, are whole. */
export interface Gauge {
  /** SampleCount. */
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

export interface Latency {
  /** Seconds. */
  readonly sum: number;
  /** Observations by bucket (traffic/zone-counters.ts), those that have any. */
  readonly buckets: ReadonlyMap<number, number>;
}

export interface Point {
  /** By place in COUNTS (cloudwatch-metrics.ts); none is 0. */
  readonly counts: ReadonlyMap<number, number>;
  /** By place in GAUGES. */
  readonly gauges: ReadonlyMap<number, Gauge>;
  readonly latency?: Latency;
}

const VERSION = 1;
const TAG = { count: 0, gauge: 64, latency: 128 } as const;

export function isEmptyPoint({ counts, gauges, latency }: Point): boolean {
  return counts.size === 0 && gauges.size === 0 && latency === undefined;
}

export function oneSample(value: number): Gauge {
  return { count: 1, sum: value, min: value, max: value };
}

export function mergeGauges(a: Gauge | undefined, b: Gauge): Gauge {
  if (a === undefined) return b;
  const { count, sum, min, max } = a;
  return { count: count + b.count, sum: sum + b.sum, min: Math.min(min, b.min), max: Math.max(max, b.max) };
}

function mergeLatencies(a: Latency | undefined, b: Latency | undefined): Latency | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const buckets = new Map(a.buckets);
  for (const [bucket, count] of b.buckets) buckets.set(bucket, (buckets.get(bucket) ?? 0) + count);
  return { sum: a.sum + b.sum, buckets };
}

export function mergePoints(a: Point, b: Point): Point {
  const counts = new Map(a.counts);
  for (const [place, count] of b.counts) counts.set(place, (counts.get(place) ?? 0) + count);
  const gauges = new Map(a.gauges);
  for (const [place, gauge] of b.gauges) gauges.set(place, mergeGauges(gauges.get(place), gauge));
  const latency = mergeLatencies(a.latency, b.latency);
  return { counts, gauges, ...(latency === undefined ? {} : { latency }) };
}

export function encodePoint({ counts, gauges, latency }: Point): Uint8Array {
  const bytes: number[] = [VERSION];
  for (const [place, count] of counts) {
    bytes.push(TAG.count + place);
    putNumber(bytes, count);
  }
  for (const [place, { count, sum, min, max }] of gauges) {
    bytes.push(TAG.gauge + place);
    for (const number of [count, sum, min, max]) putNumber(bytes, number);
  }
  if (latency !== undefined) {
    bytes.push(TAG.latency, ...new Uint8Array(new Float64Array([latency.sum]).buffer));
    putNumber(bytes, latency.buckets.size);
    for (const [bucket, count] of latency.buckets) {
      putNumber(bytes, bucket);
      putNumber(bytes, count);
    }
  }
  return Uint8Array.from(bytes);
}

/** Undefined for bytes that are no point: those of another version, or of a file that is damaged. */
export function decodePoint(bytes: Uint8Array): Point | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof Damage) return undefined;
    throw error;
  }
}

class Damage extends Error {}

function decode(bytes: Uint8Array): Point {
  if (bytes[0] !== VERSION) throw new Damage('another version');
  const reader = new Reader(bytes);
  const counts = new Map<number, number>();
  const gauges = new Map<number, Gauge>();
  let latency: Latency | undefined;
  while (reader.more) {
    const tag = reader.byte();
    if (tag < TAG.gauge) counts.set(tag - TAG.count, reader.number());
    else if (tag < TAG.latency) {
      const [count, sum, min, max] = [reader.number(), reader.number(), reader.number(), reader.number()];
      gauges.set(tag - TAG.gauge, { count, sum, min, max });
    } else latency = reader.latency();
  }
  return { counts, gauges, ...(latency === undefined ? {} : { latency }) };
}

/** Seven bits a byte, the lowest first; whole numbers up to 2^53. */
function putNumber(bytes: number[], number: number): void {
  let rest = number;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  byte(): number {
    if (!this.more) throw new Damage('it ends too early');
    return this.#bytes[this.#at++]!;
  }

  number(): number {
    let [number, scale] = [0, 1];
    for (;;) {
      const byte = this.byte();
      number += (byte & 127) * scale;
      if (byte < 128) return number;
      scale *= 128;
    }
  }

  latency(): Latency {
    const sum = new Float64Array(Uint8Array.from({ length: 8 }, () => this.byte()).buffer)[0]!;
    const buckets = new Map<number, number>();
    for (let left = this.number(); left > 0; left--) buckets.set(this.number(), this.number());
    return { sum, buckets };
  }
}
