/**
 * `npm run fuzz -- TARGET [--seconds N] [--seed S] [--cases N]`: runs a target on made-up input for a given time. Every
 * case has its own seed, counted up from the first, so that a finding is repeated with `--seed S --cases 1`.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/kit/clock.ts';
import { SeededRandom, systemRandom } from '../../src/kit/random.ts';
import { engineTarget } from './engine-target.ts';
import { httpTarget, parsersTarget } from './http-target.ts';
import { relayTarget } from './relay-target.ts';
import { minimise, type Finding, type FuzzTarget } from './target.ts';

const TARGETS: readonly FuzzTarget[] = [httpTarget, parsersTarget, engineTarget, relayTarget];
const PROGRESS_MS = 10_000;
const MAX_SEED = 2 ** 32;

interface Options {
  readonly target: FuzzTarget;
  readonly seconds: number;
  readonly seed: number;
  readonly cases: number;
}

function usage(problem: string): never {
  const targets = TARGETS.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n');
  console.error(
    `fuzz: ${problem}\nusage: npm run fuzz -- TARGET [--seconds N] [--seed S] [--cases N]\ntargets:\n${targets}`,
  );
  process.exit(2);
}

function wholeNumber(text: string | undefined, option: string, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^[0-9]{1,15}$/.test(text)) usage(`--${option} must be a whole number, not ${JSON.stringify(text)}`);
  return Number(text);
}

function parseOptions(argv: string[]): Options {
  const options = { seconds: { type: 'string' }, seed: { type: 'string' }, cases: { type: 'string' } } as const;
  let parsed;
  try {
    parsed = parseArgs({ args: argv, options, allowPositionals: true });
  } catch (error) {
    usage(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const target = TARGETS.find(({ name }) => name === positionals[0]);
  if (target === undefined || positionals.length !== 1)
    usage(`expected one target, found ${JSON.stringify(positionals)}`);
  return {
    target,
    seconds: wholeNumber(values.seconds, 'seconds', 60),
    seed: wholeNumber(values.seed, 'seed', systemRandom.below(MAX_SEED)) % MAX_SEED,
    cases: wholeNumber(values.cases, 'cases', Infinity),
  };
}

function report(finding: Finding, target: FuzzTarget, seed: number): void {
  const smallest = Buffer.from(minimise(finding));
  console.error(
    `\nFINDING in ${target.name}, seed ${seed}: ${shortened(finding.property)}\n${shortened(finding.message)}`,
  );
  console.error(`bytes (${finding.bytes.length}): ${shortened(Buffer.from(finding.bytes).toString('hex'))}`);
  console.error(`smallest (${smallest.length}): ${shortened(smallest.toString('hex'))}`);
  console.error(finding.script?.(smallest) ?? shortened(JSON.stringify(smallest.toString('latin1'))));
  console.error(`again: npm run fuzz -- ${target.name} --seed ${seed} --cases 1`);
}

/** A screenful, long repetitions told by their number: the seed brings back the rest. */
function shortened(text: string): string {
  const max = 2000;
  const told = text.replace(/(.{1,8}?)\1{30,}/g, (all, unit: string) => `[${all.length / unit.length} x ${unit}]`);
  return told.length <= max ? told : `${told.slice(0, max)}… (${told.length - max} more)`;
}

/** Runs until the time or the cases are used up, or to the first finding. Returns the exit code. */
async function run({ target, seconds, seed, cases }: Options): Promise<number> {
  console.log(
    `fuzzing ${target.name} from seed ${seed} on, for ${cases === Infinity ? `${seconds} s` : `${cases} cases`}`,
  );
  const startMs = systemClock.monotonicMs();
  let progressMs = startMs;
  let count = 0;
  while (count < cases) {
    const caseSeed = (seed + count) % MAX_SEED;
    const finding = target.run(new SeededRandom(caseSeed));
    count++;
    if (finding !== undefined) {
      report(finding, target, caseSeed);
      return 1;
    }
    // What was promised during the case is kept now, and forgotten.
    if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    const nowMs = systemClock.monotonicMs();
    if (cases === Infinity && nowMs - startMs >= seconds * 1000) break;
    if (nowMs - progressMs >= PROGRESS_MS) {
      progressMs = nowMs;
      console.log(`  ${Math.round((nowMs - startMs) / 1000)} s, ${count} cases, at seed ${caseSeed}`);
    }
  }
  console.log(`${count} cases, seeds ${seed} to ${(seed + count - 1) % MAX_SEED}: no finding`);
  return 0;
}

process.exitCode = await run(parseOptions(process.argv.slice(2)));
