import type { Timer } from './clock.ts';

/** Keeps the process alive until it is cancelled: the timers of a {@link Clock} do not, and there may be nothing else. */
export function holdProcess(): Timer {
  const timer = setInterval(() => undefined, 2 ** 30);
  return { cancel: () => clearInterval(timer) };
}
