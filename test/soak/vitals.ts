/** What a weir holds at a moment: memory, descriptors, connections; and how these change with time. */
import { medianOf } from '../../bench/summary.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { THREADS, type SoakLab } from './setup.ts';

const HOUR_MS = 3_600_000;
/** After a full collection, so that what is left is held by somebody. */
const HELD_HEAP = 'gc(); process.memoryUsage().heapUsed';
/** Of the thread that a soak does not kill. */
const STEADY_THREAD = 'weir-0';

/** What comes and goes with traffic. */
export interface Open {
  readonly descriptors: number;
  /** Of clients and to instances. */
  readonly connections: number;
}

export interface Vitals extends Open {
  readonly atMs: number;
  readonly residentBytes: number;
  readonly controlHeapBytes: number;
  readonly trafficHeapBytes: number;
}

export async function takeVitals(here: SoakLab): Promise<Vitals> {
  const { weir, inspector } = here;
  const controlHeapBytes = await inspector.numberOf(HELD_HEAP);
  const trafficHeapBytes = await inspector.numberOf(HELD_HEAP, STEADY_THREAD);
  const { residentBytes } = weir;
  return {
    atMs: systemClock.monotonicMs(),
    residentBytes,
    controlHeapBytes,
    trafficHeapBytes,
    ...(await takeOpen(here)),
  };
}

export async function takeOpen({ weir }: SoakLab): Promise<Open> {
  return { descriptors: weir.passingDescriptors, connections: await openConnections(weir.endpoint) };
}

/** A full collection in every thread. */
export async function collectAll({ inspector }: SoakLab): Promise<void> {
  await inspector.numberOf(HELD_HEAP);
  for (let thread = 0; thread < THREADS; thread++) await inspector.numberOf(HELD_HEAP, `weir-${thread}`);
}

async function openConnections(endpoint: string): Promise<number> {
  const text = await (await fetch(`${endpoint}/metrics`)).text();
  const open = text.matchAll(/^weir_(?:client|backend)_connections\{[^}]*\} (\d+)$/gm);
  return [...open].reduce((sum, [, count]) => sum + Number(count), 0);
}

/**
 * How much `value` grows in an hour: the median of the slopes between any two samples (Theil and Sen), since what a thread
 * holds that starts or dies makes a few of them stand out.
 */
export function perHour(samples: readonly Vitals[], value: (vitals: Vitals) => number): number {
  const slopes = samples.flatMap((one, at) =>
    samples.slice(at + 1).map((other) => (value(other) - value(one)) / (other.atMs - one.atMs)),
  );
  return slopes.length === 0 ? 0 : medianOf(slopes) * HOUR_MS;
}
