/** What of a configuration that was read again takes effect in a running process. */
import { isDeepStrictEqual } from 'node:util';
import type { Configuration } from '../model/configuration.ts';

/** The API, control and the access logs take these over; the rest was decided when the process started. */
const LIVE = new Set<keyof Configuration>([
  'addresses',
  'platform',
  'domain',
  'zones',
  'subnets',
  'securityGroups',
  'certificates',
  'instances',
  'limits',
  'preconnect',
  'stopTimeout',
  'accessLogs',
]);

export interface Reread {
  /** What is in force from now on. */
  readonly configuration: Configuration;
  /** Options that are different now. */
  readonly changed: readonly string[];
  /** Options that differ in what was read, and stay as they are until weir is started again. */
  readonly kept: readonly string[];
}

/** `current` with everything of `next` that can change while running does. */
export function reread(current: Configuration, next: Configuration): Reread {
  const options = (Object.keys({ ...current, ...next }) as (keyof Configuration)[]).filter(
    (option) => option !== 'log',
  );
  const different = options.filter((option) => !isDeepStrictEqual(current[option], next[option]));
  const live = different.filter((option) => LIVE.has(option));
  const [level, format] = [next.log.level !== current.log.level, next.log.format !== current.log.format];
  return {
    configuration: {
      ...current,
      ...Object.fromEntries(live.map((option) => [option, next[option]])),
      log: { level: next.log.level, format: current.log.format },
    },
    changed: [...live, ...(level ? ['log.level'] : [])],
    kept: [...different.filter((option) => !LIVE.has(option)), ...(format ? ['log.format'] : [])],
  };
}
