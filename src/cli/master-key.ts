/** What private keys are sealed with, as the environment says. */
import type { Random } from '../kit/random.ts';
import { readMasterKey } from '../store/secrets-file.ts';
import { createSecrets, type Secrets } from '../store/secrets.ts';
import type { Environment } from './configuration.ts';

/**
 * Private keys are sealed where the operator gives a master key for it (`WEIR_MASTER_KEY_FILE`).
 * @throws {SecretsError} when there is none in that file.
 */
export function secretsOf({
  environment,
  random,
}: {
  readonly environment: Environment;
  readonly random: Random;
}): Secrets {
  const path = environment['WEIR_MASTER_KEY_FILE'] ?? '';
  return createSecrets(random, path === '' ? undefined : readMasterKey(path));
}
