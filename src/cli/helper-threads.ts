/**
 * V8 collects garbage and compiles in threads of its own, beside the threads that have need of it. Where no CPU is idle, each
 * of them takes milliseconds at a time from a traffic thread, just when there is much to collect: when clients come by the
 * thousand. Nobody waits for what they do as somebody waits for an answer, so they are content with what is left.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

/** A third of the share of others, where there is not enough for all (sched(7), nice). */
const NICER_BY = 5;
const THREADS = '/proc/self/task';

/** Makes the helper threads of this process nicer than it is. Linux only: elsewhere a priority is the whole process's. */
export function makeHelpersNicer(): void {
  if (process.platform !== 'linux') return;
  const priority = Math.min(getPriority() + NICER_BY, constants.priority.PRIORITY_LOW);
  for (const thread of readdirSync(THREADS)) {
    try {
      const name = readFileSync(`${THREADS}/${thread}/comm`, 'latin1');
      // In Linux a nice value is a thread's (setpriority(2)).
      if (/V8Worker/.test(name)) setPriority(Number(thread), priority);
    } catch {
      // Ended meanwhile, or not ours to change: it stays as it is.
    }
  }
}
