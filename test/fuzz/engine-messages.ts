/**
 * Messages for runs of the whole engine. Each is marked: its body, and what else has room, says which one it is, so that a
 * byte that goes astray is seen. Requests may be anything, since the reference reader says what becomes of them.
 */
import type { Random } from '../../src/kit/random.ts';
import { pick, repeat, seldom } from './choices.ts';
import { damage, request, response } from './http-generator.ts';

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'POST', 'DELETE', 'PURGE'];
const REQUEST_LINES = [
  'A: b\r\n',
  'X-Forwarded-For: 203.0.113.9\r\n',
  'x-forwarded-proto: https\r\n',
  'TE: trailers\r\n',
  'TE: gzip\r\n',
  'Expect: 100-continue\r\n',
  'Cookie: a=b\r\n',
  'X-Hop: 1\r\n',
  'Upgrade: x\r\n',
  'Keep-Alive: 1\r\n',
];
const REQUEST_CONNECTIONS = [
  'close',
  'keep-alive',
  'X-Hop, X-Forwarded-For',
  'TE',
  'upgrade',
  'upgrade, keep-alive',
  'close, Content-Length',
];
const RESPONSE_LINES = [
  'A: b\r\n',
  'Set-Cookie: a=1; Path=/x\r\n',
  'set-cookie: b=2\r\n',
  'X-Hop: 1\r\n',
  'Keep-Alive: 1\r\n',
  'Upgrade: x\r\n',
  'Trailer: T\r\n',
];
const STATUSES = [
  '200 OK',
  '200',
  '404 Not Found',
  '426 x',
  '500 x',
  '204 No Content',
  '304 Not Modified',
  '999 ?',
  '299 ',
];
const EXTENSIONS = ['', ';a', ';a=b', ' ;a="b c"'];
const TRAILERS = ['', '', 'T: 1\r\n', 'T: 1\r\nContent-Length: 3\r\n', 'Host: b\r\n'];

/** What tells a message from all others, as often as it takes. */
function fill(mark: string, size: number): string {
  return `[${mark}]`.repeat(Math.ceil(size / (mark.length + 2))).slice(0, size);
}

function size(random: Random): number {
  switch (random.below(24)) {
    case 20:
    case 21:
      return random.below(3000);
    case 22:
      return random.below(40_000);
    case 23:
      return seldom(random, 4) ? random.below(300_000) : random.below(2000);
    default:
      return random.below(60);
  }
}

function chunked(random: Random, data: string): string {
  let text = '';
  for (let at = 0; at < data.length;) {
    const end = seldom(random, 3) ? data.length : Math.min(data.length, at + 1 + random.below(data.length));
    text += `${(end - at).toString(16)}${pick(random, EXTENSIONS)}\r\n${data.slice(at, end)}\r\n`;
    at = end;
  }
  return `${text}0${pick(random, EXTENSIONS)}\r\n${pick(random, TRAILERS)}\r\n`;
}

function marked(random: Random, mark: string): { lines: string; body: string } {
  const data = fill(mark, size(random));
  if (random.below(2) === 0) return { lines: `Content-Length: ${data.length}\r\n`, body: data };
  return { lines: 'Transfer-Encoding: chunked\r\n', body: chunked(random, data) };
}

function goodRequest(random: Random, mark: string, upgrade: boolean, cookies: readonly string[]): string {
  const method = pick(random, METHODS);
  const target = seldom(random, 12) ? `http://u@${mark}/` : `/${mark}`;
  const version = seldom(random, 8) ? '1.0' : '1.1';
  const bodiless = version === '1.0' || method === 'GET' || method === 'HEAD' || method === 'DELETE';
  const { lines, body } = bodiless ? { lines: '', body: '' } : marked(random, mark);
  const connection = seldom(random, 6) ? `Connection: ${pick(random, REQUEST_CONNECTIONS)}\r\n` : '';
  const cookie = cookies.length > 0 && random.below(2) === 0 ? pick(random, cookies) : '';
  if (upgrade)
    return `${method} ${target} HTTP/1.1\r\n${cookie}Upgrade: ${seldom(random, 4) ? 'x, H2C' : 'x'}\r\n${lines}Connection: upgrade\r\n\r\n${body}`;
  const more = seldom(random, 3) ? repeat(random, 3, () => pick(random, REQUEST_LINES)) : '';
  const host = seldom(random, 12) ? '' : 'Host: h\r\n';
  return `${method} ${target} HTTP/${version}\r\n${host}${more}${cookie}${lines}${connection}\r\n${body}`;
}

/** What a client sends: a few requests, most of them right; `cookies`: lines that may be in them. */
export function clientRequests(random: Random, name: string, upgrades: boolean, cookies: readonly string[]): string[] {
  const count = 1 + random.below(5);
  const requests: string[] = [];
  for (let number = 1; number <= count; number++) {
    const upgrade = upgrades && seldom(random, 3);
    const text = seldom(random, 5) ? request(random) : goodRequest(random, `${name}r${number}`, upgrade, cookies);
    requests.push(seldom(random, 25) ? damage(random, text) : text);
  }
  return requests;
}

/** Does the response end with its connection? */
export interface MadeResponse {
  readonly text: string;
  readonly untilClose: boolean;
}

function interim(random: Random): string {
  return `HTTP/1.1 ${pick(random, ['100 Continue', '103 x'])}\r\n${pick(random, ['', 'L: x\r\n', 'Connection: L\r\nL: x\r\n'])}\r\n`;
}

/** A response in order, in whatever form. */
export function goodResponse(random: Random, method: string, mark: string): MadeResponse {
  const before = seldom(random, 6) ? repeat(random, 3, () => interim(random)) : '';
  const status = pick(random, STATUSES);
  const version = seldom(random, 8) ? '1.0' : '1.1';
  const bodiless = method === 'HEAD' || /^[23]04/.test(status);
  const untilClose = seldom(random, 6);
  const framed = untilClose ? { lines: '', body: fill(mark, size(random)) } : marked(random, mark);
  const connection = pick(random, ['', '', '', 'keep-alive', 'close', 'X-Hop']);
  const more = repeat(random, 2, () => pick(random, RESPONSE_LINES));
  const lines = `X-Mark: ${mark}\r\n${more}${framed.lines}${connection === '' ? '' : `Connection: ${connection}\r\n`}`;
  const text = `${before}HTTP/${version} ${status}\r\n${lines}\r\n${bodiless ? '' : framed.body}`;
  return { text, untilClose: untilClose && !bodiless };
}

/** A response that is none, or not only that. */
export function oddResponse(random: Random, method: string, mark: string): string {
  switch (random.below(4)) {
    case 0:
      return goodResponse(random, method, mark).text + pick(random, ['x', '\r\n', `HTTP/1.1 200 OK\r\n\r\n[${mark}]`]);
    case 1:
      return damage(random, goodResponse(random, method, mark).text);
    case 2:
      return damage(random, response(random)).replace('\r\n', `\r\nX-Mark: ${mark}\r\n`);
    default:
      return response(random);
  }
}

/** A switch of protocols, and what is said in the new one. */
export function switching(random: Random, mark: string): string {
  return `HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\nX-Mark: ${mark}\r\n\r\n${fill(mark, size(random))}`;
}
