/** Who has which CPU, and who has it first: what others take of it would look like what is done to a weir. */
import { execFileSync } from 'node:child_process';
import { allowedCpus, describePlan, planCpus, type CpuPlan } from '../../bench/machine.ts';
import type { Lab } from './lab.ts';

/**
 * Leaves all CPUs but the last one to whoever is started on `peer`; this process, and what it starts from now on, has that
 * one, until the lab is closed. With a single CPU everybody shares it.
 */
export function setApart(lab: Lab): CpuPlan {
  const available = allowedCpus();
  const plan = planCpus(available, Math.max(1, available.length - 1), true);
  lab.figures.note('CPUs', describePlan(plan));
  if (plan.rest === undefined) return plan;
  moveTo(plan.rest);
  lab.own(() => moveTo(available));
  return plan;
}

function moveTo(cpus: readonly number[]): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cpus.join(','), String(process.pid)]);
}

const IN_REAL_TIME = ['chrt', '--fifo', '1'];

/**
 * What starts those who are watched: they are served before anybody else on their CPU (sched(7), SCHED_FIFO), so that what is seen of a
 * weir does not depend on who else is there. Otherwise an attacker beside them makes them wait for 1 to 2 ms, as it does with
 * HAProxy. It takes CAP_SYS_NICE; nothing where that is missing, and the run says so.
 */
export function servedFirst(lab: Lab): readonly string[] {
  const [file = '', ...args] = IN_REAL_TIME;
  try {
    execFileSync(file, [...args, 'true'], { stdio: 'ignore' });
  } catch {
    lab.figures.note('client and back end', 'beside the attackers (no right to SCHED_FIFO)');
    return [];
  }
  lab.figures.note('client and back end', 'served before the attackers (SCHED_FIFO)');
  return IN_REAL_TIME;
}
