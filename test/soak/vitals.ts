/** What a weir holds at a moment: memory, descriptors, connections; and how these change with time. */
import { systemClock } from '../../src/kit/clock.ts';
import type { SoakLab } from './setup.ts';

const HOUR_MS = 3_600_000;
/** After a full collection, so that what is left is held by somebody. */
const HELD_HEAP = 'gc(); process.memoryUsage().heapUsed';
/** Of the thread that a soak does not kill. */
export const STEADY_THREAD = 'weir-0';

export interface Vitals {
  readonly atMs: number;
  readonly residentBytes: number;
  readonly controlHeapBytes: number;
  readonly trafficHeapBytes: number;
  readonly descriptors: number;
  /** Of clients and to instances. */
  readonly connections: number;
}

export async function takeVitals({ weir, inspector }: SoakLab): Promise<Vitals> {
  const controlHeapBytes = await inspector.numberOf(HELD_HEAP);
  const trafficHeapBytes = await inspector.numberOf(HELD_HEAP, STEADY_THREAD);
  return {
    atMs: systemClock.monotonicMs(),
    residentBytes: weir.residentBytes,
    controlHeapBytes,
    trafficHeapBytes,
    descriptors: weir.passingDescriptors,
    connections: await openConnections(weir.endpoint),
  };
}

async function openConnections(endpoint: string): Promise<number> {
  const text = await (await fetch(`${endpoint}/metrics`)).text();
  const open = text.matchAll(/^weir_(?:client|backend)_connections\{[^}]*\} (\d+)$/gm);
  return [...open].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** How much `value` grows in an hour: least squares over all `samples`. */
export function perHour(samples: readonly Vitals[], value: (vitals: Vitals) => number): number {
  const meanAt = mean(samples.map(({ atMs }) => atMs));
  const meanValue = mean(samples.map(value));
  let [covariance, variance] = [0, 0];
  for (const sample of samples) {
    covariance += (sample.atMs - meanAt) * (value(sample) - meanValue);
    variance += (sample.atMs - meanAt) ** 2;
  }
  return variance === 0 ? 0 : (covariance / variance) * HOUR_MS;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
