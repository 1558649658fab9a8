/** Which running weir a command asks: that of `--api`, or the one on the data directory. */
import { Argument, InvalidArgumentError, type Command } from 'commander';
import { findApi } from './aws-env.ts';
import * as values from './configuration-values.ts';

export interface RunningWeirOptions {
  readonly api?: values.Endpoint;
  readonly dataDir?: string;
}

/** Adds `[config.yaml]` and the options that name the weir. */
export function addRunningWeirOptions(command: Command): Command {
  return command
    .addArgument(new Argument('[config.yaml]', 'configuration file of the weir'))
    .option('--api <HOST:PORT>', 'its API address (default: that of the weir on the data directory)', parseEndpoint)
    .option('--data-dir <DIR>', 'its data directory (default: ./weir-data; WEIR_DATA_DIR)');
}

/**
 * Where the API of the weir that the options mean is reached, running or not.
 * @throws ConfigurationError, StartError: what the reader can put right.
 */
export function apiOf(path: string | undefined, { api, dataDir }: RunningWeirOptions): values.Endpoint {
  return api ?? findApi(path, { dataDir }, process.env);
}

function parseEndpoint(text: string): values.Endpoint {
  const endpoint = values.endpoint(text);
  if (endpoint instanceof values.Unexpected) throw new InvalidArgumentError(`It must be ${endpoint.expected}.`);
  if (endpoint.port === 0) throw new InvalidArgumentError('It must name the port: nothing can be reached at port 0.');
  return endpoint;
}
