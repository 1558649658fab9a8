/** Watches how much memory a process uses while something goes on. */
import { systemClock } from '../../src/kit/clock.ts';

const SAMPLE_MS = 250;

/** Runs `during` and resolves with what it gave, and with the most resident memory that was seen meanwhile. */
export async function peakWhile<T>(
  process: { readonly residentBytes: number },
  during: () => Promise<T>,
): Promise<{ readonly result: T; readonly peakBytes: number }> {
  let peakBytes = process.residentBytes;
  const sample = (): void => {
    peakBytes = Math.max(peakBytes, process.residentBytes);
  };
  const timer = systemClock.every(SAMPLE_MS, sample);
  try {
    const result = await during();
    sample();
    return { result, peakBytes };
  } finally {
    timer.cancel();
  }
}
