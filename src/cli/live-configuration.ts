/** The configuration of a running process: one object that everybody holds, whose live options change under it. */
import { isDeepStrictEqual } from 'node:util';
import type { Configuration } from '../model/configuration.ts';

/** What takes effect when the file is read again. All that uses these reads them each time that it needs them. */
const LIVE = new Set<keyof Configuration>([
  'addresses',
  'platform',
  'domain',
  'zones',
  'subnets',
  'securityGroups',
  'instances',
  'limits',
  'preconnect',
  'stopTimeout',
]);

export interface Replacement {
  /** Options that are different now. */
  readonly changed: readonly string[];
  /** Options that differ in the file and stay as they are until weir is started again. */
  readonly kept: readonly string[];
}

export interface LiveConfiguration {
  readonly configuration: Configuration;
  /** Takes over what can change in a running process. */
  replace(next: Configuration): Replacement;
}

export function liveConfiguration(initial: Configuration): LiveConfiguration {
  let current = initial;
  const options = Object.keys(initial) as (keyof Configuration)[];
  const getters = options.map((option) => [option, { enumerable: true, get: () => current[option] }] as const);
  return {
    configuration: Object.defineProperties({}, Object.fromEntries(getters)) as Configuration,
    replace(next) {
      const different = options.filter((option) => !isDeepStrictEqual(current[option], next[option]));
      const live = different.filter((option) => LIVE.has(option));
      const level = next.log.level !== current.log.level;
      const kept = different.filter((option) => !LIVE.has(option) && option !== 'log');
      const formatKept = next.log.format !== current.log.format;
      current = {
        ...current,
        ...Object.fromEntries(live.map((option) => [option, next[option]])),
        log: { level: next.log.level, format: current.log.format },
      };
      return {
        changed: [...live, ...(level ? ['log.level'] : [])],
        kept: [...kept, ...(formatKept ? ['log.format'] : [])],
      };
    },
  };
}
