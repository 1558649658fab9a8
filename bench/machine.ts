/** The machine: which CPUs there are, who gets which, and how it is described in the record. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** Who runs where; undefined: anywhere. */
export interface CpuPlan {
  readonly peer: readonly number[] | undefined;
  /** The load client and the back end. */
  readonly rest: readonly number[] | undefined;
}

/** Reads a list of CPUs as Linux writes it: `0-2,5`. */
export function parseCpuList(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first, last] = part.split('-').map(Number);
    if (first === undefined || !Number.isInteger(first)) throw new Error(`not a list of CPUs: "${text}"`);
    return Array.from({ length: (last ?? first) - first + 1 }, (_, i) => first + i);
  });
}

/** The CPUs that this process may use. */
export function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  if (list === undefined) throw new Error('/proc/self/status has no line Cpus_allowed_list');
  return parseCpuList(list);
}

/**
 * The first `threads` CPUs are the peer's alone, the rest are the client's and the back end's: nobody is moved between
 * cores, and the peer's caches are its own. Where that leaves no CPU for the rest, nobody is pinned.
 */
export function planCpus(available: readonly number[], threads: number, pin: boolean): CpuPlan {
  if (!pin || threads >= available.length) return { peer: undefined, rest: undefined };
  return { peer: available.slice(0, threads), rest: available.slice(threads) };
}

/** One phrase on {@link planCpus} for the record. */
export function describePlan({ peer, rest }: CpuPlan): string {
  if (peer === undefined || rest === undefined) return 'not pinned: peer, client and back end share all CPUs';
  return `peer on CPU ${peer.join(',')}, client and back end on CPU ${rest.join(',')}`;
}

/** Such as `2 × AMD EPYC, 24 GB, Linux 6.1.0, load 0.1`. */
export function describeMachine(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${all.length} × ${all[0]?.model.trim() ?? 'unknown CPU'}, ${memory} GB, Linux ${release()}, load ${loadavg()[0]?.toFixed(1)}`;
}
