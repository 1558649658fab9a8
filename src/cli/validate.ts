/** `weir validate`: is this configuration file in order? */
import type { Command } from 'commander';
import { loadConfiguration } from './configuration.ts';
import { exitCodeOf, failureText } from './failure.ts';
import { complain, print } from './standard-streams.ts';

/** Adds the command to the program. */
export function registerValidate(program: Command): void {
  program
    .command('validate')
    .summary('check a configuration file')
    .description(
      'Check a configuration file. Exit code 0 when it is in order, else 1 with file, line and what was expected.',
    )
    .argument('<config.yaml>', 'the file')
    .action(validate);
}

/** The file alone, without what the environment says here and now (`serve --check`). */
function validate(path: string): void {
  try {
    loadConfiguration(path, {}, {});
    print(`${path}: the configuration is in order\n`);
  } catch (error) {
    complain(failureText(error));
    process.exitCode = exitCodeOf(error);
  }
}
