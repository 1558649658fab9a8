/** `weir top`: what a running weir does, live in a terminal or as tables. Reads `/metrics`, here or elsewhere. */
import { InvalidArgumentError, type Command } from 'commander';
import { messageOf } from '../kit/assert.ts';
import { systemClock } from '../kit/clock.ts';
import { holdProcess } from '../kit/hold.ts';
import { hostOf } from '../kit/ip.ts';
import type { Endpoint } from './configuration-values.ts';
import { exitCodeOf, failureText, StartError } from './failure.ts';
import { addRunningWeirOptions, apiOf, type RunningWeirOptions } from './running-weir.ts';
import { complain, print, standardOutput } from './standard-streams.ts';
import { printTables, watchLive, type TopOptions } from './top-live.ts';
import { scrape, type Scrape } from './top-scrape.ts';

const DEFAULT_INTERVAL_SECONDS = 2;
const MIN_INTERVAL_SECONDS = 0.2;
const MAX_INTERVAL_SECONDS = 3600;

interface Options extends RunningWeirOptions {
  readonly interval: number;
  readonly once?: boolean;
}

const HELP = `
Keys: q quits; up, down (k, j), page up and page down choose the load balancer whose instances are shown;
r, l, e, u and n sort by requests, latency (p99), errors, queue and name.

Rates are per second. 2XX to 5XX are answers of instances, ELB4XX and ELB5XX weir's own. UP is instances in service of
those registered. Where standard output is no terminal, or with --once, plain tables are printed.

It reads /metrics at the API address: --api of another machine's weir does, where that address can be reached.`;

/** Adds the command to the program. */
export function registerTop(program: Command): void {
  const command = program
    .command('top')
    .summary('show live what a running weir does')
    .description('Show requests, latency, codes, queues and instances of a running weir, live.');
  addRunningWeirOptions(command)
    .option('--interval <SECONDS>', 'time between two looks', parseInterval, DEFAULT_INTERVAL_SECONDS)
    .option('--once', 'print one table, made from two looks, and end')
    .addHelpText('after', HELP)
    .action(async (path: string | undefined, options: Options) => {
      try {
        await top(apiOf(path, options), options);
      } catch (error) {
        complain(failureText(error));
        process.exitCode = exitCodeOf(error);
      }
    });
}

function parseInterval(text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= MIN_INTERVAL_SECONDS && seconds <= MAX_INTERVAL_SECONDS) return seconds;
  throw new InvalidArgumentError(`It must be from ${MIN_INTERVAL_SECONDS} to ${MAX_INTERVAL_SECONDS} seconds.`);
}

async function top({ host, port }: Endpoint, { interval, once = false }: Options): Promise<void> {
  const hold = holdProcess();
  const options: TopOptions = {
    endpoint: `${hostOf(host)}:${port}`,
    intervalMs: interval * 1000,
    clock: systemClock,
    scrape: () => scrape({ host, port }, systemClock),
  };
  try {
    const first = await reach(options);
    const { stdin, stdout, env } = process;
    if (stdout.isTTY && stdin.isTTY && !once && env['TERM'] !== 'dumb') {
      const colours = (env['NO_COLOR'] ?? '') === '';
      await watchLive(first, options, { input: stdin, output: stdout, process, colours });
    } else await printAll(first, once, options);
  } finally {
    hold.cancel();
  }
}

async function reach(options: TopOptions): Promise<Scrape> {
  try {
    return await options.scrape();
  } catch (error) {
    throw unreachable(options, error);
  }
}

async function printAll(first: Scrape, once: boolean, options: TopOptions): Promise<void> {
  let readers = true;
  standardOutput().on('error', () => (readers = false));
  const output = {
    write: (text: string) => (print(text), readers),
    complain: (text: string) => complain(`weir: ${text}\n`),
  };
  try {
    await printTables(first, once, options, output);
  } catch (error) {
    throw unreachable(options, error);
  }
}

function unreachable({ endpoint }: TopOptions, error: unknown): StartError {
  return new StartError(
    `no weir answers at ${endpoint}: ${messageOf(error)}. Start one there (weir serve), or name another (--api HOST:PORT).`,
  );
}
