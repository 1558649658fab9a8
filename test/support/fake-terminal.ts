/** A terminal without one: what is typed comes from the test, what is drawn is kept, and signals kill nobody. */
import { EventEmitter } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import type { ScreenInput, ScreenOutput, ScreenProcess } from '../../src/cli/top-screen.ts';

class Keyboard extends PassThrough implements ScreenInput {
  raw = false;

  setRawMode(on: boolean): this {
    this.raw = on;
    return this;
  }
}

class Display extends Writable implements ScreenOutput {
  columns = 80;
  rows = 24;
  written = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written += chunk.toString('utf8');
    done();
  }
}

class PlayedProcess extends EventEmitter implements ScreenProcess {
  readonly pid = 42;
  readonly killed: string[] = [];

  kill(pid: number, signal: NodeJS.Signals): void {
    this.killed.push(`${pid} ${signal}`);
  }
}

export class FakeTerminal {
  readonly input = new Keyboard();
  readonly output = new Display();
  readonly process = new PlayedProcess();
  readonly colours = true;

  /** Types `text`; resolves when it has been read. */
  async type(text: string): Promise<void> {
    this.input.write(text);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  resize(columns: number, rows: number): void {
    Object.assign(this.output, { columns, rows });
    this.output.emit('resize');
  }

  /** The rows of the last frame, without colours. */
  get rows(): string[] {
    const frame = this.output.written.split('\u001B[H').at(-1)!;
    return stripVTControlCharacters(frame).split('\r\n');
  }

  /** Is it as it was before: its own screen left, the cursor shown, lines read whole, nobody listening? */
  get restored(): boolean {
    const { written } = this.output;
    const balanced = (enter: string, leave: string) => written.lastIndexOf(leave) > written.lastIndexOf(enter);
    return balanced('\u001B[?1049h', '\u001B[?1049l') && balanced('\u001B[?25l', '\u001B[?25h') && !this.input.raw;
  }

  /** What would still be called. */
  get listeners(): number {
    return (
      this.process.eventNames().length + this.output.listenerCount('resize') + this.input.listenerCount('keypress')
    );
  }
}
