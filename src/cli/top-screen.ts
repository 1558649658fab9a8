/**
 * A terminal that is drawn on: its own screen, no cursor, keys one by one. Whatever ends the process, the terminal is
 * as it was before: `close`, and every way out that does not come by there.
 */
import { emitKeypressEvents, type Key } from 'node:readline';
import type { Line, Style } from './top-frame.ts';

/** Standard input, as far as it is needed here. */
export interface ScreenInput extends NodeJS.ReadableStream {
  setRawMode(on: boolean): unknown;
}

/** Standard output. */
export interface ScreenOutput extends NodeJS.WritableStream {
  readonly columns: number;
  readonly rows: number;
}

/** What ends or stops the process, and how to do it: `process`, or a test's own. */
export interface ScreenProcess extends NodeJS.EventEmitter {
  readonly pid: number;
  kill(pid: number, signal: NodeJS.Signals): unknown;
}

export interface ScreenOptions {
  readonly input: ScreenInput;
  readonly output: ScreenOutput;
  readonly process: ScreenProcess;
  /** `NO_COLOR` is set: bold and reverse tell enough. */
  readonly colours: boolean;
  /** The name of a key (`q`, `up`). */
  readonly onKey: (name: string) => void;
  /** The size has changed, or the screen has to be drawn anew. */
  readonly onResize: () => void;
  /** The terminal is gone, or the user wants to leave. */
  readonly onEnd: () => void;
}

const ENTER = '\u001B[?1049h\u001B[?25l\u001B[2J';
const LEAVE = '\u001B[0m\u001B[?25h\u001B[?1049l';
const DEADLY: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
/** kill(2): everybody in the process group. */
const WHOLE_GROUP = 0;
/** What a terminal says that does not tell its size. */
const DEFAULT_SIZE = { width: 80, height: 24 };

export class Screen {
  readonly #options: ScreenOptions;
  #open = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  get size(): { width: number; height: number } {
    const { columns, rows } = this.#options.output;
    return { width: columns || DEFAULT_SIZE.width, height: rows || DEFAULT_SIZE.height };
  }

  open(): void {
    const { input, output, process } = this.#options;
    emitKeypressEvents(input);
    input.on('keypress', this.#onKeypress);
    input.on('end', this.#onEnd);
    output.on('resize', this.#onResize);
    output.on('error', this.#onEnd);
    for (const signal of DEADLY) process.on(signal, this.#onSignal);
    process.on('SIGCONT', this.#onContinue);
    process.on('exit', this.#leave);
    process.on('uncaughtExceptionMonitor', this.#leave);
    this.#enter();
  }

  /** Gives the terminal back. Drawing does nothing from now on. */
  close(): void {
    const { input, output, process } = this.#options;
    this.#leave();
    input.off('keypress', this.#onKeypress);
    input.off('end', this.#onEnd);
    input.pause();
    output.off('resize', this.#onResize);
    for (const signal of DEADLY) process.off(signal, this.#onSignal);
    process.off('SIGCONT', this.#onContinue);
    process.off('exit', this.#leave);
    process.off('uncaughtExceptionMonitor', this.#leave);
  }

  /** Shows `lines`, which are no wider than the screen; what was there before is gone. */
  draw(lines: readonly Line[]): void {
    if (!this.#open) return;
    const { height } = this.size;
    const rows = Array.from({ length: height }, (_, row) => lines[row]);
    // Each row is cleared before it is written: behind a full row the cursor still stands on its last character.
    const text = rows.map((line) => `\u001B[K${line === undefined ? '' : this.#styled(line)}`).join('\r\n');
    this.#options.output.write(`\u001B[H${text}`);
  }

  #styled({ text, style }: Line): string {
    const code = this.#options.colours ? COLOURED[style] : UNCOLOURED[style];
    return code === '' ? text : `\u001B[${code}m${text}\u001B[0m`;
  }

  #enter(): void {
    const { input, output } = this.#options;
    this.#open = true;
    input.setRawMode(true);
    input.resume();
    output.write(ENTER);
  }

  #leave = (): void => {
    if (!this.#open) return;
    this.#open = false;
    const { input, output } = this.#options;
    output.write(LEAVE);
    input.setRawMode(false);
  };

  #onKeypress = (_text: string | undefined, { name = '', ctrl = false, sequence = '' }: Key): void => {
    if (ctrl && (name === 'c' || name === 'd')) this.#options.onEnd();
    else if (ctrl && name === 'z') this.#suspend();
    else if (!ctrl) this.#options.onKey(name === '' ? sequence : name);
  };

  /** In raw mode the terminal leaves it to us to stop for Ctrl-Z: us, and npm and our launcher, whom the shell waits for. */
  #suspend(): void {
    const { process } = this.#options;
    this.#leave();
    process.kill(WHOLE_GROUP, 'SIGSTOP');
  }

  #onContinue = (): void => {
    if (!this.#open) this.#enter();
    this.#options.onResize();
  };

  #onResize = (): void => this.#options.onResize();

  #onEnd = (): void => this.#options.onEnd();

  /** Ends as the signal would have ended the process, so that who waits for it is told the truth. */
  #onSignal = (signal: NodeJS.Signals): void => {
    const { process } = this.#options;
    this.close();
    process.kill(process.pid, signal);
  };
}

const COLOURED: Readonly<Record<Style, string>> = { plain: '', heading: '1', selected: '7', bad: '31', faint: '2' };
const UNCOLOURED: Readonly<Record<Style, string>> = { ...COLOURED, bad: '1', faint: '' };
