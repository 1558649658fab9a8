/** The command line. One file per command; each adds itself. */
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { systemClock } from '../kit/clock.ts';
import { useKept } from './compile-cache.ts';
import { EXIT_FINE, EXIT_WRONG_USAGE } from './failure.ts';
import { endWithParents } from './launcher.ts';
import { complain, print } from './standard-streams.ts';

/** In the order of the help. Only the one that is asked for is loaded: all of them take longer to load than most take to run. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  serve: async () => (await import('./serve-command.ts')).registerServe,
  validate: async () => (await import('./validate.ts')).registerValidate,
  classify: async () => (await import('./classify.ts')).registerClassify,
  top: async () => (await import('./top.ts')).registerTop,
  'aws-env': async () => (await import('./aws-env.ts')).registerAwsEnv,
  instances: async () => (await import('./instances.ts')).registerInstances,
  'drain-status': async () => (await import('./drain-status.ts')).registerDrainStatus,
  demo: async () => (await import('./demo.ts')).registerDemo,
};

/** Runs the command that `argv` (without node and script) asks for. Leaves its exit code in `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithParents(process.env, systemClock);
  const program = new Command('weir')
    .description('A self-hosted Classic Load Balancer: the traffic behaviour and the AWS API of ELB v1.')
    .version(packageJson.version, '-V, --version', 'print the version')
    .configureOutput({ writeOut: print, writeErr: complain })
    .showHelpAfterError('(see: weir help, weir help COMMAND)')
    .exitOverride();
  useKept(argv, process.env);
  const asked = Object.hasOwn(COMMANDS, argv[0] ?? '') ? [COMMANDS[argv[0]!]!] : Object.values(COMMANDS);
  for (const load of asked) (await load())(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has said what was wrong. Help and version that were asked for are no mistake.
    process.exitCode = error.exitCode === 0 ? EXIT_FINE : EXIT_WRONG_USAGE;
  }
}
