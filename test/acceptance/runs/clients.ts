/** What a newcomer does: a fresh clone, `npm ci && npm start`, and the commands that it prints, with both AWS CLIs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API_PORT, HTTP_PORT } from '../../../bench/addresses.ts';
import { accepts, type ManagedProcess } from '../../../bench/processes.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { seconds } from '../figures.ts';
import { until, type AcceptanceRun, type Lab } from '../lab.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DEFAULT_ADDRESS = '127.0.0.1';
const INSTALL_LIMIT_MS = 240_000;
const START_LIMIT_MS = 30_000;
const COMMAND_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 5000;
const AWS_MAJORS = ['1', '2'] as const;

export const clients: AcceptanceRun = {
  name: 'clients',
  about:
    'from a fresh clone, npm ci && npm start: two instances answer, and the aws commands it prints work as printed',
  needs: ['git', 'npm', 'curl', 'aws'],
  limitSeconds: 600,
  async run(lab) {
    const clone = join(lab.folder, 'clone');
    lab.say('clone and install');
    await shell(lab, `git clone --quiet '${ROOT}' '${clone}'`);
    const commit = await shell(lab, `git -C '${clone}' log -1 --format=%h`);
    lab.figures.note('commit (what is not committed is not looked at)', commit.trim());
    lab.figures.note('Node of the machine', (await shell(lab, 'node --version')).trim());
    const startedMs = systemClock.monotonicMs();
    await shell(lab, `cd '${clone}' && npm ci`, machineEnvironment(), INSTALL_LIMIT_MS);
    lab.figures.note('npm ci took', seconds(systemClock.monotonicMs() - startedMs));
    lab.say('npm start');
    const demo = await start(lab, clone);
    const commands = await printedCommands(demo);
    await demandTwoInstances(lab, commands);
    for (const major of AWS_MAJORS) await demandAwsCommands(lab, commands, major);
    await demandEnd(lab, demo);
  },
};

interface Demo {
  readonly process: ManagedProcess;
  readonly api: string;
  readonly front: string;
}

/** It listens where it does by itself, or on addresses of the run where that is taken. */
async function start(lab: Lab, cwd: string): Promise<Demo> {
  const taken = (await accepts(DEFAULT_ADDRESS, API_PORT)) || (await accepts(DEFAULT_ADDRESS, HTTP_PORT));
  const { api, front } = taken ? lab.addresses : { api: DEFAULT_ADDRESS, front: DEFAULT_ADDRESS };
  const why = `others: something listens on ${DEFAULT_ADDRESS}:${API_PORT} or :${HTTP_PORT}`;
  lab.figures.note('addresses', taken ? why : 'the defaults');
  const elsewhere = taken ? { WEIR_API: `${api}:${API_PORT}`, WEIR_LISTEN: front } : {};
  const args = ['-i', ...assignments({ ...machineEnvironment(), ...elsewhere }), 'npm', 'start'];
  return { api, front, process: await lab.processes.start({ name: 'npm start', file: 'env', args, cwd }) };
}

/** The commands that the demo suggests, as they stand there. */
async function printedCommands({ process: demo }: Demo): Promise<string[]> {
  const { found } = await until('npm start prints what to try', START_LIMIT_MS, () => {
    if (!demo.running) throw new Error(`npm start ended: ${demo.output}`);
    return /\nTry it:\n([^]*?)\n\n/.exec(demo.stdout)?.[1];
  });
  return found.split('\n').map((line) => line.trim());
}

async function demandTwoInstances(lab: Lab, commands: readonly string[]): Promise<void> {
  const curl = commands.find((command) => command.startsWith('curl ')) ?? 'false';
  const answers = [await shell(lab, `${curl} --silent`), await shell(lab, `${curl} --silent`)].map((text) =>
    text.trim(),
  );
  const holds = answers[0] !== answers[1];
  lab.figures.demand(`${curl}, twice`, answers.join(', '), 'two instances', holds);
}

async function demandAwsCommands(lab: Lab, commands: readonly string[], major: string): Promise<void> {
  const aws = awsOfMajor(major);
  if (aws === undefined) {
    lab.figures.demand(`aws-cli ${major}`, 'not on the PATH', 'is there (see test/acceptance/setup.sh)', false);
    return;
  }
  const bin = join(lab.folder, `aws-${major}`);
  const home = join(lab.folder, `home-${major}`);
  for (const folder of [bin, home]) mkdirSync(folder);
  writeFileSync(join(bin, 'aws'), `#!/bin/sh\nexec '${aws.file}' "$@"\n`, { mode: 0o755 });
  // Nothing is configured: neither in the environment nor in the home.
  const machine = machineEnvironment();
  const inPath = { ...machine, HOME: home, PATH: [bin, machine['PATH']].join(delimiter) };
  const wanted = commands.filter((command) => /(?:^| )aws elb /.test(command));
  let worked = 0;
  for (const command of wanted) {
    try {
      await shell(lab, command, inPath);
      worked++;
    } catch (error) {
      lab.say(`aws-cli ${major}: ${command}\n${String(error)}`);
    }
  }
  const holds = worked === wanted.length && worked > 0;
  lab.figures.demand(`commands that work with aws-cli ${aws.version}`, worked, `${wanted.length}, all`, holds);
}

/** The first `aws` on the PATH of that major version. */
function awsOfMajor(major: string): { readonly file: string; readonly version: string } | undefined {
  for (const folder of machineEnvironment()['PATH']!.split(delimiter)) {
    const file = join(folder, 'aws');
    try {
      const said = execFileSync(file, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      const version = /^aws-cli\/(\S+)/.exec(said)?.[1];
      if (version?.startsWith(`${major}.`)) return { file, version };
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Ctrl-C in a terminal reaches the whole group. */
async function demandEnd(lab: Lab, { process: demo, api, front }: Demo): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  process.kill(-demo.pid, 'SIGINT');
  await until('npm start ends', STOP_LIMIT_MS, () => (demo.running ? undefined : true));
  const tookMs = systemClock.monotonicMs() - startedMs;
  const left = (await accepts(api, API_PORT)) || (await accepts(front, HTTP_PORT));
  const text = `${left ? 'still listens' : 'gone'} after ${seconds(tookMs)}`;
  lab.figures.demand('Ctrl-C', text, `gone within ${seconds(STOP_LIMIT_MS)}`, !left);
}

/** The environment of somebody who has just logged in: nothing of the npm that runs us, and the machine's Node first. */
function machineEnvironment(): Record<string, string> {
  const path = process.env['PATH']!.split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const kept: Record<string, string> = { PATH: path.join(delimiter) };
  for (const name of ['HOME', 'USER', 'LANG', 'TERM', 'TMPDIR']) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

function assignments(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`);
}

/** Runs a line of a POSIX shell with that environment and no other; fails when its exit code is not 0. */
function shell(
  lab: Lab,
  line: string,
  environment: Readonly<Record<string, string>> = machineEnvironment(),
  limitMs = COMMAND_LIMIT_MS,
): Promise<string> {
  const args = ['-i', ...assignments(environment), 'sh', '-c', line];
  return lab.processes.run({ name: line, file: 'env', args }, limitMs);
}
