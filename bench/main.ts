/** `npm run bench -- <scenario…>`: measures, prints tables, and records them when asked to. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../src/kit/assert.ts';
import { systemClock } from '../src/kit/clock.ts';
import { isAlone, runAlone } from './alone.ts';
import { allowedCpus, describeMachine, describePlan } from './machine.ts';
import { parseOptions, type Options } from './options.ts';
import { ProcessTable } from './processes.ts';
import { recordSection, type Section } from './results-file.ts';
import { cpuPlanFor, runScenario, type ContenderResult, type Environment } from './rounds.ts';
import type { Scenario } from './scenarios.ts';
import { othersCpusOf, summarise, type Row } from './summary.ts';
import { renderTable } from './table.ts';

interface Outcome {
  readonly scenario: Scenario;
  readonly results: readonly ContenderResult[];
  readonly rows: readonly Row[];
}

const args = process.argv.slice(2);
const options = isAlone(args) ? undefined : parseOptions(args);
if (options === undefined) {
  process.exitCode = await runAlone(args);
} else if ('exitCode' in options) {
  (options.exitCode === 0 ? process.stdout : process.stderr).write(options.text);
  process.exitCode = options.exitCode;
} else if (process.platform !== 'linux') {
  console.error('The bench reads /proc and pins processes with taskset: it needs Linux.');
  process.exitCode = 1;
} else {
  process.exitCode = await run(options);
}

/** Runs everything asked for; the exit code is 1 when a scenario failed or a row is invalid. */
async function run(options: Options): Promise<number> {
  const processes = new ProcessTable();
  // In memory where possible: the back end serves its large files from here.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'weir-bench-'));
  const cleanUp = (): void => {
    processes.killAllNow();
    rmSync(folder, { recursive: true, force: true });
  };
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => {
      cleanUp();
      process.exit(code);
    });
  }
  const environment: Environment = {
    processes,
    folder,
    availableCpus: allowedCpus(),
    say: (line) => console.error(line),
  };
  try {
    return await runAll(environment, options);
  } catch (error) {
    console.error(`bench: ${messageOf(error)}`);
    return 1;
  } finally {
    await processes.stopAll();
    cleanUp();
  }
}

async function runAll(environment: Environment, options: Options): Promise<number> {
  const machine = describeMachine();
  const versions = [...new Set(options.peers.map((peer) => `${peer.label}: ${peer.version()}`))];
  console.log(`${machine}\n${versions.join('\n')}`);
  const outcomes: Outcome[] = [];
  for (const scenario of options.scenarios) {
    const results = await runScenario(environment, scenario, options);
    const rows = summarise(scenario, results);
    outcomes.push({ scenario, results, rows });
    const section: Section = {
      scenario: scenario.name,
      about: scenario.about,
      date: today(),
      machine,
      versions,
      pinning: describePlan(cpuPlanFor(scenario, options, environment.availableCpus)),
      othersCpus: othersCpusOf(results),
      command: commandFor(scenario, options),
      table: renderTable(scenario, rows),
    };
    console.log(`\n${terminalText(section)}`);
    if (options.record) recordSection(section);
    if (options.json !== undefined) writeJson(options.json, machine, versions, options, outcomes);
  }
  return outcomes.some(({ rows }) => rows.some((row) => Object.keys(row.errors).length > 0)) ? 1 : 0;
}

function terminalText(section: Section): string {
  const others = `other programs used ${section.othersCpus.toFixed(2)} of a CPU meanwhile`;
  return `${section.scenario}: ${section.about}\n(${section.pinning}; ${others})\n\n${section.table}`;
}

/** The command that repeats one scenario; other checkouts by their label, since their place is this machine's affair. */
function commandFor(scenario: Scenario, options: Options): string {
  const parts = [
    `npm run bench -- ${scenario.name}`,
    `--peers ${options.peers.map((peer) => peer.label).join(',')}`,
    `--rounds ${options.rounds}`,
    `--seconds ${options.seconds}`,
    `--threads ${options.threads}`,
  ];
  if (options.connections !== undefined) parts.push(`--connections ${options.connections}`);
  if (!options.pin) parts.push('--no-pin');
  if (options.weirCommand !== undefined) parts.push(`--weir-command '${options.weirCommand}'`);
  return parts.join(' ');
}

function writeJson(
  file: string,
  machine: string,
  versions: readonly string[],
  options: Options,
  outcomes: readonly Outcome[],
): void {
  const scenarios = outcomes.map(({ scenario, results, rows }) => ({
    scenario: scenario.name,
    rows: rows.map((row, i) => ({
      label: row.label,
      threads: results[i]?.contender.threads,
      ratio: row.ratio,
      errors: row.errors,
      samples: results[i]?.samples,
    })),
  }));
  const { rounds, seconds, threads } = options;
  writeFileSync(
    file,
    `${JSON.stringify({ date: today(), machine, versions, rounds, seconds, threads, scenarios }, null, 2)}\n`,
  );
}

function today(): string {
  return new Date(systemClock.epochMs()).toISOString().slice(0, 10);
}
