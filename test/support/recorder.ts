/** An owner of a connection for tests of transports: it notes what it is told. */
import type { Connection, ConnectionOwner } from '../../src/transport/transport.ts';

/** Notes what it is told, in order. */
export class Recorder implements ConnectionOwner {
  readonly events: string[] = [];
  received = '';
  #wake: (() => void) | undefined;
  /** Called instead of taking down what has arrived. */
  data: ((connection: Connection, bytes: Buffer, start: number, end: number) => void) | undefined;

  #note(event: string): void {
    this.events.push(event);
    this.#wake?.();
  }

  onConnect(): void {
    this.#note('connect');
  }

  onData(connection: Connection, bytes: Buffer, start: number, end: number): void {
    if (this.data === undefined) this.received += bytes.toString('latin1', start, end);
    else this.data(connection, bytes, start, end);
    this.#wake?.();
  }

  onEnd(): void {
    this.#note('end');
  }

  onDrain(): void {
    this.#note('drain');
  }

  onClose(_connection: Connection, code: string): void {
    this.#note(`close ${code}`);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  saw(event: string): Promise<void> {
    return this.until(() => this.events.includes(event));
  }
}

/** Lets the event loop turn. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
