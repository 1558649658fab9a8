/** Measurements of weir alone, without peers. */
import { execFileSync } from 'node:child_process';
import { systemClock } from '../src/kit/clock.ts';
import { balanceTable, measureBalance } from './balance.ts';
import { controlTable, measureControl } from './control.ts';
import { othersCpuSeconds } from './cpu.ts';
import { healthTable, measureHealth } from './health.ts';
import { describeMachine } from './machine.ts';
import { recordSection } from './results-file.ts';

export interface Alone {
  readonly about: string;
  /** The table. */
  readonly measure: () => Promise<string>;
}

export const ALONE: Readonly<Record<string, Alone>> = {
  balance: {
    about:
      'what choosing an instance and counting a request in and out costs, of the CPU of a whole request (scenario http)',
    measure: async () => balanceTable(measureBalance()),
  },
  control: {
    about: 'the API and the control thread with 1,000 load balancers of 10 instances each, as a client sees them',
    measure: async () => controlTable(await measureControl()),
  },
  health: {
    about: '1,000 instances checked every 5 s: CPU of the thread that does it and all else that is not traffic',
    measure: async () => healthTable(await measureHealth()),
  },
};

/** Whether `args` ask for one of them. */
export function isAlone(args: readonly string[]): boolean {
  return args[0] !== undefined && Object.hasOwn(ALONE, args[0]);
}

/** Measures, prints, and records with `--record`. Other options there are none. Returns the exit code. */
export async function runAlone([name, ...rest]: readonly string[]): Promise<number> {
  const wrong = rest.filter((word) => word !== '--record');
  if (wrong.length > 0) {
    console.error(`npm run bench -- ${name}: ${wrong.join(' ')} is not known; there is only --record`);
    return 2;
  }
  const { about, measure } = ALONE[name!]!;
  const machine = describeMachine();
  const [startedMs, othersBefore] = [systemClock.monotonicMs(), othersCpuSeconds()];
  const table = await measure();
  const seconds = (systemClock.monotonicMs() - startedMs) / 1000;
  const othersCpus = (othersCpuSeconds() - othersBefore) / seconds;
  console.log(
    `${machine}\n\n${name}: ${about}\n(other programs used ${othersCpus.toFixed(2)} of a CPU meanwhile)\n\n${table}`,
  );
  if (rest.length > 0) {
    const date = new Date(systemClock.epochMs()).toISOString().slice(0, 10);
    const revision = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const versions = [`weir ${revision}, Node ${process.versions.node}`];
    const command = `npm run bench -- ${name}`;
    recordSection({
      scenario: name!,
      about,
      date,
      machine,
      versions,
      pinning: 'not pinned',
      othersCpus,
      command,
      table,
    });
  }
  return 0;
}
