/** The tiers and reasons of desync mitigation, the slow and plain way: every finding in order, then the worst. */
import { CODINGS, TOKEN, codingsOf, isFraming, lengthOf, namesFraming, trim } from './reference-grammar.ts';
import type { FramingPart, Part, RequestParts } from './reference-grammar.ts';

export type Tier = 'Compliant' | 'Acceptable' | 'Ambiguous' | 'Severe';

/** The table of reasons, by tier. */
const REASONS_OF: Readonly<Record<Tier, readonly string[]>> = {
  Compliant: ['Compliant'],
  Acceptable: [
    'NonCompliantHeader',
    'SpaceInUri',
    'NonCompliantVersion',
    'GetHeadZeroContentLength',
    'NonCrLfLineTermination',
  ],
  Ambiguous: [
    'EmptyHeader',
    'AmbiguousUri',
    'UndefinedContentLengthSemantics',
    'UndefinedTransferEncodingSemantics',
    'DuplicateContentLength',
    'BothTeClPresent',
    'SuspiciousHeader',
    'MultilineHeader',
    'PartialHeaderLine',
    'MissingLastEmptyLine',
    'MissingHeaderColon',
    'MissingUri',
  ],
  Severe: [
    'BadHeader',
    'BadUri',
    'BadVersion',
    'BadMethod',
    'BadContentLength',
    'MultipleContentLength',
    'BadTransferEncoding',
    'MultipleTransferEncodingChunked',
  ],
};
const TIERS = Object.keys(REASONS_OF) as Tier[];

/** The first reason of the worst tier. */
export function verdict(findings: readonly string[]): { tier: Tier; reason: string } {
  for (const tier of TIERS.toReversed()) {
    const reason = findings.find((finding) => REASONS_OF[tier].includes(finding));
    if (reason !== undefined) return { tier, reason };
  }
  return { tier: 'Compliant', reason: 'Compliant' };
}

/** What the parse says of a line. */
export function lineFindings(part: Part): string[] {
  if (part.kind === 'colonless') return ['MissingHeaderColon'];
  const folded = part.kind === 'continuation' || part.kind === 'mimic';
  return folded && !part.ofContentType ? ['MultilineHeader'] : [];
}

export function headerFindings(part: Part): string[] {
  if (part.kind === 'blank') return ['EmptyHeader'];
  const findings: string[] = [];
  const both = part.name + part.value;
  if (/[\r\0]/.test(both)) findings.push('BadHeader');
  else if (!TOKEN.test(part.name) || /[^\t\x20-\x7e\x80-\xff]/.test(part.value)) findings.push('NonCompliantHeader');
  if (trim(part.name) === '') findings.push('EmptyHeader');
  if (namesFraming(part.name) && !isFraming(part.name) && !/[\r\0]/.test(both)) findings.push('SuspiciousHeader');
  return findings;
}

export function framingFindings(
  request: RequestParts,
  encodings: readonly FramingPart[],
  lengths: readonly FramingPart[],
): string[] {
  const findings: string[] = [];
  const version = trim(request.version);
  const is09 = version === '' || version === 'HTTP/0.9';
  if (encodings.length > 0 && (is09 || version === 'HTTP/1.0')) findings.push('UndefinedTransferEncodingSemantics');
  if (lengths.length > 0 && is09) findings.push('UndefinedContentLengthSemantics');
  let before = '';
  for (const coding of encodings.flatMap(codingsOf)) {
    if (!CODINGS.includes(coding)) findings.push('BadTransferEncoding');
    else if (coding === 'chunked' && before === 'chunked') findings.push('MultipleTransferEncodingChunked');
    if (CODINGS.includes(coding)) before = coding;
  }
  const numbers: bigint[] = [];
  for (const part of lengths) {
    const number = lengthOf(part);
    if (number === undefined) findings.push('BadContentLength');
    else if (numbers.length > 0)
      findings.push(numbers[0] === number ? 'DuplicateContentLength' : 'MultipleContentLength');
    if (number !== undefined) numbers.push(number);
  }
  if (request.method === 'GET' || request.method === 'HEAD') {
    if (encodings.length > 0) findings.push('UndefinedTransferEncodingSemantics');
    if (numbers[0] === 0n) findings.push('GetHeadZeroContentLength');
    else if (numbers.length > 0) findings.push('UndefinedContentLengthSemantics');
  }
  if (encodings.length > 0 && numbers.length > 0) findings.push('BothTeClPresent');
  return findings;
}

export function methodFindings(method: string): string[] {
  return TOKEN.test(method) ? [] : ['BadMethod'];
}

export function versionFindings(version: string): string[] {
  const trimmed = trim(version);
  if (trimmed === '' || trimmed === 'HTTP/0.9') return ['NonCompliantVersion'];
  if (!/^HTTP\/1\.[0-9]$/.test(trimmed)) return ['BadVersion'];
  return trimmed !== version || /[2-9]$/.test(trimmed) ? ['NonCompliantVersion'] : [];
}

export function uriFindings(uri: string): string[] {
  const findings: string[] = [];
  if (/[\r\0]/.test(uri)) findings.push('BadUri');
  for (const character of uri) {
    if (character === ' ') findings.push('SpaceInUri');
    else if (/[^\x20-\x7e\x80-\xff]/.test(character)) findings.push('AmbiguousUri');
  }
  return findings;
}
