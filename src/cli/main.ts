/** The command line. One file per command; each adds itself. */
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { systemClock } from '../kit/clock.ts';
import { registerAwsEnv } from './aws-env.ts';
import { registerClassify } from './classify.ts';
import { registerDemo } from './demo.ts';
import { registerDrainStatus } from './drain-status.ts';
import { EXIT_FINE, EXIT_WRONG_USAGE } from './failure.ts';
import { registerInstances } from './instances.ts';
import { endWithParents } from './launcher.ts';
import { registerServe } from './serve-command.ts';
import { registerTop } from './top.ts';
import { registerValidate } from './validate.ts';

/** Runs the command that `argv` (without node and script) asks for. Leaves its exit code in `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithParents(process.env, systemClock);
  const program = new Command('weir')
    .description('A self-hosted Classic Load Balancer: the traffic behaviour and the AWS API of ELB v1.')
    .version(packageJson.version, '-V, --version', 'print the version')
    .showHelpAfterError('(see: weir help, weir help COMMAND)')
    .exitOverride();
  registerServe(program);
  registerValidate(program);
  registerClassify(program);
  registerTop(program);
  registerAwsEnv(program);
  registerInstances(program);
  registerDrainStatus(program);
  registerDemo(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has said what was wrong. Help and version that were asked for are no mistake.
    process.exitCode = error.exitCode === 0 ? EXIT_FINE : EXIT_WRONG_USAGE;
  }
}
