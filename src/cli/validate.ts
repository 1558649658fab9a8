/** `weir validate`: is this configuration file in order? */
import type { Command } from 'commander';
import { loadConfiguration, type Environment } from './configuration.ts';
import { ConfigurationError } from './configuration-problems.ts';
import { complain, print } from './standard-streams.ts';

export interface ValidateOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Adds the command to the program. */
export function registerValidate(program: Command): void {
  program
    .command('validate')
    .summary('check a configuration file')
    .description(
      'Check a configuration file. Exit code 0 when it is in order, else 1 with file, line and what was expected.',
    )
    .argument('<config.yaml>', 'the file')
    .action((path: string) => {
      process.exitCode = validate(
        path,
        {},
        {
          out: print,
          err: complain,
        },
      );
    });
}

/** Checks the file alone: `environment` is empty unless what would run here and now is to be checked. */
export function validate(path: string, environment: Environment, { out, err }: ValidateOutput): number {
  try {
    loadConfiguration(path, {}, environment);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    err(`${error.message}\n`);
    return 1;
  }
  out(`${path}: the configuration is in order\n`);
  return 0;
}
