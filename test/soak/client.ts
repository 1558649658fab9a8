/** A client of a soak: what it keeps between two exchanges, and how it asks, streams and sends bytes as they are. */
import { once } from 'node:events';
import { Agent, request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as SecureAgent, request as requestHttps } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import type { Random } from '../../src/kit/random.ts';
import { PatternReader, patternBytes } from './instances.ts';

const ANSWER_MS = 20_000;
/** Between two pieces of a slow client. */
const SLOW_MS = 15;
/**
 * A connection that has rested for so long may meet its idle timeout just when it is used again, as any kept-alive connection
 * may (RFC 9112 9.3.1): its client asks again.
 */
const LONG_REST_MS = 9000;

export interface Ports {
  readonly HTTP: number;
  readonly HTTPS: number;
  readonly TCP: number;
  readonly SSL: number;
}

interface Stream {
  readonly socket: Socket;
  readonly usedMs: number;
}

/** A client with what it keeps between two exchanges. */
export class Client {
  readonly host: string;
  readonly ports: Ports;
  readonly random: Random;
  readonly agents = {
    http: new Agent({ keepAlive: true, maxSockets: 1 }),
    https: new SecureAgent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false }),
  };
  /** `monotonicMs` of the last end of an exchange over a kept-alive connection. */
  readonly usedMs = { http: 0, https: 0 };
  /** Streams that stay open. */
  readonly streams = new Map<'TCP' | 'SSL', Stream>();

  constructor(host: string, ports: Ports, random: Random) {
    this.host = host;
    this.ports = ports;
    this.random = random;
  }

  close(): void {
    this.agents.http.destroy();
    this.agents.https.destroy();
    for (const { socket } of this.streams.values()) socket.destroy();
    this.streams.clear();
  }
}

/** A stream that was found closed when it was to be used again: nobody knows when since then it was lost. */
export class LostAtRest extends Error {
  override name = 'LostAtRest';
  /** `monotonicMs` when it was used last. */
  readonly sinceMs: number;

  constructor(sinceMs: number) {
    super('closed while nothing was sent');
    this.sinceMs = sinceMs;
  }
}

/** A peer's answer that is not what it must be, however badly the network fares. */
export class WrongAnswer extends Error {
  override name = 'WrongAnswer';
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: PatternReader;
  readonly text: string;
  /** It ended before its end. */
  readonly short: boolean;
}

export interface Ask {
  readonly secure?: boolean;
  readonly keep?: boolean;
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export function ask(client: Client, path: string, options: Ask = {}): Promise<Answer> {
  const { secure = false, keep = true, body, headers = {} } = options;
  const kind = secure ? 'https' : 'http';
  const agent = keep ? client.agents[kind] : false;
  const restedMs = systemClock.monotonicMs() - client.usedMs[kind];
  const port = secure ? client.ports.HTTPS : client.ports.HTTP;
  const method = body === undefined ? 'GET' : 'POST';
  const plan: RequestOptions = { host: client.host, port, path, method, headers, agent, timeout: ANSWER_MS };
  return new Promise((resolve, reject) => {
    const send = secure ? requestHttps : requestHttp;
    const sent = send({ ...plan, ...(secure ? { rejectUnauthorized: false } : {}) }, (response) =>
      readAnswer(response, (answer) => {
        if (keep) client.usedMs[kind] = systemClock.monotonicMs();
        resolve(answer);
      }),
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (sent.reusedSocket && restedMs > LONG_REST_MS && error.code === 'ECONNRESET') {
        client.usedMs[kind] = systemClock.monotonicMs();
        resolve(ask(client, path, options));
      } else reject(error);
    });
    sent.end(body);
  });
}

function readAnswer(response: IncomingMessage, resolve: (answer: Answer) => void): void {
  const body = new PatternReader();
  let text = '';
  response.on('data', (chunk: Buffer) => {
    body.add(chunk);
    if (text.length < 64) text += chunk.toString('latin1');
  });
  response.on('error', () => undefined);
  response.on('close', () => {
    const { statusCode: status = 0, headers, complete } = response;
    resolve({ status, headers, body, text, short: !complete });
  });
}

export function dial(client: Client, kind: 'TCP' | 'SSL' | 'HTTP'): Promise<Socket> {
  const options = { host: client.host, port: client.ports[kind], noDelay: true };
  return new Promise((resolve, reject) => {
    const socket = kind === 'SSL' ? connectTls({ ...options, rejectUnauthorized: false }) : connectTcp(options);
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
    socket.once(kind === 'SSL' ? 'secureConnect' : 'connect', () => resolve(socket));
  });
}

/** Sends `size` bytes and waits until they have come back. */
export function echo(socket: Socket, size: number): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed) return reject(new Error('closed'));
    const reader = new PatternReader();
    const done = (error?: Error): void => {
      socket.off('data', onData).off('error', done).off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = (): void => done(new Error('closed'));
    const onData = (chunk: Buffer): void => {
      reader.add(chunk);
      if (!reader.intact || reader.length > size) done(new WrongAnswer('bytes that nobody has sent'));
      else if (reader.length === size) done();
    };
    socket.on('data', onData).on('error', done).on('close', onClose);
    socket.write(patternBytes(0, size));
    return undefined;
  });
}

/** Sends raw bytes, piece by piece. Gives all that comes back until the end, and how long the pieces took to go out. */
export async function raw(
  client: Client,
  pieces: readonly string[],
): Promise<{ readonly text: string; readonly sendingMs: number }> {
  const socket = await dial(client, 'HTTP');
  let text = '';
  const closed = once(socket, 'close');
  // It may fail while pieces are still being sent; it is waited for behind them.
  closed.catch(() => undefined);
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const startMs = systemClock.monotonicMs();
  for (const piece of pieces) {
    socket.write(piece);
    if (pieces.length > 1) await sleep(systemClock, SLOW_MS);
  }
  const sendingMs = systemClock.monotonicMs() - startMs;
  await closed;
  return { text, sendingMs };
}
