/**
 * Clients of an HTTPS listener whose parameters are swapped while they go on: what each handshake agreed on is kept, so that
 * it can be held against what was in force from its beginning to its end.
 */
import { Agent } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { messageOf } from '../../src/kit/assert.ts';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { ANSWER_MS, get } from './asked.ts';

const PAUSE_MS = 5;
const GET = 'GET / HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\n\r\n';

/** Which parameters were in force when: each from some moment of the call that sets them to some moment of the next. */
export class Timeline {
  readonly #swaps: { readonly cipher: string; readonly calledMs: number; doneMs: number }[] = [];

  /** Sets `cipher` in force by `call`. Returns how long that took, in milliseconds. */
  async swap(cipher: string, call: () => Promise<unknown>): Promise<number> {
    const swap = { cipher, calledMs: systemClock.monotonicMs(), doneMs: Infinity };
    this.#swaps.push(swap);
    await call();
    swap.doneMs = systemClock.monotonicMs();
    return swap.doneMs - swap.calledMs;
  }

  /** What may have been in force at any moment of that time. */
  during(fromMs: number, toMs: number): Set<string> {
    const overlapping = this.#swaps.filter(
      ({ calledMs }, index) => calledMs <= toMs && (this.#swaps[index + 1]?.doneMs ?? Infinity) >= fromMs,
    );
    return new Set(overlapping.map(({ cipher }) => cipher));
  }
}

export type TlsClientKind = 'kept-alive' | 'any cipher' | 'one cipher' | 'resuming';

interface Handshake {
  readonly kind: TlsClientKind;
  readonly fromMs: number;
  readonly toMs: number;
  /** What was agreed on; undefined: it was refused. */
  readonly cipher: string | undefined;
  readonly resumed: boolean;
}

export interface TlsLoadOptions {
  readonly host: string;
  readonly port: number;
  /** All that are ever in force. */
  readonly ciphers: readonly string[];
  /** Clients of each kind. */
  readonly clients: number;
}

export class TlsLoad {
  /** Failed requests, by what went wrong. */
  readonly failures = new Map<string, number>();
  readonly answered = new Map<TlsClientKind, number>();
  readonly #options: TlsLoadOptions;
  readonly #handshakes: Handshake[] = [];
  #running = true;
  readonly #ended: Promise<unknown>;

  constructor(options: TlsLoadOptions) {
    this.#options = options;
    const loops = Array.from({ length: options.clients }, () => [
      this.#keepAlive(),
      this.#repeat('any cipher', () => this.#once('any cipher', options.ciphers)),
      this.#repeat('one cipher', () => this.#once('one cipher', options.ciphers.slice(0, 1))),
      this.#resuming(),
    ]);
    this.#ended = Promise.all(loops.flat());
  }

  /** Lets every client finish what it has begun. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }

  get resumed(): number {
    return this.#handshakes.filter((each) => each.resumed).length;
  }

  /** Handshakes that were refused, to clients that offered nothing but what was not in force. */
  get refused(): number {
    return this.#handshakes.filter(({ cipher }) => cipher === undefined).length;
  }

  /** Handshakes that agreed on what was not in force, or were refused though what they offered was, a line each. */
  wrong(timeline: Timeline): string[] {
    const [first] = this.#options.ciphers;
    return this.#handshakes.flatMap(({ kind, fromMs, toMs, cipher, resumed }) => {
      const inForce = timeline.during(fromMs, toMs);
      const fine = cipher === undefined ? kind === 'one cipher' && isOther(inForce, first) : inForce.has(cipher);
      const what = `${resumed ? 'resumed' : 'agreed on'} ${cipher ?? 'nothing'}`;
      return fine ? [] : [`${kind}: ${what}, with ${[...inForce].join(' or ')} in force`];
    });
  }

  async #keepAlive(): Promise<void> {
    const { host, port } = this.#options;
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    let connected = false;
    await this.#repeat('kept-alive', async () => {
      const { reused } = await get('https', { host, port, agent });
      if (connected && !reused) throw new Error('the connection was closed between two requests');
      connected = true;
    });
    agent.destroy();
  }

  async #resuming(): Promise<void> {
    let session: Buffer | undefined;
    await this.#repeat('resuming', async () => {
      session = await this.#once('resuming', this.#options.ciphers, session);
    });
  }

  /** A connection with one request; gives its session. */
  async #once(kind: TlsClientKind, ciphers: readonly string[], session?: Buffer): Promise<Buffer | undefined> {
    const { host, port } = this.#options;
    const fromMs = systemClock.monotonicMs();
    const resume = session === undefined ? {} : { session };
    const socket = connect({ host, port, ciphers: ciphers.join(':'), rejectUnauthorized: false, ...resume });
    const done = (cipher: string | undefined, resumed: boolean): void => {
      this.#handshakes.push({ kind, fromMs, toMs: systemClock.monotonicMs(), cipher, resumed });
    };
    try {
      await secured(socket);
    } catch (error) {
      if (!/alert handshake failure/i.test(messageOf(error))) throw error;
      done(undefined, false);
      return undefined;
    }
    done(socket.getCipher().name, socket.isSessionReused());
    const made = socket.getSession();
    await answer(socket);
    return made;
  }

  async #repeat(kind: TlsClientKind, exchange: () => Promise<unknown>): Promise<void> {
    while (this.#running) {
      try {
        await exchange();
        this.answered.set(kind, (this.answered.get(kind) ?? 0) + 1);
      } catch (error) {
        const what = `${kind}: ${messageOf(error)}`;
        this.failures.set(what, (this.failures.get(what) ?? 0) + 1);
      }
      await sleep(systemClock, PAUSE_MS);
    }
  }
}

function isOther(inForce: ReadonlySet<string>, cipher: string | undefined): boolean {
  return [...inForce].some((each) => each !== cipher);
}

function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject);
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error('no answer')));
  });
}

/** Asks, and demands a whole answer and a goodbye behind it. */
function answer(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.removeAllListeners('error').on('error', reject);
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('end', () => {
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? NaN);
      if (text.startsWith('HTTP/1.1 200 ') && text.length === text.indexOf('\r\n\r\n') + 4 + length) resolve();
      else reject(new Error(`not a whole answer: ${JSON.stringify(text.slice(0, 40))}`));
    });
    socket.end(GET);
  });
}
