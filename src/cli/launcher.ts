/**
 * Nobody is left behind. Who started us may end without telling us: our own launcher (bin/weir.js under a Node that is
 * too old) when it is killed, and npm always, since the shell between npm and us passes no signal on. Then we stop as
 * SIGTERM stops us.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../kit/clock.ts';
import type { Environment } from './configuration.ts';

const POLL_MS = 500;
/** sh, our launcher, npm: more do not stand between npm and us. */
const MAX_ANCESTORS = 4;

/** Watches over those who started this process, where they are the ones to end with. */
export function endWithParents(environment: Environment, clock: Clock): void {
  watchLauncher(environment);
  if (environment['npm_command'] !== undefined) watchNpm(clock);
}

/** The launcher keeps a channel open to us, and the end of the channel is its end. */
function watchLauncher(environment: Environment): void {
  // Anybody may fork us with a channel of their own; only our launcher says that it is one.
  if (environment['WEIR_LAUNCHER'] !== String(process.ppid) || process.channel === undefined) return;
  process.once('disconnect', stop);
  // Watching the channel is no reason to stay.
  process.channel.unref();
}

/** As long as everybody up to npm has the parent that they had at the start, nobody of them has ended. */
function watchNpm(clock: Clock): void {
  const before = ancestors();
  const poll = clock.every(POLL_MS, () => {
    if (ancestors().join() === before.join()) return;
    poll.cancel();
    stop();
  });
}

/** Our parent, its parent, and so on up to npm; where the system does not show others' parents, ours alone. */
function ancestors(): number[] {
  const chain = [process.ppid];
  while (chain.length < MAX_ANCESTORS) {
    const status = statusOf(chain.at(-1)!);
    if (status === undefined || !/^(?:sh|dash|bash|node)$/.test(status.name)) break;
    chain.push(status.parent);
  }
  return chain;
}

/** Name and parent of a process (proc_pid_stat(5)); the name may itself hold blanks and parentheses. */
function statusOf(processId: number): { readonly name: string; readonly parent: number } | undefined {
  try {
    const line = readFileSync(`/proc/${processId}/stat`, 'utf8');
    const end = line.lastIndexOf(')');
    return { name: line.slice(line.indexOf('(') + 1, end), parent: Number(line.slice(end + 2).split(' ')[1]) };
  } catch {
    return undefined;
  }
}

function stop(): void {
  process.kill(process.pid, 'SIGTERM');
}
