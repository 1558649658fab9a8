/**
 * How many files, sockets among them, this process may have open (getrlimit(2), RLIMIT_NOFILE), as Linux tells it: the
 * soft limit, which can be changed from outside while a process runs (proc_pid_limits(5)).
 */
import { readFileSync } from 'node:fs';

/** Undefined where the platform does not tell, or sets no limit. */
export function maxOpenFiles(): number | undefined {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return undefined;
  }
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
