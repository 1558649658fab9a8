/** What of a request head is forwarded, or why the strict framer refuses it: the slow and plain way. */
import { HTTP_HEAD } from '../../src/model/limits.ts';
import {
  framingFindings,
  headerFindings,
  lineFindings,
  methodFindings,
  uriFindings,
  verdict,
  versionFindings,
} from './reference-desync.ts';
import type { Tier } from './reference-desync.ts';
import {
  CODINGS,
  TOKEN,
  codingsOf,
  framingParts,
  firstToken,
  FRAMING_LETTERS,
  isFraming,
  lengthOf,
  namesFraming,
  splitHeader,
  sizeOf,
  splitLines,
  splitRequestLine,
  squash,
  trim,
} from './reference-grammar.ts';
import type { FramingPart, Line, Part, RequestParts } from './reference-grammar.ts';

export type Header = readonly [name: string, value: string];

/** A head that is forwarded, with what is dropped left out. */
export interface ReadHead {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly headers: readonly Header[];
  readonly framing:
    | { readonly kind: 'none' }
    | { readonly kind: 'chunked' }
    | { readonly kind: 'length'; length: bigint };
}

export interface HeadReading {
  readonly tier: Tier;
  readonly reason: string;
  /** Bytes up to and with the empty line; of an incomplete head all that is there. */
  readonly size: number;
  readonly complete: boolean;
  /** What is forwarded; when the strict framer refuses the message, why. */
  readonly head: ReadHead | { readonly refused: string };
  /** A look-alike is the only word about a body's length. */
  readonly lengthInDoubt: boolean;
}

/** Squashed names of the headers that the load balancer obeys, replaces or removes, framing ones left out. */
const OWN_NAMES = new Set(
  ['Host', 'Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Upgrade', 'Expect']
    .concat(['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Port'])
    .map(squash),
);

/** How large a head may be; what weir forwards is longer than what came by the lines that it adds. */
export type HeadLimits = Readonly<Record<'maxBytes' | 'maxLineBytes' | 'maxHeaderBytes' | 'maxHeaders', number>>;

/** Reads the head at the beginning of `text`; what follows its empty line is not looked at. */
export function readRequestHead(text: string, limits: HeadLimits = HTTP_HEAD): HeadReading {
  const { lines, complete, size, crlf, endFindings } = splitLines(text);
  const request = splitRequestLine(lines[0]!.text);
  const parts = splitHeader(lines.slice(1).map((line) => line.text));
  const encodings = framingParts(parts, 'Transfer-Encoding');
  const lengths = framingParts(parts, 'Content-Length');
  const refused = complete
    ? (whyOverLimits(size, lines, parts, limits) ?? whyUnframable(request, parts, encodings, lengths))
    : 'the head is not complete';
  const head = refused === undefined ? forwarded(request, parts, encodings, lengths) : { refused };
  return {
    // The order of analysis: the parse, each header, the framing headers together, method, version, URI.
    ...verdict([
      ...(crlf ? [] : ['NonCrLfLineTermination']),
      ...(request.missingUri ? ['MissingUri'] : []),
      ...parts.flatMap(lineFindings),
      ...endFindings,
      ...parts.flatMap(headerFindings),
      ...framingFindings(request, encodings, lengths),
      ...methodFindings(request.method),
      ...versionFindings(request.version),
      ...uriFindings(request.uri),
    ]),
    size,
    complete,
    lengthInDoubt: encodings.length + lengths.length > 0 && ![...encodings, ...lengths].some((part) => part.exact),
    head,
  };
}

/** The head as it is forwarded, byte for byte. */
export function headText(head: ReadHead): string {
  const lines = head.headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${head.method} ${head.target} HTTP/${head.version}\r\n${lines.join('')}\r\n`;
}

/** The limits count what the client sent, line ends included, before anything is dropped. */
function whyOverLimits(
  size: number,
  lines: readonly Line[],
  parts: readonly Part[],
  limits: HeadLimits,
): string | undefined {
  const headerSizes: number[] = [0];
  lines.slice(1).forEach((line, index) => {
    const { kind } = parts[index]!;
    if (kind === 'field' || kind === 'colonless') headerSizes.push(0);
    headerSizes[headerSizes.length - 1]! += sizeOf(line);
  });
  if (size > limits.maxBytes) return 'the head is too long';
  if (sizeOf(lines[0]!) > limits.maxLineBytes) return 'the request line is too long';
  if (headerSizes.some((headerSize) => headerSize > limits.maxHeaderBytes)) return 'a header is too long';
  const count = parts.filter(({ kind }) => kind === 'field' || kind === 'colonless' || kind === 'mimic').length;
  return count > limits.maxHeaders ? 'there are too many headers' : undefined;
}

/** Why no strict reader could say what the message is and where it ends; undefined when one can. */
function whyUnframable(
  request: RequestParts,
  parts: readonly Part[],
  encodings: readonly FramingPart[],
  lengths: readonly FramingPart[],
): string | undefined {
  if (!TOKEN.test(request.method)) return 'the method is no token';
  if (`${request.method} ${targetOf(request)} HTTP/1.1\r\n`.length > HTTP_HEAD.maxLineBytes) {
    return 'the request line, escaped, is too long';
  }
  if (/[\r\0]/.test(request.uri) || targetOf(request) === '') return 'there is no target that could be written';
  if (versionFindings(request.version).includes('BadVersion')) return 'the version is unknown';
  if (parts.some((part) => part.text.includes('\r'))) return 'a bare CR may end a line';
  if (parts.some((part) => namesFraming(part.name) && (part.name + part.value).includes('\0'))) {
    return 'a NUL in what may be a framing header';
  }
  const hosts = parts.filter(({ kind, name }) => kind === 'field' && name.toLowerCase() === 'host');
  if (hosts.length > 1) return 'two Host headers';
  if (foldsFraming(parts)) return 'a framing header is folded';
  const codings = encodings.flatMap(codingsOf);
  if (codings.some((coding) => !CODINGS.includes(coding))) return 'a coding is unknown';
  const obeyed = encodings.filter((part) => part.exact).flatMap(codingsOf);
  if (obeyed.length > 0 && obeyed.indexOf('chunked') !== obeyed.length - 1) return 'chunked is not last, or not alone';
  if (obeyed.filter((coding) => coding !== 'identity').length > 16) return 'there are too many codings';
  const numbers = lengths.map(lengthOf);
  if (numbers.includes(undefined)) return 'a length is no number';
  if (new Set(numbers).size > 1) return 'lengths differ';
  return lengths.some((part) => part.exact && trim(part.value) === '') ? 'a length is empty' : undefined;
}

/** Is there a line that would be joined to a Transfer-Encoding or Content-Length? */
function foldsFraming(parts: readonly Part[]): boolean {
  let inFraming = false;
  for (const part of parts) {
    if (part.kind === 'field' || part.kind === 'colonless') inFraming = isFraming(part.name);
    else if (inFraming && joins(part)) return true;
  }
  return false;
}

/** Is the line taken as more of the header before it? */
function joins(part: Part): boolean {
  if (part.kind === 'continuation') return true;
  return part.kind === 'mimic' && trim(part.name) !== '' && !namesFraming(part.name);
}

function forwarded(
  request: RequestParts,
  parts: readonly Part[],
  encodings: readonly FramingPart[],
  lengths: readonly FramingPart[],
): ReadHead {
  const obeyed = encodings.filter((part) => part.exact);
  const length = lengths.find((part) => part.exact);
  const framing: ReadHead['framing'] =
    obeyed.length > 0
      ? { kind: 'chunked' }
      : length !== undefined
        ? { kind: 'length', length: lengthOf(length)! }
        : { kind: 'none' };
  const headers: Header[] = [];
  for (const { name, value } of joinFolded(parts)) {
    if (isFraming(name)) {
      const wanted = framing.kind === 'chunked' ? 'transfer-encoding' : 'content-length';
      const isFirst = !headers.some(([other]) => isFraming(other));
      if (name.toLowerCase() === wanted && isFirst) {
        const codings = obeyed.flatMap(codingsOf).filter((coding) => coding !== 'identity');
        headers.push([name, framing.kind === 'length' ? String(framing.length) : codings.join(', ')]);
      }
    } else if (trim(name) !== '' && !value.includes('\0') && !name.includes('\0') && !namesFraming(name)) {
      const readings = [squash(name), squash(firstToken(name))];
      const mimics = readings.some((each) => OWN_NAMES.has(each) || FRAMING_LETTERS.includes(each));
      if (TOKEN.test(name) || !mimics) headers.push([name, value]);
    }
  }
  const old = /^(HTTP\/(0\.9|1\.0))?$/.test(trim(request.version));
  return { method: request.method, target: targetOf(request), version: old ? '1.0' : '1.1', headers, framing };
}

/** The fields, each with its continuations joined by one space. */
function joinFolded(parts: readonly Part[]): { name: string; value: string }[] {
  const fields: { name: string; pieces: string[] }[] = [];
  let field: { name: string; pieces: string[] } | undefined;
  for (const part of parts) {
    if (part.kind === 'field') {
      field = { name: part.name, pieces: [trim(part.value)] };
      fields.push(field);
    } else if (joins(part)) {
      field?.pieces.push(trim(part.text));
    } else if (part.kind !== 'blank') {
      field = undefined;
    }
  }
  return fields.map(({ name, pieces }) => ({ name, value: pieces.filter((piece) => piece !== '').join(' ') }));
}

/** Spaces around the target separate; inside it they and control characters are escaped. */
function targetOf(request: RequestParts): string {
  return request.uri.replace(/^ +| +$/g, '').replace(/[^\x21-\x7e\x80-\xff]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
