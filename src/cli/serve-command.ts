/** `weir serve`: from the command line to a running weir (serve.ts). */
import { flushCompileCache } from 'node:module';
import type { Command } from 'commander';
import { systemClock } from '../kit/clock.ts';
import { systemRandom } from '../kit/random.ts';
import type { Configuration } from '../model/configuration.ts';
import { keepCompiled } from './compile-cache.ts';
import { addConfigurationOptions } from './configuration-options.ts';
import { fixedKeyOf, loadConfiguration, type ConfigurationFlags, type Environment } from './configuration.ts';
import { exitCodeOf, failureText } from './failure.ts';
import { runUntilSignal } from './run.ts';
import type { RunningWeir, WeirOptions } from './serve.ts';
import { complain, print } from './standard-streams.ts';

/** Adds the command to the program. */
export function registerServe(program: Command): void {
  addConfigurationOptions(program.command('serve'))
    .summary('run the load balancers and the AWS API')
    .description('Run the load balancers and the AWS API until SIGTERM or SIGINT, which finish what is in flight.')
    .option('--check', 'check the configuration as it would be used, and end')
    .action(async (path: string | undefined, options: ConfigurationFlags & { check?: boolean }) => {
      const configure = () => loadConfiguration(path, options, process.env);
      await (options.check === true ? check(configure, process.env) : serve(configure, process.env));
    });
}

/** Also what stands in the environment alone: without it a start would be refused. */
async function check(configure: () => Configuration, environment: Environment): Promise<void> {
  try {
    configure();
    fixedKeyOf(environment);
    const { secretsOf } = await import('./master-key.ts');
    secretsOf({ environment, random: systemRandom });
  } catch (error) {
    complain(failureText(error));
    process.exitCode = exitCodeOf(error);
    return;
  }
  print('the configuration is in order\n');
}

function serve(configure: () => Configuration, environment: Environment): Promise<void> {
  return runUntilSignal({
    clock: systemClock,
    environment,
    start: (onAnnounced) => start(configure, environment, onAnnounced),
    onReady: async () => flushCompileCache(),
  });
}

/** What a weir is made of is loaded when it is known where what was compiled is kept. */
async function start(
  configure: () => Configuration,
  environment: Environment,
  onAnnounced: WeirOptions['onAnnounced'],
): Promise<RunningWeir> {
  keepCompiled(configure().dataDir);
  const { startWeir } = await import('./serve.ts');
  return startWeir({ configure, environment, clock: systemClock, random: systemRandom, onAnnounced });
}
