/**
 * Puts messages together in the outbox: what the peer sent, without the lines that end here, with ours. Everything is
 * written from parsed parts; framing is always ours.
 */
import { CR, SPACE } from '../kit/bytes.ts';
import type { Outbox } from '../transport/outbox.ts';
import type { BodyReader } from '../wire/body-framing.ts';
import type { Ranges } from '../wire/head-ranges.ts';
import type { MessageHead } from '../wire/message-head.ts';
import type { RequestHead } from '../wire/request-head.ts';
import type { ResponseHead } from '../wire/response-head.ts';

/** What a request gets from its connection. */
export interface ForwardedBy {
  readonly remoteAddress: string;
  /** X-Forwarded-Proto, X-Forwarded-Port and the empty line. */
  readonly forwardedLines: string;
  /** Pass Upgrade on (extension). */
  readonly upgrade: boolean;
}

const VERSION_LINE = ' HTTP/1.1\r\n';

/** The head of a request as the back end gets it (spec/traffic.md 3). */
export function composeRequestHead(outbox: Outbox, bytes: Buffer, head: RequestHead, by: ForwardedBy): void {
  const upgrade = by.upgrade && head.wantsUpgrade;
  if (head.upgradeEnd !== 0) {
    if (!upgrade) head.drops.add(head.upgradeStart, head.upgradeEnd);
    head.drops.sort();
  }
  const authority = head.targetAuthority(bytes);
  if (authority !== undefined && head.hostLineEnd !== 0) {
    head.drops.add(head.hostLineStart, head.hostLineEnd);
    head.drops.sort();
  }
  let from = head.start;
  if (head.minor !== 1) {
    outbox.copy(bytes, head.start, head.targetEnd);
    outbox.text(VERSION_LINE);
    from = head.headersStart;
  }
  copyWithout(outbox, bytes, from, head.end - 2, head.drops);
  if (authority !== undefined) outbox.text(`Host: ${authority}\r\n`);
  if (upgrade) outbox.text('Connection: upgrade\r\n');
  outbox.text('X-Forwarded-For: ');
  const { forwardedFor } = head;
  for (let i = 0; i < forwardedFor.count; i++) {
    if (forwardedFor.start(i) === forwardedFor.end(i)) continue;
    outbox.copy(bytes, forwardedFor.start(i), forwardedFor.end(i));
    outbox.text(', ');
  }
  outbox.text(by.remoteAddress);
  outbox.text('\r\n');
  outbox.text(by.forwardedLines);
}

/** How a final response's head differs for this client. */
export interface ResponseForm {
  /** The client's connection ends with this response. */
  readonly close: boolean;
  /** Minor version of the client's HTTP. */
  readonly minor: number;
  /** The chunks are taken apart: the client's HTTP has none, or there is no body. */
  readonly dropTransferEncoding: boolean;
  /** A length that must not be told (RFC 9110 8.6: none in 1xx and 204). */
  readonly dropContentLength: boolean;
}

export function composeResponseHead(outbox: Outbox, bytes: Buffer, head: ResponseHead, form: ResponseForm): void {
  dropFraming(head, form);
  composeStatusLine(outbox, bytes, head);
  copyWithout(outbox, bytes, head.headersStart, head.end - 2, head.drops);
  if (form.close) outbox.text('Connection: close\r\n\r\n');
  else outbox.text(form.minor === 0 ? 'Connection: keep-alive\r\n\r\n' : '\r\n');
}

function dropFraming(head: ResponseHead, form: ResponseForm): void {
  const before = head.drops.count;
  if (head.upgradeEnd !== 0) head.drops.add(head.upgradeStart, head.upgradeEnd);
  if (form.dropTransferEncoding) {
    addAll(head.drops, head.transferEncodingLines);
    addAll(head.drops, head.trailerLines);
  }
  if (form.dropContentLength && head.contentLength !== -1) head.drops.add(head.lengthLineStart, head.lengthLineEnd);
  if (head.drops.count !== before) head.drops.sort();
}

function addAll(ranges: Ranges, more: Ranges): void {
  for (let i = 0; i < more.count; i++) ranges.add(more.start(i), more.end(i));
}

/** Our version; the back end's status and reason phrase. */
function composeStatusLine(outbox: Outbox, bytes: Buffer, head: ResponseHead): void {
  outbox.text('HTTP/1.1 ');
  outbox.copy(bytes, head.statusStart, head.statusStart + 3);
  if (bytes[head.statusStart + 3] === CR) outbox.byte(SPACE);
  outbox.copy(bytes, head.statusStart + 3, head.headersStart);
}

/** An interim response or a 101: as it came, without the lines that end here. */
export function composeInterim(outbox: Outbox, bytes: Buffer, head: ResponseHead): void {
  const switching = head.status === 101;
  addAll(head.drops, head.transferEncodingLines);
  if (head.contentLength !== -1) head.drops.add(head.lengthLineStart, head.lengthLineEnd);
  if (!switching && head.upgradeEnd !== 0) head.drops.add(head.upgradeStart, head.upgradeEnd);
  head.drops.sort();
  composeStatusLine(outbox, bytes, head);
  copyWithout(outbox, bytes, head.headersStart, head.end - 2, head.drops);
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

export function composeLastChunk(outbox: Outbox, body: BodyReader): void {
  const trailers = body.trailers();
  outbox.text('0\r\n');
  outbox.copy(trailers, 0, trailers.length);
  outbox.text('\r\n');
}

function copyWithout(outbox: Outbox, bytes: Buffer, start: number, end: number, drops: MessageHead['drops']): void {
  let from = start;
  for (let i = 0; i < drops.count; i++) {
    if (drops.start(i) > from) outbox.copy(bytes, from, drops.start(i));
    from = drops.end(i);
  }
  if (from < end) outbox.copy(bytes, from, end);
}
