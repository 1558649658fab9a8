/** Commands that ask a running weir, here or elsewhere, for one of the pages at its API address, and print what it says. */
import type { Command } from 'commander';
import { z } from 'zod';
import { messageOf } from '../kit/assert.ts';
import { systemClock } from '../kit/clock.ts';
import { holdProcess } from '../kit/hold.ts';
import { hostOf } from '../kit/ip.ts';
import { exitCodeOf, failureText, StartError } from './failure.ts';
import { addRunningWeirOptions, apiOf, type RunningWeirOptions } from './running-weir.ts';
import { complain, print } from './standard-streams.ts';
import { fetchPage } from './top-scrape.ts';

interface AskOptions extends RunningWeirOptions {
  readonly json?: boolean;
}

export interface Question<T> {
  /** Such as `/-/drains`. */
  readonly page: string;
  /** What a peer that calls itself a weir must answer with. */
  readonly schema: z.ZodType<T>;
  /** For people. */
  readonly render: (answer: T) => string;
}

/** Adds the arguments that tell which weir is meant, and what the command does. */
export function addQuestion<T>(command: Command, question: Question<T>): Command {
  return addRunningWeirOptions(command)
    .option('--json', 'print JSON')
    .action(async (path: string | undefined, options: AskOptions) => {
      const hold = holdProcess();
      try {
        const answer = await ask(path, options, question);
        print(options.json === true ? `${JSON.stringify(answer)}\n` : question.render(answer));
      } catch (error) {
        complain(failureText(error));
        process.exitCode = exitCodeOf(error);
      } finally {
        hold.cancel();
      }
    });
}

async function ask<T>(path: string | undefined, options: AskOptions, { page, schema }: Question<T>): Promise<T> {
  const { host, port } = apiOf(path, options);
  try {
    return schema.parse(JSON.parse(await fetchPage({ host, port }, page, systemClock)));
  } catch (error) {
    const why = error instanceof z.ZodError || error instanceof SyntaxError ? 'it is no weir' : messageOf(error);
    const shown = `${hostOf(host)}:${port}`;
    throw new StartError(
      `nothing can be learned from ${shown}: ${why}. Name the weir by --api HOST:PORT or --data-dir.`,
    );
  }
}

/** Rows under a row of titles, as wide as what stands in them. What another machine says does not steer this terminal. */
export function plainTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = [titles, ...rows].map((row) => row.map((cell) => cell.replaceAll(/[^\u0020-\u007e]/gu, '?')));
  const widths = titles.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
