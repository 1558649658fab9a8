/** Questions about a list of headers. */
import type { Header } from './reference-request-head.ts';

export function valuesOf(headers: readonly Header[], name: string): string[] {
  return headers.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** What all Connection headers together name, in lower case. */
export function connectionOptions(headers: readonly Header[]): string[] {
  return valuesOf(headers, 'Connection').flatMap((value) =>
    value
      .toLowerCase()
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
