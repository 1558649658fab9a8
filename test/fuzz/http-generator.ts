/**
 * Makes HTTP/1.1 streams that are nearly right: built from the grammar, with the mistakes that smuggling is made of
 * thrown in, then now and then damaged blindly. The same random source gives the same stream.
 */
import type { Random } from '../../src/kit/random.ts';
import { HTTP_HEAD } from '../../src/model/limits.ts';
import { pick, repeat, seldom } from './choices.ts';
import * as words from './http-words.ts';

type Choices = readonly string[];

/** Mostly the first kind, sometimes the second: most of a stream must be right for the odd part to matter. */
function choose(random: Random, usual: Choices, odd: Choices, oddIn = 8): string {
  return pick(random, seldom(random, oddIn) ? odd : usual);
}

function lineEnd(random: Random): string {
  return choose(random, words.LINE_ENDS, words.ODD_LINE_ENDS, 40);
}

function header(random: Random, name: string, value: string): string {
  const colon = choose(random, [': ', ':', ':\t'], ['', ' : ', '::'], 20);
  const fold = seldom(random, 20) ? pick(random, words.FOLDS) + lineEnd(random) : '';
  const blanks = choose(random, [''], [' ', '\t '], 20);
  return name + colon + value + blanks + lineEnd(random) + fold;
}

/** Around the limits, where they are not in the middle of a random walk. */
function large(random: Random): string {
  const around = (limit: number): number => limit - 40 + random.below(48);
  switch (random.below(4)) {
    case 0:
      return header(random, 'Long', 'v'.repeat(around(HTTP_HEAD.maxHeaderBytes)));
    case 1:
      return 'a:b\r\n'.repeat(around(HTTP_HEAD.maxHeaders));
    case 2:
      return (
        `L: ${'v'.repeat(16_000)}\r\n`.repeat(3) + header(random, 'M', 'v'.repeat(around(HTTP_HEAD.maxBytes - 48_021)))
      );
    default:
      return `Folded: a\r\n${' b\r\n'.repeat(around(HTTP_HEAD.maxHeaderBytes >> 2))}`;
  }
}

function longTarget(random: Random): string {
  return pick(random, ['a', ' ', 'a b']).repeat((HTTP_HEAD.maxLineBytes >> random.below(3)) - random.below(60));
}

function anyHeader(random: Random): string {
  return header(random, choose(random, words.NAMES, words.ODD_NAMES), choose(random, words.VALUES, words.ODD_VALUES));
}

function encodingHeader(random: Random): string {
  const name = choose(random, words.ENCODING_NAMES, words.ODD_ENCODING_NAMES, 4);
  return header(random, name, choose(random, words.ENCODINGS, words.ODD_ENCODINGS, 4));
}

function lengthHeader(random: Random, length: number): string {
  const name = choose(random, words.LENGTH_NAMES, words.ODD_LENGTH_NAMES, 4);
  return header(random, name, choose(random, [String(length)], words.ODD_LENGTHS, 4));
}

function connectionHeader(random: Random): string {
  const values = [
    'close',
    'keep-alive',
    'Keep-Alive, X',
    'X-Forwarded-For',
    'upgrade',
    'TE',
    'close, content-length',
    ', ,',
  ];
  return header(random, 'Connection', pick(random, values));
}

function chunkedBody(random: Random): string {
  const chunk = (): string =>
    choose(random, words.CHUNK_SIZES, words.ODD_CHUNK_SIZES, 12) + lineEnd(random) + 'hello' + lineEnd(random);
  const last = choose(random, ['0', '000', '0;x'], ['0 ', '-0', '00000000000000000000', ''], 12);
  const trailers = repeat(random, 1, () => choose(random, words.TRAILERS, words.ODD_TRAILERS, 4));
  return repeat(random, 3, chunk) + last + lineEnd(random) + trailers + lineEnd(random);
}

/** A body with the framing header that announces it, rightly for the most part; headers first. */
function framed(random: Random): { headers: string; body: string } {
  switch (random.below(6)) {
    case 0:
    case 1:
      return { headers: '', body: '' };
    case 2:
    case 3: {
      const body = 'x'.repeat(random.below(20));
      return { headers: lengthHeader(random, body.length), body };
    }
    case 4:
      return { headers: encodingHeader(random), body: chunkedBody(random) };
    default: {
      // Several at once: what two readers disagree about.
      const chunked = random.below(2) === 0;
      const body = chunked ? chunkedBody(random) : 'hello';
      const parts = [lengthHeader(random, body.length), encodingHeader(random), lengthHeader(random, body.length)];
      return { headers: parts.slice(random.below(3)).join(anyHeader(random)), body };
    }
  }
}

/** Damages the text at a few places, not knowing what it means. */
export function damage(random: Random, text: string): string {
  let result = text;
  const bytes = ['\r', '\n', '\0', ' ', '\t', ':', ',', ';', '\x80', '0', 'a', '\r\n'];
  for (let count = random.below(3); count > 0 && result.length > 0; count--) {
    const at = random.below(result.length);
    const removed = random.below(2) * random.below(4);
    result = result.slice(0, at) + (random.below(3) === 0 ? '' : pick(random, bytes)) + result.slice(at + removed);
  }
  return result;
}

function maybeDamaged(random: Random, text: string): Buffer {
  const cut = seldom(random, 20) ? text.slice(0, random.below(text.length + 1)) : text;
  return Buffer.from(seldom(random, 6) ? damage(random, cut) : cut, 'latin1');
}

/** A request that is nearly right. */
export function request(random: Random): string {
  const method = choose(random, words.METHODS, words.ODD_METHODS, 12);
  const target = choose(random, words.TARGETS, words.ODD_TARGETS) + (seldom(random, 500) ? longTarget(random) : '');
  const version = choose(random, words.VERSIONS, words.ODD_VERSIONS);
  const line = method + ' ' + target + (version === '' && random.below(2) === 0 ? '' : ' ' + version) + lineEnd(random);
  const { headers, body } = framed(random);
  const connection = seldom(random, 6) ? connectionHeader(random) : '';
  const before = repeat(random, 3, () => anyHeader(random));
  const after = repeat(random, 2, () => anyHeader(random)) + (seldom(random, 300) ? large(random) : '');
  return (seldom(random, 15) ? '\r\n' : '') + line + before + headers + connection + after + lineEnd(random) + body;
}

/** One to four requests, one after the other. */
export function requestStream(random: Random): Buffer {
  return maybeDamaged(random, request(random) + repeat(random, 3, () => request(random)));
}

/** The head of one request, complete or not, with whatever follows. */
export function requestHead(random: Random): Buffer {
  return maybeDamaged(random, request(random));
}

function interimResponse(random: Random): string {
  return `HTTP/1.1 ${pick(random, ['100', '103'])} x\r\n${repeat(random, 1, () => 'A: b\r\n')}\r\n`;
}

/** A response that is nearly right, interim ones before it. */
export function response(random: Random): string {
  const interim = seldom(random, 8) ? repeat(random, 20, () => interimResponse(random)) : '';
  const line = choose(random, words.STATUS_LINES, words.ODD_STATUS_LINES) + lineEnd(random);
  const { headers, body } = framed(random);
  const connection = seldom(random, 6) ? connectionHeader(random) : '';
  return interim + line + repeat(random, 2, () => anyHeader(random)) + headers + connection + lineEnd(random) + body;
}

/** What a back end sends in answer to a request with that method, interim responses and surplus bytes included. */
export function responseStream(random: Random): { bytes: Buffer; method: string } {
  const method = choose(random, ['GET', 'POST'], ['HEAD'], 6);
  const surplus = choose(random, [''], ['\r\n', 'x', 'HTTP/1.1 200 OK\r\n\r\n']);
  return { bytes: maybeDamaged(random, response(random) + surplus), method };
}

/** Where a stream is cut into pieces: offsets in ascending order; a short one at times at every byte. */
export function splits(random: Random, length: number): number[] {
  if (length < 500 && seldom(random, 5)) return Array.from({ length }, (_, offset) => offset).slice(1);
  const offsets = new Set<number>();
  for (let count = random.below(20); count > 0; count--) offsets.add(1 + random.below(Math.max(1, length - 1)));
  return [...offsets].sort((a, b) => a - b);
}
