/** Very many keep-alive connections that have had one answer each and then are idle. */
import { connect, type Socket } from 'node:net';
import { sleep, systemClock } from '../../src/kit/clock.ts';
import { HTTP_PORT, type Addresses } from '../addresses.ts';
import { CURL_HEADERS } from './headers.ts';

const OPENED_AT_ONCE = 50;
const ANSWER_TIMEOUT_MS = 10_000;
const HEAD_LIMIT = 16 * 1024;

export interface IdleConnections {
  readonly open: number;
  /** Connections that could not be opened, had no whole `200` answer, or were closed by the peer since. */
  lost(): number;
  /** Closes all and waits until our side of each is gone. */
  close(): Promise<void>;
}

/** Opens `count` connections to the peer at `addresses.front`, with one request and its answer on each. */
export async function openIdle(addresses: Addresses, path: string, count: number): Promise<IdleConnections> {
  const sockets: Socket[] = [];
  let lost = 0;
  const request = requestText(addresses.front, path);
  let next = 0;
  const openSome = async (): Promise<void> => {
    while (next < count) {
      const source = addresses.sources[next++ % addresses.sources.length];
      try {
        const socket = await openOne(addresses.front, source, request);
        socket.once('close', () => lost++);
        sockets.push(socket);
      } catch {
        lost++;
      }
    }
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, openSome));
  return {
    open: sockets.length,
    lost: () => lost,
    close: async () => {
      const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of sockets) socket.destroy();
      await Promise.race([Promise.all(closed), sleep(systemClock, ANSWER_TIMEOUT_MS)]);
    },
  };
}

function requestText(host: string, path: string): string {
  const headers = [`Host: ${host}`, ...CURL_HEADERS].map((header) => `${header}\r\n`).join('');
  return `GET ${path} HTTP/1.1\r\n${headers}\r\n`;
}

/** One connection after one whole answer; it has no listener for data any more. */
function openOne(host: string, localAddress: string | undefined, request: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: HTTP_PORT, ...(localAddress === undefined ? {} : { localAddress }) });
    let answer = '';
    const timer = systemClock.after(ANSWER_TIMEOUT_MS, () => fail(new Error('no answer in time')));
    const fail = (error: Error): void => {
      timer.cancel();
      socket.destroy();
      reject(error);
    };
    const onClose = (): void => fail(new Error('closed before the answer was whole'));
    socket.setEncoding('latin1');
    socket.once('connect', () => socket.write(request));
    // Stays: an error (a reset, say) is followed by 'close', which is what counts.
    socket.on('error', () => undefined);
    socket.once('close', onClose);
    socket.on('data', (text: string) => {
      answer += text;
      const left = missingBytes(answer);
      if (left === undefined)
        return fail(new Error(`not an answer with status 200 and a length: ${answer.slice(0, 100)}`));
      if (left > 0) return undefined;
      timer.cancel();
      socket.off('close', onClose);
      socket.removeAllListeners('data');
      resolve(socket);
      return undefined;
    });
  });
}

/** How many bytes `answer` lacks (at least 1 while its head is not whole); undefined when it is not a good answer. */
export function missingBytes(answer: string): number | undefined {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd < 0) return answer.length > HEAD_LIMIT ? undefined : 1;
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, headEnd))?.[1];
  if (!answer.startsWith('HTTP/1.1 200 ') || length === undefined) return undefined;
  return headEnd + 4 + Number(length) - answer.length;
}
