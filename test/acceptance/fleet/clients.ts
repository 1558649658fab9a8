/**
 * Clients of a fleet that go on and on: requests quick and slow, with bodies and without, on kept-alive connections and
 * new ones; sessions of both kinds of stickiness; TCP connections that last a while.
 */
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { messageOf } from '../../../src/kit/assert.ts';
import { sleep, systemClock } from '../../../src/kit/clock.ts';
import type { Random } from '../../../src/kit/random.ts';
import { DELAY, REQUEST_ID } from './instance.ts';
import type { Ledger } from './ledger.ts';
import type { Standing } from './standing.ts';

const ANSWER_MS = 20_000;
const PAUSE_MS = 15;
/** One request in so many is a slow one, which takes up to two seconds. */
const SLOW_ONE_IN = 8;
const SLOW_MS = 1000;
const BODY = 'x'.repeat(3000);
/** Messages of one TCP connection. */
const MESSAGES = 40;

export interface ClientsPlan {
  readonly host: string;
  readonly durationPort: number;
  readonly applicationPort: number;
  readonly tcpPort: number;
  /** Of each kind. */
  readonly clients: number;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly standing: Standing;
}

interface Ask {
  readonly port: number;
  readonly agent: Agent | false;
  readonly method?: 'GET' | 'POST';
  readonly cookies?: ReadonlyMap<string, string>;
}

interface Answer {
  readonly instance: string;
  readonly cookies: readonly string[];
}

export class FleetClients {
  readonly #plan: ClientsPlan;
  #running = true;
  #next = 0;
  readonly #ended: Promise<unknown>;

  constructor(plan: ClientsPlan) {
    this.#plan = plan;
    const loops = Array.from({ length: plan.clients }, () => [
      this.#plain('GET', true),
      this.#plain('POST', true),
      this.#plain('GET', false),
      this.#session(plan.durationPort),
      this.#session(plan.applicationPort),
      this.#streams(),
    ]);
    this.#ended = Promise.all(loops.flat());
  }

  /** Lets every client finish what it has begun. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }

  async #plain(method: 'GET' | 'POST', keepAlive: boolean): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (this.#running) {
      await this.#ask({ port: this.#plan.durationPort, agent: keepAlive && agent, method });
      await sleep(systemClock, PAUSE_MS);
    }
    agent.destroy();
  }

  /** A browser: keeps its cookies, and must find the instance that they mean as long as that one is there. */
  async #session(port: number): Promise<void> {
    const { standing, ledger } = this.#plan;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const cookies = new Map<string, string>();
    let bound = '';
    while (this.#running) {
      const since = standing.of(bound);
      const answer = await this.#ask({ port, agent, cookies });
      if (answer !== undefined) {
        const stood = since !== undefined && standing.of(bound) === since;
        if (stood && answer.instance !== bound) ledger.strayed(`${port}: ${answer.instance} instead of ${bound}`);
        for (const each of answer.cookies) {
          const [name, value] = each.split(/[=;]/, 2) as [string, string];
          cookies.set(name, value);
          if (name === 'AWSELB') bound = answer.instance;
        }
      }
      await sleep(systemClock, PAUSE_MS);
    }
    agent.destroy();
  }

  async #streams(): Promise<void> {
    while (this.#running) {
      await this.#stream(`tcp-${this.#next++}`);
      await sleep(systemClock, PAUSE_MS);
    }
  }

  async #stream(id: string): Promise<void> {
    const { host, tcpPort, ledger, standing } = this.#plan;
    const startedMs = systemClock.monotonicMs();
    const stream = new Stream(connect({ host, port: tcpPort, noDelay: true }));
    let [name, kills] = ['', 0];
    try {
      name = await stream.line();
      kills = standing.kills(name);
      for (let message = 0; message < MESSAGES && this.#running; message++) {
        const text = `${id} ${message}`;
        if ((await stream.echo(text)) !== text) throw new Error('other bytes came back');
        ledger.answered++;
        await sleep(systemClock, PAUSE_MS);
      }
    } catch (error) {
      const what = messageOf(error);
      if (name === '') ledger.failed({ id, what, startedMs });
      else if (standing.kills(name) > kills) ledger.lost++;
      else ledger.broke(`${id}: ${what}, on ${name}, which was not killed`);
    }
    stream.close();
  }

  async #ask(ask: Ask): Promise<Answer | undefined> {
    const { ledger, random } = this.#plan;
    const id = `${ask.method ?? 'GET'}-${ask.port}-${this.#next++}`;
    const startedMs = systemClock.monotonicMs();
    const delayMs = random.below(SLOW_ONE_IN) === 0 ? random.below(SLOW_MS) : 0;
    try {
      const answer = await this.#send(ask, id, delayMs);
      ledger.answered++;
      return answer;
    } catch (error) {
      ledger.failed({ id, what: messageOf(error), startedMs });
      return undefined;
    }
  }

  #send({ port, agent, method = 'GET', cookies }: Ask, id: string, delayMs: number): Promise<Answer> {
    const { host } = this.#plan;
    const cookie = Array.from(cookies ?? [], ([name, value]) => `${name}=${value}`).join('; ');
    const headers = { [REQUEST_ID]: id, [DELAY]: delayMs, ...(cookie === '' ? {} : { cookie }) };
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(new Error(`broken: ${error.message}`));
      const sent = request({ host, port, agent, method, headers, path: '/', timeout: ANSWER_MS }, (response) => {
        let text = '';
        response.setEncoding('latin1').on('data', (piece: string) => (text += piece));
        response.on('error', fail);
        response.on('end', () => {
          const [, instance, length] = /^(\S+) (\d+)\n$/.exec(text) ?? [];
          if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
          else if (Number(length) !== (method === 'POST' ? BODY.length : 0)) reject(new Error(`wrong answer ${text}`));
          else resolve({ instance: instance!, cookies: response.headers['set-cookie'] ?? [] });
        });
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.on('error', fail);
      sent.end(method === 'POST' ? BODY : undefined);
    });
  }
}

/** Lines over a TCP connection. */
class Stream {
  readonly #socket: Socket;
  #text = '';
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const fail = (what: string): void => {
      this.#failure ??= new Error(`broken: ${what}`);
      this.#wake();
    };
    socket.setTimeout(ANSWER_MS, () => fail('no answer'));
    socket.on('error', (error) => fail(error.message));
    socket.on('end', () => fail('ended'));
    socket.on('data', (piece: Buffer) => {
      this.#text += piece.toString('latin1');
      this.#wake();
    });
  }

  async line(): Promise<string> {
    while (!this.#text.includes('\n')) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const end = this.#text.indexOf('\n');
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  echo(text: string): Promise<string> {
    this.#socket.write(`${text}\n`);
    return this.line();
  }

  close(): void {
    this.#socket.destroy();
  }
}
