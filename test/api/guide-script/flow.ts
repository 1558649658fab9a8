/** Traffic that flows while commands are run: two clients on kept-alive connections, one request after the other. */
import { Agent, request } from 'node:http';
import { sleep, systemClock } from '../../../src/kit/clock.ts';
import { messageOf } from '../../../src/kit/assert.ts';

const CLIENTS = 2;
const PAUSE_MS = 5;

export class Flow {
  /** What was not answered with 200, or not at all. */
  readonly failures: string[] = [];
  /** Answered with 200. */
  count = 0;
  #stopped = true;
  #agent = new Agent({ keepAlive: true });
  #running: Promise<unknown> = Promise.resolve();

  get isRunning(): boolean {
    return !this.#stopped;
  }

  start(port: number): void {
    this.#stopped = false;
    this.#agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
    this.#running = Promise.all(Array.from({ length: CLIENTS }, () => this.#client(port)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.#agent.destroy();
  }

  async #client(port: number): Promise<void> {
    while (!this.#stopped) {
      try {
        const status = await this.#get(port);
        if (status === 200) this.count++;
        else this.failures.push(`answered ${status}`);
      } catch (error) {
        this.failures.push(messageOf(error));
      }
      await sleep(systemClock, PAUSE_MS);
    }
  }

  #get(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, agent: this.#agent }, (response) => {
        response
          .resume()
          .on('end', () => resolve(response.statusCode ?? 0))
          .on('error', reject);
      });
      sent.on('error', reject).end();
    });
  }
}
