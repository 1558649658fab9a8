/** `application/x-www-form-urlencoded`, from a body or a URL's query: names and values, bounded and strictly decoded. */
import { API } from '../../model/limits.ts';
import { commonFault, shown } from '../fault.ts';
import type { Fault } from '../fault.ts';

export type FormFault = Fault<'MalformedQueryString'>;

function malformed(message: string): FormFault {
  return commonFault('MalformedQueryString', message);
}

/** One name or value: `+` is a space, `%XX` a byte of UTF-8. Undefined when it is no UTF-8. */
function decodeComponent(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of a form as text, or undefined when they are no UTF-8. */
export function formText(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Name-value pairs in the order sent. More pairs than {@link API.maxParameters} are refused before they are looked at;
 * empty pairs (`a=1&&b=2`) are skipped, as everywhere.
 */
export function parseForm(text: string): readonly (readonly [string, string])[] | FormFault {
  const pairs = text.split('&', API.maxParameters + 1);
  if (pairs.length > API.maxParameters) {
    return malformed(`The request has more than ${API.maxParameters} parameters.`);
  }
  const parsed: (readonly [string, string])[] = [];
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals));
    const value = decodeComponent(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) {
      // Its name alone: the value might be a secret.
      return malformed(`The parameter '${shown(pair.split('=', 1)[0]!)}' is not valid percent-encoded UTF-8.`);
    }
    parsed.push([name, value]);
  }
  return parsed;
}
