/** Questions about a list of headers. */
import type { Header } from './reference-request-head.ts';

/** In lower case, ASCII letters only: a name is bytes. */
export function fold(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

export function valuesOf(headers: readonly Header[], name: string): string[] {
  return headers.filter(([other]) => fold(other) === fold(name)).map(([, value]) => value);
}

/** What all Connection headers together name, in lower case. */
export function connectionOptions(headers: readonly Header[]): string[] {
  return valuesOf(headers, 'Connection').flatMap((value) =>
    fold(value)
      .split(/[ \t,]+/)
      .filter(Boolean),
  );
}

/** Those of them that name other headers. */
export function namedByConnection(headers: readonly Header[]): string[] {
  return connectionOptions(headers).filter((option) => !['close', 'keep-alive', 'upgrade', 'te'].includes(option));
}

/** Does the sender ask for another protocol? (RFC 9110 7.8) */
export function asksForUpgrade(version: '1.0' | '1.1', headers: readonly Header[]): boolean {
  return version === '1.1' && connectionOptions(headers).includes('upgrade') && valuesOf(headers, 'Upgrade').length > 0;
}

/** May it go on to the back end? Not to HTTP/2. */
export function passesUpgrade(version: '1.0' | '1.1', headers: readonly Header[]): boolean {
  const protocols = valuesOf(headers, 'Upgrade').flatMap((value) => value.split(',').map((each) => each.trim()));
  return asksForUpgrade(version, headers) && !protocols.some((each) => each.toLowerCase() === 'h2c');
}
