/** `npm run acceptance -- NAME…`: the whole program among real peers, by hand. Exit code 1 when a property does not hold. */
import { describeMachine } from '../../bench/machine.ts';
import { runInLab } from './execute.ts';
import type { AcceptanceRun } from './lab.ts';
import { RUNS } from './runs.ts';

const names = process.argv.slice(2);
const unknown = names.filter((name) => name !== 'all' && !RUNS.some((run) => run.name === name));
if (names.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no run called ${unknown.join(', ')}.\n`);
  console.error(usage());
  process.exitCode = 2;
} else if (process.platform !== 'linux') {
  console.error('The acceptance runs read /proc and use the whole of 127.0.0.0/8: they need Linux.');
  process.exitCode = 1;
} else {
  process.exitCode = await runAll(RUNS.filter(({ name }) => names.includes('all') || names.includes(name)));
}

function usage(): string {
  const width = Math.max(...RUNS.map(({ name }) => name.length));
  const lines = RUNS.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`);
  return `Usage: npm run acceptance -- NAME… (or all)\n\n${lines.join('\n')}\n\ntest/acceptance/setup.sh installs the programs that they use.`;
}

async function runAll(runs: readonly AcceptanceRun[]): Promise<number> {
  console.log(describeMachine());
  let failed = 0;
  for (const [index, run] of runs.entries()) if (!(await runInLab(run, index))) failed++;
  return failed === 0 ? 0 : 1;
}
