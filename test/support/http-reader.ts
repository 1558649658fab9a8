/** Reads whole HTTP messages off a scripted peer: a plain reader that shares nothing with the engine. */
import type { Peer } from './peers.ts';

export interface Message {
  /** Up to and with the empty line, as it came. */
  readonly head: string;
  readonly startLine: string;
  /** In order, names as they came. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Chunks put together. */
  readonly body: string;
  /** How many chunks it came in, the last one left out; undefined when it was not chunked. */
  readonly chunks: number | undefined;
  /** The lines behind the last chunk, without the empty one. */
  readonly trailers: string;
}

/** The next message. `bodiless`: a response to HEAD. A response without framing goes up to the end of the connection. */
export async function readMessage(peer: Peer, { bodiless = false } = {}): Promise<Message> {
  const head = await peer.take('\r\n\r\n');
  const [startLine = '', ...lines] = head.split('\r\n').filter((line) => line !== '');
  const fields = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  const message = { head, startLine, fields, body: '', chunks: undefined, trailers: '' };
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(startLine)?.[1];
  if (bodiless || status?.startsWith('1') === true || status === '204' || status === '304') return message;
  if (valueOf(message, 'transfer-encoding') !== undefined) return { ...message, ...(await readChunks(peer)) };
  const length = valueOf(message, 'content-length');
  if (length !== undefined) return { ...message, body: await peer.takeBytes(Number(length)) };
  if (status === undefined) return message;
  await peer.shutDown();
  return { ...message, body: await peer.takeBytes(peer.received.length) };
}

async function readChunks(peer: Peer): Promise<{ body: string; chunks: number; trailers: string }> {
  let body = '';
  for (let chunks = 0; ; chunks++) {
    const line = await peer.take('\r\n');
    if (!/^[0-9a-f]{1,8}\r\n$/.test(line)) throw new Error(`no plain chunk size: ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    if (size === 0) return { body, chunks, trailers: await readTrailers(peer) };
    body += await peer.takeBytes(size);
    const end = await peer.takeBytes(2);
    if (end !== '\r\n') throw new Error(`no end of a chunk: ${JSON.stringify(end)}`);
  }
}

async function readTrailers(peer: Peer): Promise<string> {
  let trailers = '';
  for (;;) {
    const line = await peer.take('\r\n');
    if (line === '\r\n') return trailers;
    trailers += line;
  }
}

/** The value of the first field of that name, in whatever case. */
export function valueOf(message: Pick<Message, 'fields'>, name: string): string | undefined {
  return message.fields.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
}

/** The data as chunks of these sizes, the last one of what is left, and the end with its trailers. */
export function chunked(data: string, sizes: readonly number[] = [], trailers = ''): string {
  let text = '';
  let at = 0;
  for (const size of [...sizes, data.length]) {
    const chunk = data.slice(at, at + size);
    at += chunk.length;
    if (chunk !== '') text += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return `${text}0\r\n${trailers}\r\n`;
}
