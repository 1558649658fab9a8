/**
 * A request head read the slow and plain way: on strings (one character a byte), with regular expressions and lists, in
 * several passes. It says in code what spec says in words, shares nothing with src/wire, and is what the engine is
 * compared with.
 *
 * Lenient grammar (what can be told apart at all):
 *   head         = request-line *header-line empty-line          line = *byte ( CRLF / LF )
 *   request-line = method SP target SP version                   the last SP before the version's last token character
 *   header-line  = field / continuation / mimic / blank / colonless
 *   field        = name ":" value                                does not start with a blank
 *   continuation = 1*( SP / HTAB ) ...                           after a field; without a colon, or any after Content-Type
 *   mimic        = 1*( SP / HTAB ) ...                           what else starts with a blank: obs-fold or field?
 *   blank        = 1*( SP / HTAB )
 */
export const TOKEN = /^[A-Za-z0-9\-_.!#$%&'*+^|~`]+$/;
export const CODINGS = ['chunked', 'compress', 'deflate', 'gzip', 'identity'];
const MAX_LENGTH = 2n ** 64n - 1n;

export interface Line {
  readonly text: string;
  readonly crlf: boolean;
  readonly terminated: boolean;
}

export interface Part {
  readonly kind: 'field' | 'continuation' | 'mimic' | 'blank' | 'colonless';
  readonly text: string;
  /** A continuation has the name of the field it continues. */
  readonly name: string;
  readonly value: string;
  readonly ofContentType: boolean;
}

/** The lines of a head, without the empty one that ends it. */
export interface HeadLines {
  readonly lines: readonly Line[];
  /** Is the empty line there, with its LF? */
  readonly complete: boolean;
  /** Bytes up to and with the empty line. */
  readonly size: number;
  /** Does every line end in CRLF? */
  readonly crlf: boolean;
  /** What is wrong with the end of the head, when it has none. */
  readonly endFindings: readonly string[];
}

/** Cuts the text into lines, up to the empty one. */
export function splitLines(text: string): HeadLines {
  const pieces = text.split('\n');
  const [request, ...rest] = pieces.map((piece, index) => ({
    text: piece.replace(/\r$/, ''),
    crlf: piece.endsWith('\r'),
    terminated: index < pieces.length - 1,
  }));
  const lines = [request!];
  let end: Line | undefined;
  for (const line of rest) {
    // After a header the end of the input is missed; right after the request line it passes for the empty line.
    const nothing = line.text === '' && !line.crlf && !line.terminated;
    if (nothing && lines.length > 1) break;
    if (line.text === '') {
      end = line;
      break;
    }
    lines.push(line);
  }
  // A request line without LF: what would be the next line has no CR either.
  end ??= lines.length === 1 ? { text: '', crlf: false, terminated: false } : undefined;
  const all = end === undefined ? lines : [...lines, end];
  const lack = lines.at(-1)!.terminated ? 'MissingLastEmptyLine' : 'PartialHeaderLine';
  return {
    lines,
    complete: end?.terminated === true,
    size: all.reduce((sum, line) => sum + sizeOf(line), 0),
    crlf: all.every((line) => line.crlf),
    endFindings: end === undefined ? [lack] : [],
  };
}

export function sizeOf(line: Line): number {
  return line.text.length + (line.crlf ? 1 : 0) + (line.terminated ? 1 : 0);
}

export interface RequestParts {
  readonly method: string;
  /** Spaces around it included. */
  readonly uri: string;
  /** Blanks around it included; empty when there is none. */
  readonly version: string;
  readonly missingUri: boolean;
}

export function splitRequestLine(line: string): RequestParts {
  const [, method, rest] = /^([^ ]*) ?([^]*)$/.exec(line)!;
  // The version: from the last space that has a token character somewhere behind it; a space in front always counts.
  const match =
    /^([^]*) ([^ ]*[A-Za-z0-9\-_.!#$%&'*+^|~`][^A-Za-z0-9\-_.!#$%&'*+^|~`]*)$/.exec(rest!) ?? /^() ([^]*)$/.exec(rest!);
  if (match !== null) {
    const [, uri, version] = match;
    return { method: method!, uri: uri!, version: version!, missingUri: uri === '' && version === '' };
  }
  if (rest === '' || rest!.startsWith('HTTP/1.')) return { method: method!, uri: '', version: rest!, missingUri: true };
  return { method: method!, uri: rest!, version: '', missingUri: false };
}

export function splitHeader(lines: readonly string[]): Part[] {
  const parts: Part[] = [];
  let field: Part | undefined;
  for (const text of lines) {
    const colon = text.indexOf(':');
    const folded = /^[ \t]/.test(text);
    const ofContentType = folded && field?.ofContentType === true;
    const whole = { text, name: text, value: '', ofContentType };
    const divided = { text, name: text.slice(0, colon), value: text.slice(colon + 1), ofContentType };
    if (/^[ \t]+$/.test(text)) {
      parts.push({ ...whole, kind: 'blank' });
    } else if (folded && field !== undefined && (colon === -1 || ofContentType)) {
      parts.push({ ...whole, kind: 'continuation', name: field.name, value: text });
    } else if (folded) {
      parts.push({ ...(colon === -1 ? whole : divided), kind: 'mimic' });
    } else if (colon === -1) {
      parts.push({ ...whole, kind: 'colonless' });
    } else {
      field = { ...divided, kind: 'field', ofContentType: divided.name.toLowerCase() === 'content-type' };
      parts.push(field);
    }
  }
  return parts;
}

export type FramingPart = Part & { readonly exact: boolean };

/** What counts as that header, look-alikes included (those with a bad byte are bad enough already). */
export function framingParts(parts: readonly Part[], name: string): FramingPart[] {
  return parts
    .filter((part) => part.kind !== 'blank' && framingReadings(part.name).includes(squash(name)))
    .map((part) => ({ ...part, exact: part.name.toLowerCase() === name.toLowerCase() }))
    .filter((part) => part.exact || !/[\r\0]/.test(part.name + part.value));
}

export function codingsOf(part: Part): string[] {
  return part.value.split(',').map((element) => trim(element.split(';')[0]!).toLowerCase());
}

/** An empty value counts as 0 for the verdict. */
export function lengthOf(part: Part): bigint | undefined {
  const digits = trim(part.value);
  if (!/^[0-9]*$/.test(digits)) return undefined;
  const number = BigInt(digits === '' ? '0' : digits);
  return number <= MAX_LENGTH ? number : undefined;
}

export function isFraming(name: string): boolean {
  return /^(transfer-encoding|content-length)$/i.test(name);
}

/** Is it, or could somebody take it for, one of the two? Somebody may end a name at its first blank. */
export function namesFraming(name: string): boolean {
  return framingReadings(name).some((reading) => FRAMING_LETTERS.includes(reading));
}

/** What readers make of the name, squashed: of all of it, or of its first word. */
function framingReadings(name: string): string[] {
  return [name, /^[^A-Za-z0-9]*[!-\xff]*/.exec(name)![0]].map(squash);
}

export const FRAMING_LETTERS = ['transferencoding', 'contentlength'];

/** A name up to the first byte, behind its first letter or digit, that no name may have. */
export function firstToken(name: string): string {
  return /^[^A-Za-z0-9]*[A-Za-z0-9\-_.!#$%&'*+^|~`\x80-\xff]*/.exec(name)![0];
}

/** Letters and digits only, in lower case; U+017F and U+0131 (in UTF-8) are s and i. */
export function squash(name: string): string {
  return name
    .replaceAll('\xc5\xbf', 's')
    .replaceAll('\xc4\xb1', 'i')
    .replace(/[^A-Za-z0-9]+/g, '')
    .toLowerCase();
}

export function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}
