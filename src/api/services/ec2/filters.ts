/** `Filter.1.Name`, `Filter.1.Value.1` …: all filters must hold, and for each one of its values; `*` and `?` stand for any. */
import { shown } from '../../fault.ts';
import { ec2Fault } from './model.ts';
import type { Ec2Fault } from './model.ts';
import type { Resource } from './resources.ts';

export interface Filter {
  readonly Name?: string;
  readonly Value?: readonly string[];
}

/** Nothing here has tags: filters by them are known, and hold for nothing. */
const TAG_FILTER = /^(tag:.*|tag-key|tag-value)$/s;

/** What AWS takes: values of all filters, and characters of one. */
const MAX_VALUES = 200;
const MAX_VALUE_LENGTH = 255;

/** Before anything is looked at: more would keep the thread for as long as a caller likes. */
export function filterLimitFault(filters: readonly Filter[]): Ec2Fault | undefined {
  const values = filters.flatMap(({ Value = [] }) => Value);
  if (values.length > MAX_VALUES) {
    const message = `The maximum number of filter values specified on a single call is ${MAX_VALUES}`;
    return ec2Fault('FilterLimitExceeded', message);
  }
  if (values.every(({ length }) => length <= MAX_VALUE_LENGTH)) return undefined;
  return ec2Fault('FilterLimitExceeded', `The maximum length for a filter value is ${MAX_VALUE_LENGTH} characters`);
}

/** Those of `resources` for which all filters hold; `known`: what can be filtered by. */
export function filterBy(
  filters: readonly Filter[],
  resources: readonly Resource[],
  known: readonly string[],
): readonly Resource[] | Ec2Fault {
  let left = resources;
  for (const { Name: name = '', Value: values = [] } of filters) {
    if (!known.includes(name) && !TAG_FILTER.test(name)) {
      return ec2Fault('InvalidParameterValue', `The filter '${shown(name)}' is invalid: weir has ${known.join(', ')}.`);
    }
    const patterns = values.map(tokensOf);
    left = left.filter(({ fields }) => {
      const is = Object.hasOwn(fields, name) ? fields[name]! : undefined;
      return is !== undefined && patterns.some((tokens) => fits(tokens, is));
    });
  }
  return left;
}

/** Whether `text` fits `pattern`, in a time that grows with the product of their lengths at most. */
export function matches(pattern: string, text: string): boolean {
  return fits(tokensOf(pattern), text);
}

function fits(tokens: readonly string[], text: string): boolean {
  let [token, at] = [0, 0];
  // Where the last star stands, and how much of the text it stands for so far.
  let [star, starEnd] = [-1, 0];
  while (at < text.length) {
    const one = tokens[token];
    if (one === '*') {
      star = token++;
      starEnd = at;
    } else if (one === '?' || (one !== undefined && one[1] === text[at])) {
      token++;
      at++;
    } else if (star >= 0) {
      token = star + 1;
      at = ++starEnd;
    } else return false;
  }
  while (tokens[token] === '*') token++;
  return token === tokens.length;
}

/** `*`, `?`, or `=` and a character that stands for itself; a backslash takes the meaning from what follows it. */
function tokensOf(pattern: string): readonly string[] {
  const tokens: string[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === '\\' && at + 1 < pattern.length) tokens.push(`=${pattern[++at]}`);
    else if (character === '*' || character === '?') tokens.push(character);
    else tokens.push(`=${character}`);
  }
  return tokens;
}
