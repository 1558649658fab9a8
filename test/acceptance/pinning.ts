/** Keeps those who load a weir off its CPUs: what they take there would look like what they do to it. */
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
