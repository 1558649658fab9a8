/** `weir drain-status`: how many requests each draining instance still has. Asks a running weir, here or elsewhere. */
import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { messageOf } from '../kit/assert.ts';
import { systemClock } from '../kit/clock.ts';
import { holdProcess } from '../kit/hold.ts';
import { findEndpoint } from './aws-env.ts';
import * as values from './configuration-values.ts';
import type { DrainRow } from './drain-page.ts';
import { exitCodeOf, failureText, StartError } from './failure.ts';
import { fetchPage } from './top-scrape.ts';

const PAGE = '/-/drains';

/** What a peer that calls itself a weir must answer with; causes may come that are not known here. */
const Answer = z.object({
  draining: z.array(
    z.object({
      loadBalancer: z.string(),
      instance: z.string(),
      instancePort: z.number(),
      cause: z.string(),
      inFlight: z.number(),
      secondsLeft: z.number().nullable(),
    }),
  ),
});

type Row = Omit<DrainRow, 'cause'> & { readonly cause: string };

interface Options {
  readonly api?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
}

const HELP = `
An instance drains when it is deregistered, its zone is disabled, its listener or load balancer is deleted, when it is out
of service, and when weir stops: it gets no new request, and what is in flight may finish. CUT IN is the time that connection
draining leaves it; without one it may finish in its own time.

The same as JSON: --json, or GET ${PAGE} at the API address.`;

/** Adds the command to the program. */
export function registerDrainStatus(program: Command): void {
  program
    .command('drain-status')
    .summary('show what draining instances still have in flight')
    .description('Show how many requests each draining instance of a running weir still has.')
    .addArgument(new Argument('[config.yaml]', 'configuration file of the weir'))
    .option('--api <HOST:PORT>', 'its API address (default: that of the weir on the data directory)')
    .option('--data-dir <DIR>', 'its data directory (default: ./weir-data; WEIR_DATA_DIR)')
    .option('--json', 'print JSON')
    .addHelpText('after', HELP)
    .action(async (path: string | undefined, options: Options) => {
      const hold = holdProcess();
      try {
        const rows = await ask(path, options);
        process.stdout.write(options.json === true ? `${JSON.stringify({ draining: rows })}\n` : renderDrains(rows));
      } catch (error) {
        process.stderr.write(failureText(error));
        process.exitCode = exitCodeOf(error);
      } finally {
        hold.cancel();
      }
    });
}

async function ask(path: string | undefined, options: Options): Promise<readonly Row[]> {
  const { host, port } = endpointOf(path, options);
  try {
    return Answer.parse(JSON.parse(await fetchPage({ host, port }, PAGE, systemClock))).draining;
  } catch (error) {
    const why = error instanceof z.ZodError || error instanceof SyntaxError ? 'it is no weir' : messageOf(error);
    const shown = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    throw new StartError(
      `nothing can be learned from ${shown}: ${why}. Name the weir by --api HOST:PORT or --data-dir.`,
    );
  }
}

function endpointOf(path: string | undefined, { api, dataDir }: Options): values.Endpoint {
  if (api !== undefined) {
    const endpoint = values.endpoint(api);
    if (!(endpoint instanceof values.Unexpected)) return endpoint;
  }
  const { hostname, port } = new URL(findEndpoint(path, { dataDir, api }, process.env));
  return { host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port === '' ? 80 : port) };
}

/** The table for people. */
export function renderDrains(rows: readonly Row[]): string {
  if (rows.length === 0) return 'nothing drains\n';
  const table = [
    ['LOAD BALANCER', 'INSTANCE', 'PORT', 'BECAUSE', 'IN FLIGHT', 'CUT IN'],
    ...rows.map(({ loadBalancer, instance, instancePort, cause, inFlight, secondsLeft }) => [
      loadBalancer,
      instance,
      String(instancePort),
      cause,
      String(inFlight),
      secondsLeft === null ? '-' : `${secondsLeft} s`,
    ]),
  ].map((row) => row.map(printable));
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** What another machine says is not to steer this terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\u0020-\u007e]/gu, '?');
}
