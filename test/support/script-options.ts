/** The options of scripts that `npm run` starts: what is wrong with them is told in one line, with exit code 2. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { messageOf } from '../../src/kit/assert.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<O extends Options> = ReturnType<typeof parseArgs<{ readonly options: O }>>['values'];

/** What the command line says of `options`, which are all that the script called `script` has. */
export function readOptions<const O extends Options>(script: string, options: O): Values<O> {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse(script, messageOf(error));
  }
}

export function wholeNumber(script: string, option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  return refuse(script, `--${option} must be a whole number, not ${JSON.stringify(text)}`);
}

/** Ends the process. */
export function refuse(script: string, message: string): never {
  console.error(`${script}: ${message}`);
  process.exit(2);
}
