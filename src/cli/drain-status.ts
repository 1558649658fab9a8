/** `weir drain-status`: how many requests each draining instance still has. */
import type { Command } from 'commander';
import { z } from 'zod';
import { addQuestion, plainTable } from './ask-page.ts';
import type { DrainRow } from './drain-page.ts';

const PAGE = '/-/drains';

/** A weir of another version may know causes that are not known here. */
type Row = Omit<DrainRow, 'cause'> & { readonly cause: string };

const SCHEMA = z.object({
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

const HELP = `
An instance drains when it is deregistered, its zone is disabled, its listener or load balancer is deleted, when it is out
of service, and when weir stops: it gets no new request, and what is in flight may finish. CUT IN is the time that connection
draining leaves it; without one it may finish in its own time.

The same as JSON: --json, or GET ${PAGE} at the API address.`;

/** Adds the command to the program. */
export function registerDrainStatus(program: Command): void {
  const command = program
    .command('drain-status')
    .summary('show what draining instances still have in flight')
    .description('Show how many requests each draining instance of a running weir still has.');
  const render = ({ draining }: z.infer<typeof SCHEMA>): string => renderDrains(draining);
  addQuestion(command, { page: PAGE, schema: SCHEMA, render }).addHelpText('after', HELP);
}

/** The table for people. */
export function renderDrains(rows: readonly Row[]): string {
  if (rows.length === 0) return 'nothing drains\n';
  return plainTable(
    ['LOAD BALANCER', 'INSTANCE', 'PORT', 'BECAUSE', 'IN FLIGHT', 'CUT IN'],
    rows.map(({ loadBalancer, instance, instancePort, cause, inFlight, secondsLeft }) => [
      loadBalancer,
      instance,
      String(instancePort),
      cause,
      String(inFlight),
      secondsLeft === null ? '-' : `${secondsLeft} s`,
    ]),
  );
}
