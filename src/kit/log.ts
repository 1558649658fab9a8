/** What a line is about, in fields: `{ loadBalancer, instance, cause }`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the process tells its operator what happened. Lines about traffic go to the access log instead. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Says nothing: for tests and tools. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
