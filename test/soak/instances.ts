/** The instances of a soak: HTTP servers that answer in every way that a soak asks for, and echoes for streams. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { systemClock } from '../../src/kit/clock.ts';
import { startEcho } from '../support/steady-load.ts';

/** Longer than weir keeps a pooled connection: it is weir that lets go, so that no upload meets a connection that ends. */
const KEEP_ALIVE_MS = 120_000;
const CHUNK_BYTES = 8192;
const SLOW_MS = 300;
/** Prime, so that a piece that is lost or sent twice shows. */
const PERIOD = 251;
const PATTERN = Buffer.from(Array.from({ length: PERIOD * 1024 }, (_, index) => index % PERIOD));

/** Bytes `from` to `to` of the one body that everybody sends. */
export function patternBytes(from: number, to: number): Buffer {
  const start = from % PERIOD;
  const length = to - from;
  if (start + length <= PATTERN.length) return PATTERN.subarray(start, start + length);
  const whole = Buffer.alloc(length);
  for (let at = 0; at < length; at++) whole[at] = (from + at) % PERIOD;
  return whole;
}

/** Reads a body and checks that every byte is the one that belongs there. */
export class PatternReader {
  length = 0;
  intact = true;

  add(chunk: Buffer): void {
    this.intact &&= chunk.equals(patternBytes(this.length, this.length + chunk.length));
    this.length += chunk.length;
  }
}

/** An HTTP server that comes and goes at one address. */
export class Instance {
  readonly #address: string;
  readonly #port: number;
  #server: Server | undefined;

  constructor(address: string, port: number) {
    this.#address = address;
    this.#port = port;
  }

  async start(): Promise<void> {
    const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) =>
      answer(this.#address, request, response),
    );
    this.#server = server;
    server.listen(this.#port, this.#address);
    await once(server, 'listening');
  }

  /** With everything that is open. */
  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = undefined;
  }
}

/** An echo at every address. Returns what ends them. */
export async function startEchoes(addresses: readonly string[], port: number): Promise<() => void> {
  const echoes = await Promise.all(addresses.map((address) => startEcho(address, port)));
  return () => {
    for (const echo of echoes) echo.close();
  };
}

function answer(address: string, request: IncomingMessage, response: ServerResponse): void {
  const [, kind = '', argument = '0'] = (request.url ?? '/').split('/');
  const size = Number(argument);
  response.setHeader('X-Instance', address);
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  switch (kind) {
    case 'bytes':
      response.setHeader('Content-Length', size);
      return sendPieces(response, size);
    case 'chunked':
      return sendPieces(response, size);
    case 'count':
      return count(request, response);
    case 'status':
      response.writeHead(size);
      return void response.end('x');
    case 'cut':
      response.setHeader('Content-Length', size);
      response.write(patternBytes(0, 10), () => response.destroy());
      return undefined;
    case 'close':
      response.setHeader('Connection', 'close');
      return void response.end(patternBytes(0, size));
    case 'slow':
      systemClock.after(SLOW_MS, () => response.end(patternBytes(0, size)));
      return undefined;
    default:
      return void response.end('well');
  }
}

function sendPieces(response: ServerResponse, size: number): void {
  let sent = 0;
  const more = (): void => {
    while (sent < size) {
      const from = sent;
      sent = Math.min(size, sent + CHUNK_BYTES);
      if (!response.write(patternBytes(from, sent))) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

/** Answers with how many bytes have come; 400 when one of them is wrong. */
function count(request: IncomingMessage, response: ServerResponse): void {
  const reader = new PatternReader();
  request.on('data', (chunk: Buffer) => reader.add(chunk));
  request.on('end', () => {
    response.writeHead(reader.intact ? 200 : 400);
    response.end(String(reader.length));
  });
}
