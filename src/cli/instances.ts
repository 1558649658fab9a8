/** `weir instances`: the health of every instance, with the last checks and why they were good or bad. */
import type { Command } from 'commander';
import { z } from 'zod';
import { addQuestion, plainTable } from './ask-page.ts';
import type { InstanceRow } from './instances-page.ts';

const PAGE = '/-/instances';

const SCHEMA = z.object({
  instances: z.array(
    z.object({
      loadBalancer: z.string(),
      instance: z.string(),
      zone: z.string(),
      state: z.string(),
      reasonCode: z.string(),
      description: z.string(),
      checks: z.array(z.object({ time: z.string(), good: z.boolean(), cause: z.string(), milliseconds: z.number() })),
    }),
  ),
});

const HELP = `
CHECKS are the last ten, oldest first: + is good, - is bad. LAST is the latest one, with its cause.

All of them with time and cause: --json, or GET ${PAGE} at the API address.`;

/** Adds the command to the program. */
export function registerInstances(program: Command): void {
  const command = program
    .command('instances')
    .summary('show the health of all instances, and why')
    .description('Show the health of all instances of a running weir, with the results of their last checks.');
  const render = ({ instances }: z.infer<typeof SCHEMA>): string => renderInstances(instances);
  addQuestion(command, { page: PAGE, schema: SCHEMA, render }).addHelpText('after', HELP);
}

/** The table for people. */
export function renderInstances(rows: readonly InstanceRow[]): string {
  if (rows.length === 0) return 'no instance is registered\n';
  return plainTable(
    ['LOAD BALANCER', 'INSTANCE', 'ZONE', 'STATE', 'CHECKS', 'LAST'],
    rows.map(({ loadBalancer, instance, zone, state, checks }) => [
      loadBalancer,
      instance,
      zone,
      state,
      checks
        .map(({ good }) => (good ? '+' : '-'))
        .toReversed()
        .join('') || '-',
      lastOf(checks[0]),
    ]),
  );
}

function lastOf(check: InstanceRow['checks'][number] | undefined): string {
  return check === undefined ? 'none yet' : `${check.cause}, ${check.time.slice(11, 19)} UTC, ${check.milliseconds} ms`;
}
