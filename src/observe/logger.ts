/** The process's own log, on standard error: JSON for machines, one readable line each for people. */
import pino from 'pino';
import type { Log } from '../kit/log.ts';
import type { Configuration } from '../model/configuration.ts';
import { LineOutput, withoutWaiting } from './line-output.ts';

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
  /** Before the process ends: gives a slow reader a moment for the last lines. */
  finish(): void;
}

/** `error` (or `err`) among the fields may be an Error: it is logged with its stack and causes. */
export function createLogger(options: LoggerOptions): Logger {
  const output = options.write === undefined ? new LineOutput(withoutWaiting(STANDARD_ERROR)) : undefined;
  const write = (line: string): void => (output === undefined ? options.write?.(line) : writeTo(output, line));
  const writeTo = (to: LineOutput, line: string): void => {
    to.write(line);
    const lines = to.takeLost();
    if (lines > 0) logger.warn({ lines }, 'lines of this log were lost: whoever reads standard error stood still');
  };
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
    finish: () => output?.finish(),
  };
}

const STANDARD_ERROR = 2;

/** `18:22:04.123 warn  message  key=value`, from a line of JSON. A stack follows on lines of its own. */
function prettyLine(line: string): string {
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
