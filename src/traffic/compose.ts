/**
 * Puts messages together in the outbox: what the peer sent, without the lines that end here, with ours. Everything is
 * written from parsed parts; framing is always ours.
 */
import { CR, SPACE } from '../kit/bytes.ts';
import type { Outbox } from '../transport/outbox.ts';
import { BODY, type BodyReader } from '../wire/body-framing.ts';
import type { Ranges } from '../wire/head-ranges.ts';
import type { MessageHead } from '../wire/message-head.ts';
import type { RequestHead } from '../wire/request-head.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import type { TraceIds } from './trace-id.ts';

/** What a request gets from its connection. */
export interface ForwardedBy {
  /** X-Forwarded-For with the client's address alone, X-Forwarded-Proto, X-Forwarded-Port, and the empty line. */
  readonly forwardedLines: string;
  /** The address that the client connected to, as Host has it. */
  readonly nodeHost: string;
  /** Pass Upgrade on (extension). */
  readonly upgrade: boolean;
  /** Makes X-Amzn-Trace-Id (extension); undefined: it is passed on as it came. */
  readonly traceIds: TraceIds | undefined;
}

/** How forwarded lines begin. */
export const X_FORWARDED_FOR = 'X-Forwarded-For: ';
const HTTP_1_1 = 'HTTP/1.1 ';
const VERSION_LINE = ' HTTP/1.1\r\n';
const UPGRADE_REQUIRED = 426;

/** The head of a request as the back end gets it. */
export function composeRequestHead(outbox: Outbox, bytes: Buffer, head: RequestHead, by: ForwardedBy): void {
  const upgrade = by.upgrade && head.passesUpgrade;
  if (head.upgradeEnd !== 0) {
    if (!upgrade) head.drops.add(head.upgradeStart, head.upgradeEnd);
    head.drops.sort();
  }
  const authority = head.targetAuthority(bytes);
  if (by.traceIds !== undefined && head.traceIdLines.count > 0) {
    addAll(head.drops, head.traceIdLines);
    head.drops.sort();
  }
  let from = head.start;
  if (head.minor !== 1) {
    outbox.copy(bytes, head.start, head.targetEnd);
    outbox.text(VERSION_LINE);
    from = head.headersStart;
  }
  if (authority !== undefined && head.hostStart !== 0) {
    // What the target says takes the place of what Host said (RFC 9112 3.2.2).
    copyWithout(outbox, bytes, from, head.hostStart, head.drops);
    outbox.text(authority);
    from = head.hostEnd;
  }
  copyWithout(outbox, bytes, from, head.end - 2, head.drops);
  if (head.hostStart === 0 && (authority !== undefined || head.minor === 0)) {
    // HTTP/1.1 has no requests without it. As at AWS, the node's address is what a client is taken to mean that needs none.
    outbox.text(`Host: ${authority ?? by.nodeHost}\r\n`);
  }
  if (upgrade) outbox.text('Connection: upgrade\r\n');
  if (by.traceIds !== undefined) outbox.text(by.traceIds.line(head.traceId(bytes)));
  if (head.forwardedFor.count === 0) outbox.text(by.forwardedLines);
  else continueForwardedFor(outbox, bytes, head.forwardedFor, by.forwardedLines);
}

/** The client's address goes behind the list that came with the request. */
function continueForwardedFor(outbox: Outbox, bytes: Buffer, list: Ranges, forwardedLines: string): void {
  outbox.text(X_FORWARDED_FOR);
  for (let i = 0; i < list.count; i++) {
    if (list.start(i) === list.end(i)) continue;
    outbox.copy(bytes, list.start(i), list.end(i));
    outbox.text(', ');
  }
  outbox.text(forwardedLines.slice(X_FORWARDED_FOR.length));
}

/**
 * A final response: its head, and what `body` has read of it so far. `lines` are ours, each with its end. `clientMinor` is
 * the minor version of the client's HTTP, which has no chunks where it is 0.
 */
export function composeResponse(
  outbox: Outbox,
  bytes: Buffer,
  head: ResponseHead,
  body: BodyReader,
  close: boolean,
  clientMinor: number,
  lines: string,
): void {
  const chunked = body.kind === BODY.chunked;
  // Also where there is no body (HEAD, 304): HTTP/1.0 has no transfer codings at all (RFC 9112 6.1).
  const unchunked = head.chunked && clientMinor === 0;
  // What a client must switch to is for it to know (RFC 9110 15.5.22). Other offers to switch end here.
  const requires = head.status === UPGRADE_REQUIRED && head.upgradeEnd !== 0 && clientMinor === 1;
  if (unchunked || head.status === 204 || head.upgradeEnd !== 0) dropFraming(head, unchunked, requires);
  if (!close && clientMinor === 1 && !chunked && lines === '' && !requires) {
    // The usual case: nothing of ours comes between the head and its body, which lie side by side.
    copyHead(outbox, bytes, head, body.dataEnd);
    return;
  }
  copyHead(outbox, bytes, head, head.end - 2);
  if (lines !== '') outbox.text(lines);
  if (requires) outbox.text(close ? 'Connection: close, upgrade\r\n\r\n' : 'Connection: upgrade\r\n\r\n');
  else if (close) outbox.text('Connection: close\r\n\r\n');
  else outbox.text(clientMinor === 0 ? 'Connection: keep-alive\r\n\r\n' : '\r\n');
  composeBody(outbox, bytes, body, chunked && clientMinor === 1);
}

function dropFraming(head: ResponseHead, unchunked: boolean, keepsUpgrade: boolean): void {
  const { drops } = head;
  if (head.upgradeEnd !== 0 && !keepsUpgrade) drops.add(head.upgradeStart, head.upgradeEnd);
  // A 204 tells neither length nor encoding (RFC 9110 8.6, RFC 9112 6.1).
  const bodiless = head.status === 204;
  if (unchunked || bodiless) {
    addAll(drops, head.transferEncodingLines);
    addAll(drops, head.trailerLines);
  }
  if (bodiless && head.contentLength !== -1) drops.add(head.lengthLineStart, head.lengthLineEnd);
  drops.sort();
}

function addAll(ranges: Ranges, more: Ranges): void {
  for (let i = 0; i < more.count; i++) ranges.add(more.start(i), more.end(i));
}

/** Our version; the back end's status and reason phrase, and the fields that are kept, up to `end`. */
function copyHead(outbox: Outbox, bytes: Buffer, head: ResponseHead, end: number): void {
  let from = head.statusStart - HTTP_1_1.length;
  if (head.minor !== 1 || bytes[head.statusStart + 3] === CR) {
    outbox.text(HTTP_1_1);
    outbox.copy(bytes, head.statusStart, head.statusStart + 3);
    if (bytes[head.statusStart + 3] === CR) outbox.byte(SPACE);
    from = head.statusStart + 3;
  }
  copyWithout(outbox, bytes, from, end, head.drops);
}

/** An interim response or a 101: as it came, without the lines that end here, with `lines` of ours. */
export function composeInterim(outbox: Outbox, bytes: Buffer, head: ResponseHead, lines = ''): void {
  const switching = head.status === 101;
  addAll(head.drops, head.transferEncodingLines);
  if (head.contentLength !== -1) head.drops.add(head.lengthLineStart, head.lengthLineEnd);
  if (!switching && head.upgradeEnd !== 0) head.drops.add(head.upgradeStart, head.upgradeEnd);
  head.drops.sort();
  copyHead(outbox, bytes, head, head.end - 2);
  outbox.text(lines);
  outbox.text(switching ? 'Connection: upgrade\r\n\r\n' : '\r\n');
}

/** The data that `body` has just read, framed for a peer that reads chunks, or bare. */
export function composeBody(outbox: Outbox, bytes: Buffer, body: BodyReader, chunked: boolean): void {
  const { dataStart, dataEnd } = body;
  if (!chunked) {
    outbox.copy(bytes, dataStart, dataEnd);
    return;
  }
  if (dataEnd > dataStart) {
    outbox.text(`${(dataEnd - dataStart).toString(16)}\r\n`);
    outbox.copy(bytes, dataStart, dataEnd);
    outbox.text('\r\n');
  }
  if (body.done) composeLastChunk(outbox, body);
}

/** The end of a chunked body, with the trailers that may go on (RFC 9112 7.1.2). */
export function composeLastChunk(outbox: Outbox, body: BodyReader): void {
  const trailers = body.trailers();
  outbox.text('0\r\n');
  outbox.append(trailers);
  outbox.text('\r\n');
}

/** Copies `bytes[start, end)` without the lines that are dropped, none of which lies across either end. */
function copyWithout(outbox: Outbox, bytes: Buffer, start: number, end: number, drops: MessageHead['drops']): void {
  let from = start;
  for (let i = 0; i < drops.count && drops.start(i) < end; i++) {
    if (drops.end(i) <= from) continue;
    if (drops.start(i) > from) outbox.copy(bytes, from, drops.start(i));
    from = drops.end(i);
  }
  if (from < end) outbox.copy(bytes, from, end);
}
