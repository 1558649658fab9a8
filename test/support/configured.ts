/** What a configuration file says, or why it is refused. */
import assert from 'node:assert/strict';
import { ConfigurationError } from '../../src/cli/configuration-problems.ts';
import { mergeConfiguration, type ConfigurationSources } from '../../src/cli/configuration.ts';
import type { Configuration } from '../../src/model/configuration.ts';

export const MACHINE = { cores: 3, terminal: false };

/** Of a file `weir.yaml`, on {@link MACHINE}, without flags and environment unless they are given. */
export function configured(text: string, rest: Partial<ConfigurationSources> = {}): Configuration {
  return mergeConfiguration({
    file: { name: 'weir.yaml', text },
    flags: {},
    environment: {},
    machine: MACHINE,
    ...rest,
  });
}

/** The lines of the error that it is refused with. */
export function problemsOf(text: string, rest: Partial<ConfigurationSources> = {}): string[] {
  try {
    configured(text, rest);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message.split('\n');
  }
  return assert.fail('it was accepted');
}
