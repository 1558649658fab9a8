/** The process's own log, on standard error: JSON for machines, one readable line each for people. */
import pino from 'pino';
import type { Log } from '../kit/log.ts';
import type { Configuration } from '../model/configuration.ts';

export type LogLevel = Configuration['log']['level'];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: Configuration['log']['format'];
  /** Takes one line, its line end included; standard error when absent. */
  readonly write?: (line: string) => void;
}

/** A {@link Log} whose level can be changed while it is used. */
export interface Logger extends Log {
  setLevel(level: LogLevel): void;
}

/** `error` (or `err`) among the fields may be an Error: it is logged with its stack and causes. */
export function createLogger(options: LoggerOptions): Logger {
  const write = options.write ?? standardError();
  const logger = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    },
    { write: options.format === 'pretty' ? (line) => write(prettyLine(line)) : write },
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    setLevel: (level) => void (logger.level = level),
  };
}

/** Synchronous, so that the last line before an exit is there; a reader that went away is no reason to end. */
function standardError(): (line: string) => void {
  const destination = pino.destination({ dest: 2, sync: true });
  destination.on('error', () => undefined);
  return (line) => void destination.write(line);
}

/** `18:22:04.123 warn  message  key=value`, from a line of JSON. A stack follows on lines of its own. */
export function prettyLine(line: string): string {
  const { level, time, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const stacks: string[] = [];
  const pairs = Object.entries(fields).map(([key, value]) => {
    if (isSerializedError(value)) {
      stacks.push(value.stack);
      return `${key}=${quoted(value.message)}`;
    }
    return `${key}=${quoted(value)}`;
  });
  const head = `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${String(message)}`;
  const text = [pairs.length === 0 ? head : `${head}  ${pairs.join(' ')}`, ...stacks].join('\n');
  return `${withoutControls(text)}\n`;
}

function isSerializedError(value: unknown): value is { readonly message: string; readonly stack: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string';
}

function quoted(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

/** A peer's bytes must not move the cursor of the terminal that shows them. */
function withoutControls(text: string): string {
  return text.replaceAll(
    /(?!\n)[\p{Cc}\p{Cf}]/gu,
    (control) => `\\u${control.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}
