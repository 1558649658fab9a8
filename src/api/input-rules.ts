/** Rules of single values of an input, and what breaks them in AWS's words (fault.ts, `violation`). */
import { MAX_TAG_KEY_LENGTH, MAX_TAG_VALUE_LENGTH } from '../model/limits.ts';
import type { Tag } from '../model/load-balancer.ts';
import { HIDDEN, shown, violation } from './fault.ts';

/** In characters, as AWS counts them: one beyond the basic plane is one, though it is two units of a string. */
function lengthOf(text: string | Uint8Array): number {
  if (typeof text !== 'string') return text.length;
  return text.length - (text.match(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g)?.length ?? 0);
}

export interface TextRule {
  /** Length in characters; of bytes, their number. */
  readonly min: number;
  readonly max: number;
  /** The whole text must match it. */
  readonly pattern?: RegExp;
  /** The text must not be shown. */
  readonly isSensitive?: true;
}

/** Nothing for a text that is absent: whether it is required stands in the model. */
export function textViolations(text: string | Uint8Array | undefined, path: string, rule: TextRule): readonly string[] {
  if (text === undefined) return [];
  const value = rule.isSensitive === true || typeof text !== 'string' ? HIDDEN : text;
  const violations: string[] = [];
  const length = lengthOf(text);
  if (length < rule.min) {
    violations.push(violation(value, path, `Member must have length greater than or equal to ${rule.min}`));
  }
  if (length > rule.max) {
    violations.push(violation(value, path, `Member must have length less than or equal to ${rule.max}`));
  }
  // What is too long is not matched: the time that takes is the caller's choice.
  else if (typeof text === 'string' && rule.pattern !== undefined && !rule.pattern.test(text)) {
    const { source } = rule.pattern;
    const pattern = source.replace(/^\^(?:\(\?:)?|\)?\$$/g, '');
    violations.push(violation(value, path, `Member must satisfy regular expression pattern: ${pattern}`));
  }
  return violations;
}

export function enumViolations(text: string | undefined, path: string, values: readonly string[]): readonly string[] {
  if (text === undefined || values.includes(text)) return [];
  return [violation(text, path, `Member must satisfy enum value set: [${values.join(', ')}]`)];
}

/** Letters, blanks and digits of any script, and these marks: the pattern of AWS's models. */
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** `path` is that of the tag. */
export function tagViolations({ key, value = '' }: Tag, path: string): string[] {
  const check = (text: string, name: string, min: number, max: number): readonly string[] => {
    const length = lengthOf(text);
    if (length < min || length > max) {
      return [violation(text, `${path}.${name}`, `Member must have length between ${min} and ${max}`)];
    }
    if (TAG_TEXT.test(text)) return [];
    const rule = 'Member must satisfy regular expression pattern: ([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)';
    return [violation(text, `${path}.${name}`, rule)];
  };
  return [...check(key, 'key', 1, MAX_TAG_KEY_LENGTH), ...check(value, 'value', 0, MAX_TAG_VALUE_LENGTH)];
}

/** Keys that begin with `aws:` are AWS's own. */
export function isReservedTagKey(key: string): boolean {
  return /^aws:/i.test(key);
}

/** Why a tag cannot have the key: it is AWS's own. */
export function reservedKeyProblem(key: string): string | undefined {
  return isReservedTagKey(key) ? `The tag key '${shown(key)}' begins with aws:, which is reserved for AWS.` : undefined;
}

/** What is wrong with the keys of well-formed `tags`: one is AWS's own, or given twice. */
export function tagKeysProblem(tags: readonly Tag[]): string | undefined {
  const reserved = tags.find(({ key }) => isReservedTagKey(key));
  if (reserved !== undefined) return reservedKeyProblem(reserved.key);
  const twice = tags.find(({ key }, index) => tags.some((other, at) => at < index && other.key === key));
  return twice === undefined ? undefined : `The tag key '${shown(twice.key)}' is given more than once.`;
}
