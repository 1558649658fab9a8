/** What must hold for every byte stream: the engine's readings against the reference reader's. */
import { isDeepStrictEqual } from 'node:util';
import { HTTP_HEAD } from '../../src/model/limits.ts';
import type { DesyncMitigationMode } from '../../src/model/load-balancer.ts';
import { HeadAnalysis, REASONS, TIERS, findHeadEnd } from '../../src/wire/desync.ts';
import { textOf, type Bytes } from '../support/reference-body.ts';
import { readRequests, readResponse, type RequestReading, type ResponseReading } from '../support/reference-reader.ts';
import { headText, readRequestHead } from '../support/reference-request-head.ts';

const analysis = new HeadAnalysis();

/** The classifier and the canonical head are those of the reference, wherever in a buffer the head stands. */
export function analysisAgrees(bytes: Uint8Array): string | undefined {
  const expected = readRequestHead(Buffer.from(bytes).toString('latin1'));
  const forwarded = 'refused' in expected.head ? '' : headText(expected.head);
  const offset = bytes.length % 7;
  const surrounded = Buffer.concat([Buffer.alloc(offset, '\n'), bytes, Buffer.from('\n\r\n\r\nX: ')]);
  analysis.analyse(surrounded, offset, offset + bytes.length);
  const [reason] = REASONS[analysis.reason]!;
  return differ(
    'the reading of a head',
    {
      verdict: [TIERS[analysis.tier], reason],
      headEnd: analysis.headEnd === -1 ? -1 : analysis.headEnd - offset,
      framable: analysis.framable,
      lengthInDoubt: analysis.lengthInDoubt,
      forwarded: analysis.canonical.toString('latin1', 0, analysis.canonicalLength),
    },
    {
      verdict: [expected.tier, expected.reason],
      headEnd: expected.complete ? expected.size : -1,
      framable: forwarded !== '',
      lengthInDoubt: expected.lengthInDoubt,
      forwarded,
    },
  );
}

/** What a canonical head may still be called: what is kept on purpose. */
export const KEPT_FINDINGS: ReadonlySet<string> = new Set([
  'Compliant',
  'NonCompliantHeader',
  'GetHeadZeroContentLength',
  'UndefinedContentLengthSemantics',
  'UndefinedTransferEncodingSemantics',
]);

/** A canonical head is its own canonical head, says its length in one way, and is no worse than what it was made from. */
export function canonicalIsPlain(bytes: Uint8Array): string | undefined {
  analysis.analyse(bytes, 0, bytes.length);
  if (!analysis.framable) return analysis.canonicalLength === 0 ? undefined : 'a head that is refused was written';
  const { tier } = analysis;
  const text = analysis.canonical.toString('latin1', 0, analysis.canonicalLength);
  const again = Buffer.from(text, 'latin1');
  const framing = text.split('\r\n').filter((line) => /^(transfer-encoding|content-length):/i.test(line));
  if (framing.length > 1) return `more than one framing header: ${JSON.stringify(text)}`;
  analysis.analyse(again, 0, again.length);
  const [reason] = REASONS[analysis.reason]!;
  if (!KEPT_FINDINGS.has(reason)) return `a canonical head is ${reason}: ${JSON.stringify(text)}`;
  if (analysis.tier > tier) return `a canonical head is worse than the original: ${reason} ${JSON.stringify(text)}`;
  if (!analysis.framable && again.length > HTTP_HEAD.maxHeaderBytes) return undefined; // A line end made it too long.
  const rewritten = analysis.canonical.toString('latin1', 0, analysis.canonicalLength);
  return differ('a canonical head, analysed again', rewritten, text);
}

/** The end of a head is found wherever the bytes are cut in two. */
export function headEndAgrees(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString('latin1');
  const match = /\n\r?\n/.exec(text);
  const expected = match === null ? -1 : match.index + match[0].length;
  for (let cut = 0; cut <= bytes.length; cut++) {
    const first = findHeadEnd(bytes, 0, cut);
    const found = first === -1 ? findHeadEnd(bytes, 0, bytes.length, cut) : first;
    if (found !== expected) return `cut at ${cut}: found ${found}, expected ${expected}`;
  }
  return undefined;
}

/** The engine's way of reading requests, as far as it is to be compared. */
export interface RequestReader {
  readonly name: string;
  /** Reads the stream in the pieces that `cuts` (offsets, ascending) divide it into. */
  read(bytes: Uint8Array, cuts: readonly number[], mode: DesyncMitigationMode): RequestReading;
}

/** The engine's way of reading a response. */
export interface ResponseReader {
  readonly name: string;
  read(bytes: Uint8Array, cuts: readonly number[], method: string, closed: boolean): ResponseReading;
}

/** What may still come after an unfinished message: a reader that refuses it early must be right about all of these. */
const CONTINUATIONS = ['\r\n\r\n', ' HTTP/1.1\r\n\r\n', '\n\n', '0\r\n\r\n', ': x\r\n\r\n', ' / HTTP/1.1\r\n\r\n'];

/** What would make a message at the end of an unfinished stream right, as far as we can think of it. */
export function hopeFor(bytes: Bytes, mode: DesyncMitigationMode): string | undefined {
  const text = textOf(bytes);
  return CONTINUATIONS.find((more) => readRequests(text + more, mode).end.kind !== 'refused');
}

/** The engine reads the same requests as the reference, however the stream is cut. */
export function requestsAgree(
  reader: RequestReader,
  bytes: Uint8Array,
  cuts: readonly number[],
  mode: DesyncMitigationMode,
): string | undefined {
  const expected = readRequests(bytes, mode);
  const actual = reader.read(bytes, cuts, mode);
  const early = expected.end.kind === 'unfinished' && actual.end.kind === 'refused';
  if (early) {
    const hope = hopeFor(bytes, mode);
    if (hope !== undefined) return `${reader.name} refused what ${JSON.stringify(hope)} would have made right`;
    return differ(`${reader.name}, ${mode}, before an early refusal`, actual.messages, expected.messages);
  }
  return differ(`${reader.name}, ${mode}`, comparable(actual), comparable(expected));
}

function comparable({ messages, unfinished, end }: RequestReading): unknown {
  if (end.kind === 'refused') return { messages, end: `refused ${end.status}` };
  return { messages, unfinished, end: end.kind };
}

const RESPONSE_CONTINUATIONS = ['\r\n\r\n', 'OK\r\n\r\n', ': x\r\n\r\n', '0\r\n\r\n', '200 OK\r\n\r\n'];

/** What would make an unfinished response right, as far as we can think of it. */
export function hopeForResponse(bytes: Bytes, method: string): string | undefined {
  const text = textOf(bytes);
  return RESPONSE_CONTINUATIONS.find((more) => readResponse(text + more, method, false).end !== 'refused');
}

/** The engine reads the same response as the reference, however the stream is cut. */
export function responsesAgree(
  reader: ResponseReader,
  bytes: Uint8Array,
  cuts: readonly number[],
  method: string,
  closed: boolean,
): string | undefined {
  const { why: _expectedWhy, size: _size, ...expected } = readResponse(bytes, method, closed);
  const { why: _actualWhy, ...actual } = reader.read(bytes, cuts, method, closed);
  if (expected.end === 'unfinished' && actual.end === 'refused') {
    const hope = hopeForResponse(bytes, method);
    return hope === undefined ? undefined : `${reader.name} refused what ${JSON.stringify(hope)} would have made right`;
  }
  return differ(reader.name, actual, expected);
}

function differ(what: string, actual: unknown, expected: unknown): string | undefined {
  if (isDeepStrictEqual(actual, expected)) return undefined;
  return `${what}: read\n  ${JSON.stringify(actual)}\nexpected\n  ${JSON.stringify(expected)}`;
}
