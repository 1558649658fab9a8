/** What of a head is forwarded: dropped headers, the head written anew, and heads that nobody could frame. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HTTP_HEAD } from '../../src/model/limits.ts';
import { HeadAnalysis, REASON, TIERS, findHeadEnd } from '../../src/wire/desync.ts';

const analysis = new HeadAnalysis();

function analyse(text: string): HeadAnalysis {
  const bytes = Buffer.from(text, 'latin1');
  analysis.analyse(bytes, 0, bytes.length);
  return analysis;
}

/** The canonical head; undefined when there is none. */
function canonical(text: string): string | undefined {
  const { framable } = analyse(text);
  assert.equal(analysis.canonicalLength > 0, framable);
  return framable ? analysis.canonical.toString('latin1', 0, analysis.canonicalLength) : undefined;
}

/** The header lines that remain of these, or undefined. */
function forwarded(headers: string, line = 'POST / HTTP/1.1'): string | undefined {
  const head = canonical(`${line}\r\n${headers}\r\n`);
  return head?.slice(head.indexOf('\r\n') + 2, -2);
}

function forwardedLine(line: string): string | undefined {
  return canonical(`${line}\r\n\r\n`)?.slice(0, -4);
}

describe('the request line is written anew', () => {
  const cases: readonly [why: string, from: string, to: string | undefined][] = [
    ['as it is, when it is right', 'GET /a?b#c HTTP/1.1', 'GET /a?b#c HTTP/1.1'],
    ['with the version that the engine speaks: 1.1 for later ones', 'GET / HTTP/1.9 \t', 'GET / HTTP/1.1'],
    ['with the version that the engine speaks: 1.0 for earlier ones', 'GET / HTTP/0.9', 'GET / HTTP/1.0'],
    ['with 1.0 for none', 'GET /', 'GET / HTTP/1.0'],
    ['with 1.0 for none behind a space', 'GET / ', 'GET / HTTP/1.0'],
    ['with spaces inside the target escaped', 'GET /a b  c HTTP/1.1', 'GET /a%20b%20%20c HTTP/1.1'],
    ['without the spaces around the target', 'GET  /a  HTTP/1.1', 'GET /a HTTP/1.1'],
    ['with control bytes escaped', 'GET /\t\x01\x7f HTTP/1.1', 'GET /%09%01%7F HTTP/1.1'],
    ['with bytes from 0x80 on as they are', 'GET /\xd0\xb6\x85\xa0 HTTP/1.1', 'GET /\xd0\xb6\x85\xa0 HTTP/1.1'],
    ['not at all with a NUL in the target', 'GET /\0 HTTP/1.1', undefined],
    ['not at all without a target', 'GET HTTP/1.1', undefined],
    ['not at all with an empty target', 'GET  HTTP/1.1', undefined],
    ['not at all with a target of spaces', 'GET   HTTP/1.1', undefined],
    ['not at all with a bad method', 'G(T / HTTP/1.1', undefined],
    ['not at all with an unknown version', 'PRI * HTTP/2.0', undefined],
    ['not at all when the escaped target is too long', `GET /${' a'.repeat(5000)} HTTP/1.1`, undefined],
  ];
  for (const [why, from, to] of cases) it(why, () => assert.equal(forwardedLine(from), to));
});

describe('dropped before forwarding', () => {
  const cases: readonly [why: string, from: string, to: string][] = [
    [
      'Content-Length beside Transfer-Encoding',
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\nA: b\r\n',
      'Transfer-Encoding: chunked\r\nA: b\r\n',
    ],
    [
      'the second of two equal Content-Length',
      'content-length: 05\r\nA: b\r\nContent-Length: 5\r\n',
      'content-length: 5\r\nA: b\r\n',
    ],
    ['a header with an empty name', ': a\r\nA: b\r\n', 'A: b\r\n'],
    ['a line of blanks', 'A: b\r\n \t\r\nC: d\r\n', 'A: b\r\nC: d\r\n'],
    [
      'a look-alike of Transfer-Encoding',
      'Transfer-Encoding : chunked\r\nContent-Length: 5\r\n',
      'Content-Length: 5\r\n',
    ],
    [
      'a look-alike of Content-Length',
      'Content_Length: 5\r\nTransfer-Encoding: chunked\r\n',
      'Transfer-Encoding: chunked\r\n',
    ],
    ['a look-alike that is all there is', 'Tran\xc5\xbffer-Encoding: chunked\r\n', ''],
    ['a look-alike in a folded line', 'A: b\r\n Transfer-Encoding: chunked\r\n c\r\nD: e\r\n', 'A: b\r\nD: e\r\n'],
    ['a look-alike in the first, folded line', ' Content-Length: 5\r\nA: b\r\n', 'A: b\r\n'],
    ['a line without a colon, with what is folded to it', 'A: b\r\nfoo\r\n bar\r\nC: d\r\n', 'A: b\r\nC: d\r\n'],
    ['folded lines with nothing before them', ' a\r\n b: c\r\nD: e\r\n', 'D: e\r\n'],
    ['a header with a NUL, with what is folded to it', 'A: b\0\r\n c\r\nD: e\r\n', 'D: e\r\n'],
    ['a header with a NUL in a folded line', 'A: b\r\n c\0\r\n d\r\nE: f\r\n', 'E: f\r\n'],
    [
      'names whose first word is that of a framing header',
      'Transfer-Encoding x: chunked\r\nContent-Length;x: 7\r\nTransfer-Encoding"a": b\r\nContent-Length: 5\r\n',
      'Content-Length: 5\r\n',
    ],
    [
      'names whose first word is that of a header of ours',
      'Host x: a\r\nX-Forwarded-For;b: 1.2.3.4\r\nConnection\t x: close\r\nA: b\r\n',
      'A: b\r\n',
    ],
    [
      'names of non-token bytes that mimic a header of ours',
      'Host : a\r\nX-Forwarded-Proto\x01: b\r\n(Connection): c\r\nA: b\r\n',
      'A: b\r\n',
    ],
  ];
  for (const [why, from, to] of cases) it(why, () => assert.equal(forwarded(from), to));
});

describe('kept', () => {
  const cases: readonly [why: string, from: string, to: string][] = [
    ['order, spelling and duplicates', 'b: 1\r\nA: 2\r\nb: 1\r\n', 'b: 1\r\nA: 2\r\nb: 1\r\n'],
    ['values, without the blanks around them', 'A:b\r\nC:\t d  e \t\r\nF:\r\n', 'A: b\r\nC: d  e\r\nF: \r\n'],
    ['lines that end in a bare LF, ended in CRLF', 'A: b\nC: d\n', 'A: b\r\nC: d\r\n'],
    ['folded values, joined by one space', 'A: b\r\n\t c \r\n d\r\nE:\r\n f\r\n', 'A: b c d\r\nE: f\r\n'],
    ['folded lines with a colon, as the value they continue', 'A: b\r\n c: d\r\n', 'A: b c: d\r\n'],
    ['a folded Content-Type', 'Content-Type: a;\r\n b="c:d"\r\n', 'Content-Type: a; b="c:d"\r\n'],
    ['odd bytes in a value', 'A: \x01b\x7f\xff\r\n', 'A: \x01b\x7f\xff\r\n'],
    ['odd bytes in a name', 'A b\x01: c\r\n', 'A b\x01: c\r\n'],
    ['zero lengths', 'Content-Length: 000\r\n', 'Content-Length: 0\r\n'],
    ['the largest length', 'Content-Length: 18446744073709551615\r\n', 'Content-Length: 18446744073709551615\r\n'],
    [
      'one list of codings, in plain words',
      'A: b\r\nTRANSFER-encoding: GZip;q=1 ,identity\r\nC: d\r\nTransfer-Encoding: Chunked;x\r\n',
      'A: b\r\nTRANSFER-encoding: gzip, chunked\r\nC: d\r\n',
    ],
  ];
  for (const [why, from, to] of cases) it(why, () => assert.equal(forwarded(from), to));

  it('both kinds of body on GET and on HTTP/1.0', () => {
    assert.equal(forwarded('Content-Length: 5\r\n', 'GET / HTTP/1.1'), 'Content-Length: 5\r\n');
    assert.equal(forwarded('Transfer-Encoding: chunked\r\n', 'GET / HTTP/1.1'), 'Transfer-Encoding: chunked\r\n');
    assert.equal(forwarded('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0'), 'Transfer-Encoding: chunked\r\n');
    assert.equal(forwarded('Content-Length: 5\r\n', 'POST /'), 'Content-Length: 5\r\n');
  });
});

describe('a message that nobody can frame is refused in every mode', () => {
  const cases: readonly [why: string, headers: string][] = [
    ['chunked is not last', 'Transfer-Encoding: chunked, gzip\r\n'],
    ['chunked is not there', 'Transfer-Encoding: gzip\r\n'],
    ['chunked is there twice', 'Transfer-Encoding: chunked, gzip, chunked\r\n'],
    ['identity follows chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'],
    ['a coding is unknown', 'Transfer-Encoding: x, chunked\r\n'],
    ['a coding is empty', 'Transfer-Encoding: , chunked\r\n'],
    ['there are too many codings', `Transfer-Encoding: ${'gzip,'.repeat(16)} chunked\r\n`],
    ['a length is empty', 'Content-Length: \r\n'],
    ['a length has no colon', 'Content-Length\r\n'],
    ['a length is no number', 'Content-Length: +5\r\n'],
    ['a length is no number, beside chunked', 'Transfer-Encoding: chunked\r\nContent-Length: x\r\n'],
    ['lengths differ', 'Content-Length: 5\r\nContent-Length: 6\r\n'],
    ['a look-alike contradicts', 'Content_Length: 5\r\nContent-Length: 6\r\n'],
    ['a length is folded', 'Content-Length: 5\r\n 5\r\n'],
    ['a coding is folded', 'Transfer-Encoding: gzip;\r\n a, chunked\r\n'],
    ['a length is followed by what may be its continuation', 'Content-Length: 5\r\n A: b\r\n'],
    ['a NUL is in a framing header', 'Transfer-Encoding: chunked;\0\r\n'],
    ['a NUL is in the name of what may be one', 'Content-Length\0: 5\r\n'],
    ['a bare CR is in a value', 'A: b\rTransfer-Encoding: chunked\r\n'],
    ['a bare CR is in a name', '\rA: b\r\n'],
    ['there are two Host headers', 'Host: a\r\nA: \x01\r\nHost: a\r\n'],
  ];
  for (const [why, headers] of cases) it(why, () => assert.equal(forwarded(headers), undefined));

  it('the head is not complete', () => {
    for (const head of ['GET / HTTP/1.1\r\nA: b\r\n', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\n\r']) {
      assert.equal(canonical(head), undefined);
      assert.equal(analysis.headEnd, -1);
    }
  });

  it('a limit is passed, though what passes it would be dropped', () => {
    const { maxHeaders, maxHeaderBytes, maxLineBytes, maxBytes } = HTTP_HEAD;
    assert.notEqual(forwarded('A: b\r\n'.repeat(maxHeaders)), undefined);
    assert.equal(forwarded('A: b\r\n'.repeat(maxHeaders) + ': x\r\n'), undefined);
    assert.notEqual(forwarded(`: ${'x'.repeat(maxHeaderBytes - 4)}\r\n`), undefined);
    assert.equal(forwarded(`: ${'x'.repeat(maxHeaderBytes - 3)}\r\n`), undefined);
    assert.equal(forwarded(`: ${'x'.repeat(maxHeaderBytes - 20)}\r\n ${'x'.repeat(20)}\r\n`), undefined);
    assert.notEqual(forwardedLine(`GET /${'x'.repeat(maxLineBytes - 16)} HTTP/1.1`), undefined);
    assert.equal(forwardedLine(`GET /${'x'.repeat(maxLineBytes - 15)} HTTP/1.1`), undefined);
    assert.equal(forwarded(`A: ${'x'.repeat(9000)}\r\n`.repeat(8)), undefined);
    assert.ok(9000 * 8 > maxBytes);
  });

  it('a header as long as allowed may grow by what it is written anew with', () => {
    const longest = `A:${'x'.repeat(HTTP_HEAD.maxHeaderBytes - 3)}\n`;
    assert.equal(forwarded(longest)?.length, HTTP_HEAD.maxHeaderBytes + 2);
  });
});

describe('a Severe request that can be framed', () => {
  it('is forwarded in monitor mode without the header that is bad', () => {
    assert.equal(forwarded('A: \0\r\nContent-Length: 5\r\n'), 'Content-Length: 5\r\n');
    assert.equal(TIERS[analysis.tier], 'Severe');
  });
});

describe('the length is in doubt', () => {
  it('when only a look-alike announces a body', () => {
    assert.equal(analyse('POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n').lengthInDoubt, true);
    assert.equal(analyse('POST / HTTP/1.1\r\nA: b\r\n Content-Length: 5\r\n\r\n').lengthInDoubt, true);
  });

  it('not when there is a header to obey, or nothing', () => {
    assert.equal(analyse('POST / HTTP/1.1\r\nContent_Length: 5\r\nContent-Length: 5\r\n\r\n').lengthInDoubt, false);
    assert.equal(analyse('POST / HTTP/1.1\r\nA : b\r\n\r\n').lengthInDoubt, false);
  });
});

describe('the end of a head', () => {
  it('is behind the first empty line, ended in CRLF or LF', () => {
    const ends = {
      'a\r\n\r\nb': 5,
      'a\n\nb': 3,
      'a\n\r\nb': 4,
      'a\r\n\nb': 4,
      'a\r\n\r\r\n': -1,
      'a\r\n\r': -1,
      '\r\n\r\n': 4,
      a: -1,
    };
    for (const [text, end] of Object.entries(ends)) assert.equal(findHeadEnd(Buffer.from(text), 0, text.length), end);
  });

  it('is not looked for outside of the given bytes', () => {
    const bytes = Buffer.from('\n\na\r\n\r\nb');
    assert.equal(findHeadEnd(bytes, 2, bytes.length), 7);
    assert.equal(findHeadEnd(bytes, 2, 6), -1);
    assert.equal(findHeadEnd(bytes, 3, 4), -1);
  });

  it('is told by the analysis, which stops there', () => {
    assert.equal(analyse('GET / HTTP/1.1\r\nA: b\n\r\n\0: \0\r\n\r\n').headEnd, 23);
    assert.equal(TIERS[analysis.tier], 'Acceptable');
  });
});

describe('a head of which only the beginning has arrived', () => {
  const hopeless = (text: string): boolean => {
    const padded = Buffer.from(`\n\n${text}\n\n`, 'latin1');
    return analysis.isHopeless(padded, 2, padded.length - 2);
  };

  it('is hopeless when a whole line of it is Severe', () => {
    assert.equal(hopeless('GET / HTTP/2.0\r\nHo'), true);
    assert.equal(analysis.reason, REASON.BadVersion);
    assert.equal(hopeless('GET / HTTP/1.1\r\nA: \0\r\n'), true);
  });

  it('is hopeless when it begins with no method', () => {
    for (const text of ['\x16\x03\x01', 'G(', ' /', 'GET\t/', 'G\rT']) assert.equal(hopeless(text), true, text);
    assert.equal(analysis.reason, REASON.BadMethod);
    assert.equal(analysis.framable, false);
  });

  it('has hope otherwise', () => {
    for (const text of [
      '',
      'G',
      'GET',
      'GET\r',
      'GET /a HTTP/2',
      'GET /a \0',
      'GET / HTTP/1.1\r\nA: \0',
      'GET /\nA: b\n',
    ]) {
      assert.equal(hopeless(text), false, text);
    }
  });
});
