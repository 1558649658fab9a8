/**
 * Message bodies, the slow and plain way (RFC 9112 6 and 7.1, strictly):
 *   chunked-body = *( chunk-line data CRLF ) last-line *trailer-line CRLF
 *   chunk-line   = 1*HEXDIG [ *( SP / HTAB ) ";" *value-byte ] CRLF    last-line: the same with a size of 0
 *   trailer-line = token ":" *value-byte CRLF
 * No other line end, no blank before or after the size, no sign, no prefix, nothing folded. Extensions are dropped.
 */
import { HTTP_BODY } from '../../src/model/limits.ts';
import { TOKEN, trim } from './reference-grammar.ts';
import type { Header } from './reference-request-head.ts';

/** Bytes, or text of one character a byte. */
export type Bytes = Uint8Array | string;

export function textOf(bytes: Bytes): string {
  return typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
}

export interface BodyReading {
  readonly outcome: 'complete' | 'unfinished' | 'broken';
  /** Why it is broken. */
  readonly why: string;
  /** The data, as far as it can be read. */
  readonly data: string;
  readonly trailers: readonly Header[];
  /** Bytes that belong to the message, when complete. */
  readonly size: number;
}

/** Trailer fields that would frame, route or authenticate the message too late (RFC 9110 6.5.1): dropped. */
const DROPPED_TRAILERS = new Set(
  (
    'authorization connection content-encoding content-length content-range content-type cookie expect host keep-alive ' +
    'proxy-authorization proxy-connection set-cookie te trailer transfer-encoding upgrade ' +
    'x-forwarded-for x-forwarded-port x-forwarded-proto'
  ).split(' '),
);

const CHUNK_LINE = /^([0-9A-Fa-f]+)(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** *Ours*: nobody sends a larger chunk, and it is exact in a double. */
const MAX_CHUNK = 2n ** 48n;

export function readLength(text: string, length: bigint): BodyReading {
  const data = length > BigInt(text.length) ? text : text.slice(0, Number(length));
  const outcome = BigInt(data.length) === length ? 'complete' : 'unfinished';
  return { outcome, why: '', data, trailers: [], size: data.length };
}

export function readChunked(text: string): BodyReading {
  let data = '';
  let rest = text;
  const stop = (outcome: 'unfinished' | 'broken', why: string): BodyReading => {
    return { outcome, why, data, trailers: [], size: 0 };
  };
  for (;;) {
    const line = takeLine(rest);
    if (line === undefined) {
      return rest.length > HTTP_BODY.maxChunkLineBytes + 1
        ? stop('broken', 'a chunk line is too long')
        : stop('unfinished', '');
    }
    const size = CHUNK_LINE.exec(line.text)?.[1];
    if (size === undefined) return stop('broken', 'no chunk size');
    if (line.text.length > HTTP_BODY.maxChunkLineBytes) return stop('broken', 'a chunk line is too long');
    if (BigInt(`0x${size}`) > MAX_CHUNK) return stop('broken', 'a chunk is too large');
    const length = Number(`0x${size}`);
    rest = line.rest;
    if (length === 0) break;
    data += rest.slice(0, length);
    if (rest.length < length) return stop('unfinished', '');
    rest = rest.slice(length);
    if (rest.length < 2 && '\r\n'.startsWith(rest)) return stop('unfinished', '');
    if (!rest.startsWith('\r\n')) return stop('broken', 'no CRLF behind the data of a chunk');
    rest = rest.slice(2);
  }
  return readTrailers(text, rest, data);
}

function readTrailers(text: string, section: string, data: string): BodyReading {
  const trailers: Header[] = [];
  let rest = section;
  let count = 0;
  for (;;) {
    const line = takeLine(rest);
    const used = section.length - (line?.rest.length ?? 0);
    if (used > HTTP_BODY.maxTrailerBytes) {
      return { outcome: 'broken', why: 'the trailers are too long', data, trailers: [], size: 0 };
    }
    if (line === undefined) return { outcome: 'unfinished', why: '', data, trailers: [], size: 0 };
    rest = line.rest;
    if (line.text === '') return { outcome: 'complete', why: '', data, trailers, size: text.length - rest.length };
    const [name, value] = divide(line.text);
    if (!TOKEN.test(name) || value === undefined || !VALUE.test(value) || ++count > HTTP_BODY.maxTrailers) {
      return {
        outcome: 'broken',
        why: `a trailer line is wrong: ${JSON.stringify(line.text)}`,
        data,
        trailers: [],
        size: 0,
      };
    }
    if (!DROPPED_TRAILERS.has(name.toLowerCase())) trailers.push([name, trim(value)]);
  }
}

/** Name and value around the first colon; no value without a colon. */
export function divide(line: string): [name: string, value: string | undefined] {
  const colon = line.indexOf(':');
  return colon === -1 ? [line, undefined] : [line.slice(0, colon), line.slice(colon + 1)];
}

/** A line that ends in CRLF; one that ends in a bare LF keeps it, so that nothing matches it. */
export function takeLine(text: string): { text: string; rest: string } | undefined {
  const lineFeed = text.indexOf('\n');
  if (lineFeed === -1) return undefined;
  const isCrlf = text[lineFeed - 1] === '\r';
  return { text: text.slice(0, isCrlf ? lineFeed - 1 : lineFeed + 1), rest: text.slice(lineFeed + 1) };
}
