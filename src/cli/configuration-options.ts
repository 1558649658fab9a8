/** The options that every command which runs weir takes. */
import { Argument, type Command } from 'commander';

/** Adds `[config.yaml]` and the flags that win over it: commander makes `ConfigurationFlags` of them. */
export function addConfigurationOptions(command: Command): Command {
  return command
    .addArgument(
      new Argument('[config.yaml]', 'configuration file; every option of the command line is also one of it'),
    )
    .option('--data-dir <DIR>', 'where the state and the credentials are kept (default: ./weir-data; WEIR_DATA_DIR)')
    .option(
      '--api <HOST:PORT>',
      'where the AWS API listens; port 0 is any free one (default: 127.0.0.1:7600; WEIR_API)',
    )
    .option(
      '--listen <ADDRESS>',
      'pool of addresses for load balancers: one, several, or a network (default: 0.0.0.0; WEIR_LISTEN)',
    )
    .option('--threads <N>', 'traffic threads (default: one per core; WEIR_THREADS)')
    .option('--log-level <LEVEL>', 'debug, info, warn, error or silent (default: info; WEIR_LOG_LEVEL)')
    .option('--log-format <FORMAT>', 'json or pretty (default: pretty in a terminal, else json; WEIR_LOG_FORMAT)');
}
