/** `AdditionalAttributes`: AWS's `elb.http.desyncmitigationmode`, and what weir has beyond AWS under `weir.`. */
import { shown } from '../../fault.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import type { AdditionalAttribute } from './shapes.ts';

interface KnownAttribute {
  readonly pattern: RegExp;
  /** What the value must be, for the message. */
  readonly expected: string;
  /** Described where nothing was set. */
  readonly standard?: string;
}

const MAX_GIVEN = 10;
const truth = { pattern: /^(true|false)$/i, expected: 'true or false' };

const KNOWN = new Map<string, KnownAttribute>([
  [
    'elb.http.desyncmitigationmode',
    {
      pattern: /^(monitor|defensive|strictest)$/i,
      expected: 'monitor, defensive or strictest',
      standard: 'defensive',
    },
  ],
  // Passes `Upgrade` through on HTTP listeners and splices after a 101.
  ['weir.http.upgrade', truth],
  // Adds an X-Amzn-Trace-Id.
  ['weir.http.requestid', truth],
  // Connections to one instance; 0: as many as it takes.
  [
    'weir.backend.maxconnections',
    { pattern: /^(0|[1-9]\d{0,5})$/, expected: 'a whole number from 0 (no limit) to 999999' },
  ],
  // Time in which a new instance gets its full share; 0: at once.
  [
    'weir.backend.slowstartseconds',
    { pattern: /^(0|[1-9]\d?|[1-8]\d\d|900)$/, expected: 'a whole number from 0 to 900' },
  ],
]);

/** Keys and values to be set, each checked; letter case of values does not matter. */
export function readAdditionalAttributes(
  input: readonly AdditionalAttribute[],
): Readonly<Record<string, string>> | ElbFault {
  if (input.length > MAX_GIVEN) {
    return elbFault('ValidationError', `At most ${MAX_GIVEN} AdditionalAttributes can be given, got ${input.length}.`);
  }
  const values = new Map<string, string>();
  for (const { Key, Value } of input) {
    const key = Key ?? '';
    const known = KNOWN.get(key);
    if (known === undefined) {
      return elbFault(
        'LoadBalancerAttributeNotFound',
        `Load balancer attribute key '${shown(key)}' is not recognized. Known are ${[...KNOWN.keys()].join(', ')}.`,
      );
    }
    if (Value === undefined || !known.pattern.test(Value)) {
      return elbFault(
        'InvalidConfigurationRequest',
        `The attribute ${key} must be ${known.expected}, got '${shown(Value ?? '')}'.`,
      );
    }
    if (values.has(key)) return elbFault('ValidationError', `The attribute ${key} is given more than once.`);
    values.set(key, Value.toLowerCase());
  }
  return Object.fromEntries(values);
}

/** What was set, and the defaults that AWS describes as well. */
export function describeAdditionalAttributes(set: Readonly<Record<string, string>>): readonly AdditionalAttribute[] {
  return [...KNOWN].flatMap(([key, { standard }]) => {
    const value = set[key] ?? standard;
    return value === undefined ? [] : [{ Key: key, Value: value }];
  });
}
