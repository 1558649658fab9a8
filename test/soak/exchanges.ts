/** What a client of a soak does: each exchange ends well, or throws what was wrong with it. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { ask, dial, echo, LostAtRest, raw, WrongAnswer, type Answer, type Ask, type Client } from './client.ts';
import { patternBytes } from './instances.ts';
import { IDLE_TIMEOUT_S } from './setup.ts';

const KIB = 1024;
/** Before a careless client reads on. */
const LATE_MS = 300;
const STICKY_REQUESTS = 3;
/** Short of the idle timeout. */
const STREAM_REST_MS = 8000;

export interface Exchange {
  readonly name: string;
  /** How often it is done, among the others. */
  readonly weight: number;
  run(client: Client): Promise<void>;
}

/** Demands a whole 200 of `size` bytes, each as it was sent. A short one is what a connection that was lost leaves. */
function demandBytes({ status, body, short }: Answer, size: number): void {
  if (status !== 200) throw new Error(`status ${status}`);
  if (!body.intact) throw new WrongAnswer('bytes that nobody has sent');
  if (short) throw new Error(`cut after ${body.length} of ${size} bytes`);
  if (body.length !== size) throw new WrongAnswer(`a whole answer of ${body.length} bytes instead of ${size}`);
}

function download(name: string, weight: number, sizes: readonly number[], options: Ask, kind = 'bytes'): Exchange {
  return {
    name,
    weight,
    async run(client) {
      const size = sizes[client.random.below(sizes.length)]!;
      demandBytes(await ask(client, `/${kind}/${size}`, options), size);
    },
  };
}

function upload(name: string, weight: number, sizes: readonly number[], options: Ask): Exchange {
  return {
    name,
    weight,
    async run(client) {
      const size = sizes[client.random.below(sizes.length)]!;
      const { status, text } = await ask(client, '/count', { ...options, body: patternBytes(0, size) });
      if (status === 400) throw new WrongAnswer('the instance got other bytes than were sent');
      if (status !== 200) throw new Error(`status ${status}`);
      if (text !== String(size)) throw new WrongAnswer(`the instance got ${text} bytes instead of ${size}`);
    },
  };
}

const sticky: Exchange = {
  name: 'sticky session',
  weight: 3,
  async run(client) {
    let [cookie, instance] = ['', ''];
    for (let each = 0; each < STICKY_REQUESTS; each++) {
      const answer = await ask(client, '/bytes/100', cookie === '' ? {} : { headers: { Cookie: cookie } });
      demandBytes(answer, 100);
      const from = String(answer.headers['x-instance']);
      if (each > 0 && from !== instance) throw new Error(`the session moved from ${instance} to ${from}`);
      instance = from;
      cookie ||= answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
      // What an instance answers that is deregistered meanwhile binds nobody to it.
      if (cookie === '') throw new Error('no cookie');
    }
  },
};

const statuses: Exchange = {
  name: 'errors of the application',
  weight: 3,
  async run(client) {
    const wanted = [404, 418, 500, 503][client.random.below(4)]!;
    const { status, headers } = await ask(client, `/status/${wanted}`);
    if (status !== wanted || headers['x-instance'] === undefined) throw new Error(`status ${status}`);
  },
};

const cut: Exchange = {
  name: 'an instance that breaks off',
  weight: 1,
  async run(client) {
    const answer = await ask(client, '/cut/1000', { keep: false }).catch((error: NodeJS.ErrnoException) => {
      // The connection is reset, so that nobody takes the part for the whole; some of it may go with it.
      if (error.code === 'ECONNRESET') return undefined;
      throw error;
    });
    if (answer === undefined) return;
    if (answer.status !== 200) throw new Error(`status ${answer.status}`);
    if (!answer.short) throw new WrongAnswer('a body that was cut came as a whole one');
  },
};

function stream(kind: 'TCP' | 'SSL'): Exchange {
  return {
    name: `${kind} stream that stays`,
    weight: 3,
    async run(client) {
      const kept = client.streams.get(kind);
      client.streams.delete(kind);
      const rested = kept !== undefined && systemClock.monotonicMs() - kept.usedMs > STREAM_REST_MS;
      if (rested) kept.socket.destroy();
      if (kept?.socket.destroyed === true && !rested) throw new LostAtRest(kept.usedMs);
      const socket = kept === undefined || rested ? await dial(client, kind) : kept.socket;
      await echo(socket, 1 + client.random.below(2 * KIB));
      client.streams.set(kind, { socket, usedMs: systemClock.monotonicMs() });
    },
  };
}

/** Also when that was before anybody asked. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, 'close');
}

function connection(kind: 'TCP' | 'SSL'): Exchange {
  return {
    name: `${kind} connection`,
    weight: 3,
    async run(client) {
      const socket = await dial(client, kind);
      await echo(socket, [1, 500, 20 * KIB, 300 * KIB][client.random.below(4)]!);
      // Half-closed: the end comes back only after it has gone all the way.
      socket.end();
      await closed(socket);
    },
  };
}

const slowHead: Exchange = {
  name: 'a head byte by byte',
  weight: 1,
  async run(client) {
    const head = 'GET /bytes/10 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const { text, sendingMs } = await raw(client, head.split(''));
    // On a machine that is too busy for us a head may be later than it is waited for.
    if (sendingMs > IDLE_TIMEOUT_S * 1000 && text.startsWith('HTTP/1.1 408 ')) return;
    if (!text.startsWith('HTTP/1.1 200 ')) {
      throw new Error(`answered ${JSON.stringify(text.slice(0, 40))}, after ${sendingMs.toFixed(0)} ms of sending`);
    }
  },
};

const malformed: Exchange = {
  name: 'what is no HTTP',
  weight: 1,
  async run(client) {
    const wrong = ['\x16\x03\x01', 'CONNECT a:1 HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\nA : b\0\r\n\r\n'];
    const { text } = await raw(client, [`${wrong[client.random.below(wrong.length)]!}\r\n\r\n`]);
    if (!text.startsWith('HTTP/1.1 400 ')) throw new Error(`answered ${JSON.stringify(text.slice(0, 40))}`);
  },
};

/** A client that goes away in the middle of a download, or reads nothing of it for a while. */
function careless(name: string, stays: boolean): Exchange {
  return {
    name,
    weight: 1,
    async run(client) {
      const size = 512 * KIB;
      const socket = await dial(client, 'HTTP');
      socket.write(`GET /bytes/${size} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      // Its first bytes, or its end.
      await Promise.race([once(socket, 'readable'), closed(socket)]);
      if (stays) {
        await sleep(systemClock, LATE_MS);
        let length = 0;
        socket.on('data', (chunk: Buffer) => (length += chunk.length));
        await closed(socket);
        if (length < size) throw new Error(`cut after ${length} bytes`);
      }
      socket.destroy();
    },
  };
}

const SMALL = [0, 1, 100, 1024, 5000] as const;
const LARGE = [64 * KIB, 300 * KIB, KIB * KIB] as const;

export const EXCHANGES: readonly Exchange[] = [
  download('HTTP', 12, SMALL, {}),
  download('HTTP, new connection', 6, SMALL, { keep: false }),
  download('HTTP, large', 2, LARGE, {}),
  download('HTTP, chunked', 3, [...SMALL, 64 * KIB], {}, 'chunked'),
  download('HTTP, closed by the instance', 1, SMALL, {}, 'close'),
  download('HTTP, slow instance', 1, SMALL, {}, 'slow'),
  upload('HTTP upload', 3, [1, 1000, 64 * KIB, 300 * KIB], {}),
  download('HTTPS', 8, SMALL, { secure: true }),
  download('HTTPS, new connection', 2, SMALL, { secure: true, keep: false }),
  download('HTTPS, large', 1, LARGE, { secure: true }),
  upload('HTTPS upload', 1, [1, 64 * KIB], { secure: true }),
  sticky,
  statuses,
  cut,
  stream('TCP'),
  stream('SSL'),
  connection('TCP'),
  connection('SSL'),
  slowHead,
  malformed,
  careless('a download that is given up', false),
  careless('a download that is read late', true),
];
