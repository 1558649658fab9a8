/**
 * The engine's incremental readers, as the http target compares them with the reference reader on randomly cut streams:
 * each drives the parsers in the way the traffic does and reports what was read in the reference's terms.
 */
import { CR, LF } from '../../src/kit/bytes.ts';
import { HTTP_HEAD, MAX_INTERIM_RESPONSES } from '../../src/model/limits.ts';
import type { DesyncMitigationMode } from '../../src/model/load-balancer.ts';
import { BODY, BodyReader } from '../../src/wire/body-framing.ts';
import { HeadAnalysis, action, findHeadEnd } from '../../src/wire/desync.ts';
import { PARSED, type MessageHead } from '../../src/wire/message-head.ts';
import { METHOD, RequestHead } from '../../src/wire/request-head.ts';
import { ResponseHead } from '../../src/wire/response-head.ts';
import type { RequestMessage, RequestReading, ResponseMessage, ResponseReading } from '../support/reference-reader.ts';
import type { Header } from '../support/reference-request-head.ts';
import type { RequestReader, ResponseReader } from './http-properties.ts';

/** The pieces that `cuts` divide the bytes into, as copies: a reader may move bytes about. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length];
  return ends.map((end, index) => Buffer.from(bytes.subarray(index === 0 ? 0 : ends[index - 1], end)));
}

/** Header lines between two offsets, values trimmed. */
function headerLines(bytes: Buffer, start: number, end: number): Header[] {
  const lines = bytes.toString('latin1', start, end).split('\r\n');
  return lines.filter(Boolean).map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
  });
}

function headersOf(bytes: Buffer, head: MessageHead): Header[] {
  return headerLines(bytes, head.headersStart, head.end - 2);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads requests as the client side of an exchange does (src/traffic/http-client.ts), without the rest of it. */
class EngineRequests {
  readonly #mode: DesyncMitigationMode;
  readonly #analysis = new HeadAnalysis();
  readonly #head = new RequestHead();
  readonly #body = new BodyReader();
  readonly #messages: RequestMessage[] = [];
  #held = Buffer.alloc(0);
  #current: Mutable<RequestMessage> | undefined;
  #closing = false;
  #end: RequestReading['end'] | undefined;

  constructor(mode: DesyncMitigationMode) {
    this.#mode = mode;
  }

  push(piece: Buffer): void {
    const bytes = Buffer.concat([this.#held, piece]);
    let at = 0;
    while (at < bytes.length && this.#end === undefined) {
      const next = this.#current === undefined ? this.#readHead(bytes, at) : this.#readBody(bytes, at);
      if (next === at) break;
      at = next;
    }
    this.#held = bytes.subarray(at);
  }

  finish(): RequestReading {
    if (this.#end !== undefined) return { messages: this.#messages, end: this.#end };
    if (this.#current === undefined) {
      return { messages: this.#messages, end: { kind: this.#held.length === 0 ? 'clean' : 'unfinished' } };
    }
    return { messages: this.#messages, unfinished: this.#current, end: { kind: 'unfinished' } };
  }

  #refuse(status: 400 | 405, why: string): number {
    this.#end = { kind: 'refused', status, why };
    return -1;
  }

  #readHead(bytes: Buffer, start: number): number {
    let at = start;
    while (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
    if (at === bytes.length || (at + 1 === bytes.length && bytes[at] === CR)) return at;
    const outcome = this.#head.parse(bytes, at, bytes.length, false);
    if (outcome === PARSED.complete && this.#head.end - at <= HTTP_HEAD.maxBytes) {
      return this.#begin(bytes, this.#head.end, false);
    }
    if (outcome === PARSED.odd) return this.#readOddHead(bytes, at);
    if (outcome === PARSED.incomplete && bytes.length - at <= HTTP_HEAD.maxBytes) return at;
    return this.#refuse(outcome === PARSED.refused ? this.#head.refusal : 400, 'the parser');
  }

  #readOddHead(bytes: Buffer, start: number): number {
    const analysis = this.#analysis;
    const headEnd = findHeadEnd(bytes, start, bytes.length);
    if (headEnd === -1) {
      if (bytes.length - start > HTTP_HEAD.maxBytes) return this.#refuse(400, 'too long');
      const hopeless = this.#mode !== 'monitor' && analysis.isHopeless(bytes, start, bytes.length);
      return hopeless ? this.#refuse(400, analysis.reasonName) : start;
    }
    analysis.analyse(bytes, start, headEnd);
    const decision = action(analysis.tier, this.#mode);
    if (decision === 'refuse' || !analysis.framable) return this.#refuse(400, analysis.reasonName);
    const outcome = this.#head.parse(analysis.canonical, 0, analysis.canonicalLength, true);
    if (outcome === PARSED.refused) return this.#refuse(this.#head.refusal, 'the canonical head');
    if (outcome !== PARSED.complete) throw new Error(`a canonical head parses as ${outcome}`);
    return this.#begin(analysis.canonical, headEnd, decision === 'allow-then-close' || analysis.lengthInDoubt);
  }

  /** `source`: where the head's offsets point to. */
  #begin(source: Buffer, bodyStart: number, suspect: boolean): number {
    const head = this.#head;
    this.#current = {
      method: source.toString('latin1', head.start, head.methodEnd),
      target: source.toString('latin1', head.targetStart, head.targetEnd),
      version: head.minor === 0 ? '1.0' : '1.1',
      headers: headersOf(source, head),
      framing: head.chunked ? 'chunked' : head.contentLength === -1 ? 'none' : 'length',
      body: '',
      trailers: [],
    };
    if (
      head.method === METHOD.other &&
      /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|TRACE|CONNECT)$/.test(this.#current.method)
    ) {
      throw new Error(`the method ${this.#current.method} was not recognised`);
    }
    this.#closing = suspect || !head.keepAlive || head.wantsUpgrade;
    this.#body.begin(
      head.chunked ? BODY.chunked : head.contentLength > 0 ? BODY.length : BODY.none,
      head.contentLength,
    );
    if (this.#body.done) this.#finishMessage();
    return bodyStart;
  }

  #readBody(bytes: Buffer, start: number): number {
    const body = this.#body;
    body.read(bytes, start, bytes.length);
    this.#current!.body += bytes.toString('latin1', body.dataStart, body.dataEnd);
    if (body.broken) return this.#refuse(400, 'the body');
    if (body.done) this.#finishMessage();
    return body.next;
  }

  #finishMessage(): void {
    const trailers = this.#body.trailers();
    this.#messages.push({ ...this.#current!, trailers: headerLines(trailers, 0, trailers.length) });
    this.#current = undefined;
    if (this.#closing) this.#end = { kind: 'closed' };
  }
}

/** Reads the answer to one request as the back-end side does (src/traffic/http-backend.ts). */
class EngineResponse {
  readonly #method: string;
  readonly #head = new ResponseHead();
  readonly #body = new BodyReader();
  readonly #interim: ResponseMessage[] = [];
  #held = Buffer.alloc(0);
  #response: Mutable<ResponseMessage> | undefined;
  #reusable = false;
  #why: string | undefined;

  constructor(method: string) {
    this.#method = method;
  }

  push(piece: Buffer): void {
    const bytes = Buffer.concat([this.#held, piece]);
    let at = 0;
    while (at < bytes.length && this.#why === undefined) {
      const next = this.#response === undefined ? this.#readHead(bytes, at) : this.#readBody(bytes, at);
      if (next === at) break;
      at = next;
    }
    this.#held = bytes.subarray(at);
  }

  finish(closed: boolean): ResponseReading {
    const interim = this.#interim;
    const response = this.#response;
    const why = this.#why ?? '';
    if (response === undefined) return { interim, end: this.#why === undefined ? 'unfinished' : 'refused', why };
    if (this.#why !== undefined) return { interim, response, end: 'refused', why };
    if (response.framing === 'close') return { interim, response, end: closed ? 'spent' : 'unfinished', why };
    if (!this.#body.done) return { interim, response, end: 'unfinished', why };
    return { interim, response, end: this.#reusable && this.#held.length === 0 ? 'complete' : 'spent', why };
  }

  #readHead(bytes: Buffer, start: number): number {
    const head = this.#head;
    const outcome = head.parse(bytes, start, bytes.length);
    if (outcome === PARSED.incomplete && bytes.length - start <= HTTP_HEAD.maxBytes) return start;
    if (outcome !== PARSED.complete || head.end - start > HTTP_HEAD.maxBytes) return this.#refuse('the parser');
    const tooMany = head.status < 200 && this.#interim.length === MAX_INTERIM_RESPONSES;
    if (head.status === 101 || tooMany) return this.#refuse(`status ${head.status}`);
    const message = this.#message(bytes);
    if (head.status < 200) this.#interim.push(message);
    else this.#begin(message);
    return head.end;
  }

  #message(bytes: Buffer): ResponseMessage {
    const head = this.#head;
    const dropped = new Set<number>();
    for (let i = 0; i < head.drops.count; i++) dropped.add(head.drops.start(i));
    const headers: Header[] = [];
    for (let at = head.headersStart; at < head.end - 2;) {
      const lineEnd = bytes.indexOf(LF, at) + 1;
      const [header] = headerLines(bytes, at, lineEnd - 2);
      // Of the lines that are dropped only a second or overridden length is left out by the reference.
      if (!dropped.has(at) || header![0].toLowerCase() !== 'content-length') headers.push(header!);
      at = lineEnd;
    }
    const framing = head.chunked ? 'chunked' : head.contentLength === -1 ? 'close' : 'length';
    return { version: head.minor === 0 ? '1.0' : '1.1', status: head.status, headers, framing, body: '', trailers: [] };
  }

  #begin(message: ResponseMessage): void {
    const head = this.#head;
    const bodiless = this.#method === 'HEAD' || head.status === 204 || head.status === 304;
    this.#response = { ...message, framing: bodiless ? 'none' : message.framing };
    this.#reusable = head.keepAlive;
    const kind = { none: BODY.none, length: BODY.length, chunked: BODY.chunked, close: BODY.untilClose };
    this.#body.begin(kind[this.#response.framing], head.contentLength);
  }

  #readBody(bytes: Buffer, start: number): number {
    const body = this.#body;
    if (body.done) return start;
    body.read(bytes, start, bytes.length);
    this.#response!.body += bytes.toString('latin1', body.dataStart, body.dataEnd);
    if (body.broken) return this.#refuse('the body');
    if (body.done) {
      const trailers = body.trailers();
      this.#response!.trailers = headerLines(trailers, 0, trailers.length);
    }
    return body.next;
  }

  #refuse(why: string): number {
    this.#why = why;
    return -1;
  }
}

export const requestReaders: readonly RequestReader[] = [
  {
    name: 'the request parsers',
    read(bytes, cuts, mode) {
      const reader = new EngineRequests(mode);
      for (const piece of pieces(bytes, cuts)) reader.push(piece);
      return reader.finish();
    },
  },
];

export const responseReaders: readonly ResponseReader[] = [
  {
    name: 'the response parsers',
    read(bytes, cuts, method, closed) {
      const reader = new EngineResponse(method);
      for (const piece of pieces(bytes, cuts)) reader.push(piece);
      return reader.finish(closed);
    },
  },
];
