/** What a whole process costs, read from /proc: CPU time and memory of it, its threads and its children. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** User and system time of all its threads and of the children it has waited for, in clock ticks. */
  readonly ticks: number;
  readonly residentPages: number;
}

export interface Usage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** Reads one line of `/proc/<pid>/stat` (proc(5)). The name, in parentheses, may itself hold spaces and parentheses. */
export function parseStat(line: string): ProcessStat {
  const nameEnd = line.lastIndexOf(')');
  const fields = line.slice(nameEnd + 2).split(' ');
  // `fields[0]` is field 3 of the manual page.
  const field = (number: number): number => {
    const value = Number(fields[number - 3]);
    if (!Number.isFinite(value)) throw new Error(`/proc/<pid>/stat: field ${number} is not a number in: ${line}`);
    return value;
  };
  return {
    pid: Number(line.slice(0, line.indexOf(' '))),
    parent: field(4),
    ticks: field(14) + field(15) + field(16) + field(17),
    residentPages: field(24),
  };
}

/** `root` and all its descendants among `all`. */
export function treeOf(root: number, all: readonly ProcessStat[]): ProcessStat[] {
  const members = all.filter((stat) => stat.pid === root);
  for (const member of members) {
    members.push(...all.filter((stat) => stat.parent === member.pid));
  }
  return members;
}

/** What `pid` and its descendants have used so far. Fails when it is gone: its figures would be worth nothing. */
export function usageOf(pid: number): Usage {
  const tree = treeOf(pid, allStats());
  if (tree.length === 0) throw new Error(`process ${pid} is gone: it ended while it was being measured`);
  let ticks = 0;
  let residentPages = 0;
  for (const stat of tree) {
    ticks += stat.ticks;
    residentPages += stat.residentPages;
  }
  return {
    cpuSeconds: ticks / systemConstant('CLK_TCK'),
    residentBytes: residentPages * systemConstant('PAGESIZE'),
  };
}

/** As the CPU time of {@link usageOf}, but to the nanosecond, and without what has ended: for differences over moments. */
export function cpuNanosecondsOf(pid: number): number {
  let nanoseconds = 0;
  for (const member of treeOf(pid, allStats())) {
    const tasks = `/proc/${member.pid}/task`;
    for (const task of readdirSync(tasks))
      nanoseconds += Number(read(`${tasks}/${task}/schedstat`)?.split(' ', 1)[0] ?? 0);
  }
  return nanoseconds;
}

/**
 * Reads the line `cpu` of `/proc/stat` (proc(5)): clock ticks that all CPUs together were not idle, time stolen by the
 * host of a virtual machine included.
 */
export function parseBusyTicks(text: string): number {
  const fields = /^cpu +([\d ]+)$/m.exec(text)?.[1]?.split(' ').map(Number);
  if (fields === undefined || fields.length < 8)
    throw new Error(`/proc/stat has no line "cpu" with 8 numbers: ${text.slice(0, 100)}`);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return user + nice + system + irq + softirq + steal;
}

/**
 * CPU seconds that everything but this program and what it started has used so far. Only differences mean something. (On
 * kernels that account interrupts apart from processes, these are in it too.)
 */
export function othersCpuSeconds(): number {
  const busy = parseBusyTicks(readFileSync('/proc/stat', 'latin1')) / systemConstant('CLK_TCK');
  return busy - usageOf(process.pid).cpuSeconds;
}

function allStats(): ProcessStat[] {
  const stats: ProcessStat[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = read(`/proc/${name}/stat`);
    if (line !== undefined) stats.push(parseStat(line));
  }
  return stats;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // Ended between the listing and the reading.
  }
}

const constants = new Map<string, number>();

function systemConstant(name: 'CLK_TCK' | 'PAGESIZE'): number {
  let value = constants.get(name);
  if (value === undefined) {
    value = Number(execFileSync('getconf', [name], { encoding: 'utf8' }));
    constants.set(name, value);
  }
  return value;
}
