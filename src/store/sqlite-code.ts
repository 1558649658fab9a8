/** The result codes of errors that SQLite raised (https://www.sqlite.org/rescode.html). */

/** With what the primary code leaves open; 0 for an error that is not SQLite's. */
export function extendedCode(error: unknown): number {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'errcode') : undefined;
  return typeof code === 'number' ? code : 0;
}

/** The primary code; undefined for an error that is not SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  const code = extendedCode(error) & 0xff;
  return code === 0 ? undefined : code;
}
