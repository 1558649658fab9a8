/** What the fuzz runner runs. */
import type { Random } from '../../src/kit/random.ts';

/** A case that broke a property. */
export interface Finding {
  readonly property: string;
  readonly message: string;
  /** What was fed in. */
  readonly bytes: Uint8Array;
  /** Does this input break the same property? For making it smaller. */
  fails(bytes: Uint8Array): boolean;
  /** The bytes are choices, of which 0 is the plainest; otherwise they are what was fed in. */
  readonly choices?: boolean;
  /** What happens with this input, to be read by people. */
  script?(bytes: Uint8Array): string;
}

export interface FuzzTarget {
  readonly name: string;
  readonly about: string;
  /** One case out of the random source; undefined when every property held. */
  run(random: Random): Finding | undefined;
}

/** A property of bytes: says what is wrong, or nothing. */
export type Property = (bytes: Uint8Array) => string | undefined;

/** Checks one property; an exception breaks it too. */
export function check(property: string, holds: Property, bytes: Uint8Array): Finding | undefined {
  const tell = (input: Uint8Array): string | undefined => {
    try {
      return holds(input);
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  };
  const message = tell(bytes);
  return message === undefined ? undefined : { property, message, bytes, fails: (input) => tell(input) !== undefined };
}

/** Cuts pieces out of the bytes, and makes choices plainer, for as long as the finding remains; bounded work. */
export function minimise(finding: Finding, maxAttempts = 4000): Uint8Array {
  let bytes: Buffer = Buffer.from(finding.bytes);
  let attempts = 0;
  const takeIf = (candidate: Buffer): boolean => {
    if (attempts >= maxAttempts) return false;
    attempts++;
    if (!finding.fails(candidate)) return false;
    bytes = candidate;
    return true;
  };
  for (let size = bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < bytes.length && attempts < maxAttempts;) {
      if (!takeIf(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]))) at += size;
    }
  }
  if (finding.choices !== true) return bytes;
  for (let at = 0; at < bytes.length && attempts < maxAttempts; at++) {
    for (const value of [0, 1, 2].filter((each) => each < bytes[at]!)) {
      const plainer = Buffer.from(bytes);
      plainer[at] = value;
      if (takeIf(plainer)) break;
    }
  }
  return bytes;
}
