/** Waits for the kernel to have had enough: what a test has to know before it says that nothing moves any more. */
import { sleep, systemClock } from '../../src/kit/clock.ts';

/** Longer than TCP itself may rest while both sides are willing (delayed acknowledgements, probes of a closed window). */
const STILL_MS = 300;
const LOOK_EVERY_MS = 10;

/** Resolves with `value` when it has stayed the same for a while. */
export async function standstill(value: () => number): Promise<number> {
  let last = value();
  let sinceMs = systemClock.monotonicMs();
  while (systemClock.monotonicMs() - sinceMs < STILL_MS) {
    await sleep(systemClock, LOOK_EVERY_MS);
    if (value() === last) continue;
    last = value();
    sinceMs = systemClock.monotonicMs();
  }
  return last;
}
