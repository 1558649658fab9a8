/** Each row of the table of reasons, by name; their order; the modes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DESYNC_COUNTERS, HANDSHAKE_COUNTERS, MAX_DESYNC_REASONS } from '../../src/traffic/counters.ts';
import { REASON, REASONS, TIERS, action, classify, tierOf, type ReasonName } from '../../src/wire/desync.ts';

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The reason given to a request with these header lines. */
function withHeaders(headers: string, line = 'POST / HTTP/1.1'): string {
  return `${line}\r\n${headers}\r\n`;
}

const COMPLIANT = [
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
  'GET /\xd0\xb6?a="<>\\^`{|} HTTP/1.1\r\n\r\n',
  'GET  HTTP/1.1\r\nHost: a\r\n\r\n',
  withHeaders("a-Z_.!#$%&'*+^|~`09: \t v\t\x80\xff \r\n"),
  withHeaders('Content-Length:\t 18446744073709551615 \r\n'),
  withHeaders('Content-Length: 00000000000000000000000005\r\n'),
  withHeaders('Transfer-Encoding: GZip ; q=1 ,\tdeflate,compress, identity,chunked;x\r\n'),
  withHeaders('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n'),
  withHeaders('Transfer-Encoding: chunked, gzip, chunked\r\n'),
  withHeaders('Content-Type: multipart/mixed;\r\n boundary="a:b"\r\n\tc\r\n'),
  withHeaders('X: Transfer-Encoding: chunked\r\nTransfer-Encodings: x\r\nX-Content-Length: 5\r\n'),
  withHeaders('Host: a\r\n') + 'Content-Length: 5\nwhatever: follows\0',
];

const EXAMPLES: Readonly<Record<Exclude<ReasonName, 'Compliant'>, readonly string[]>> = {
  NonCompliantHeader: [
    withHeaders('X-A : b\r\n'),
    withHeaders('X(A): b\r\n'),
    withHeaders('\x01X: b\r\n'),
    withHeaders('X\xe4: b\r\n'),
    withHeaders('X: b\x0b\r\n'),
    withHeaders('X: b\x7f\r\n'),
  ],
  SpaceInUri: [
    'GET /a b c HTTP/1.1\r\n\r\n',
    'GET  /a HTTP/1.1\r\n\r\n',
    'GET /a  HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1 HTTP/1.1\r\n\r\n',
  ],
  NonCompliantVersion: [
    'GET /\r\n\r\n',
    'GET / \r\nHost: a\r\n\r\n',
    'GET / HTTP/0.9\r\n\r\n',
    'GET / HTTP/1.2\r\n\r\n',
    'GET / HTTP/1.9\r\n\r\n',
    'GET / HTTP/1.1 \r\n\r\n',
    'GET / HTTP/1.0 \t \r\n\r\n',
    'GET / \tHTTP/1.1\r\n\r\n',
  ],
  GetHeadZeroContentLength: [
    withHeaders('Content-Length: 0\r\n', 'GET / HTTP/1.1'),
    withHeaders('Content-Length: 000\r\n', 'HEAD / HTTP/1.0'),
  ],
  NonCrLfLineTermination: [
    'GET / HTTP/1.1\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\n',
    'GET / HTTP/1.1\r\n',
    'GET / HTTP/1.1',
  ],
  EmptyHeader: [
    withHeaders(': a\r\n'),
    withHeaders('::\r\n'),
    withHeaders('Host: a\r\n \r\n'),
    withHeaders('\t \t\r\n'),
    withHeaders('Content-Type: a\r\n \r\n'),
    withHeaders('Content-Length: 5\r\n \r\n'),
  ],
  AmbiguousUri: ['GET /a\tb HTTP/1.1\r\n\r\n', 'GET /\x01 HTTP/1.1\r\n\r\n', 'GET /\x7f HTTP/1.1\r\n\r\n'],
  UndefinedContentLengthSemantics: [
    withHeaders('Content-Length: 1\r\n', 'GET / HTTP/1.1'),
    withHeaders('Content-Length: 1\r\n', 'HEAD / HTTP/1.0'),
    withHeaders('Content-Length: 0\r\n', 'POST / HTTP/0.9'),
    withHeaders('Content-Length: 5\r\n', 'POST /'),
  ],
  UndefinedTransferEncodingSemantics: [
    withHeaders('Transfer-Encoding: chunked\r\n', 'GET / HTTP/1.1'),
    withHeaders('Transfer-Encoding: chunked\r\n', 'HEAD / HTTP/1.1'),
    withHeaders('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0'),
    withHeaders('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0 '),
    withHeaders('Transfer-Encoding: chunked\r\n', 'POST / HTTP/0.9'),
    withHeaders('Transfer-Encoding: chunked\r\n', 'POST /'),
    withHeaders('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', 'POST / HTTP/1.0'),
  ],
  DuplicateContentLength: [
    withHeaders('Content-Length: 5\r\nContent-Length: 5\r\n'),
    withHeaders('content-length: 05\r\nX: y\r\nCONTENT-LENGTH: 5\r\n'),
  ],
  BothTeClPresent: [
    withHeaders('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'),
    withHeaders('Content-Length: 5\r\nTransfer-Encoding: gzip\r\n'),
    withHeaders('Content-Length:\r\nTransfer-Encoding: chunked\r\n'),
  ],
  SuspiciousHeader: [
    withHeaders('Transfer-Encoding : chunked\r\n'),
    withHeaders('Transfer_Encoding: chunked\r\n'),
    withHeaders('Transfer Encoding: chunked\r\n'),
    withHeaders('TransferEncoding: chunked\r\n'),
    withHeaders('Trans-fer-Encoding\x01: chunked\r\n'),
    withHeaders('Tran\xc5\xbffer-Encoding: chunked\r\n'),
    withHeaders('Transfer-Encod\xc4\xb1ng: chunked\r\n'),
    withHeaders('\xe2\x80\x83Transfer\xe2\x80\x95Encoding: chunked\r\n'),
    withHeaders('Content-Length\t: 5\r\n'),
    withHeaders('content.length: 5\r\n'),
    withHeaders('\xa0Content-Length: 5\r\n'),
    withHeaders('Transfer-Encoding x: chunked\r\n'),
    withHeaders('transfer-encoding XY: chunked\r\n'),
    withHeaders('Transfer-Encoding \x01: chunked\r\n'),
    withHeaders('Transfer_Encoding\tx: chunked\r\n'),
    withHeaders('Content-Length x: 5\r\n'),
    withHeaders('Content_Length: 5\r\nContent-Length: 5\r\n'),
    withHeaders('Transfer-Encoding : chunked\r\nContent-Length: 5\r\n'),
  ],
  MultilineHeader: [
    withHeaders('Host: a\r\n b\r\n'),
    withHeaders('Host: a\r\n\tb: c\r\n'),
    withHeaders(' Host: a\r\n'),
    withHeaders(' Transfer-Encoding: chunked\r\n'),
    withHeaders('Content-Type: a\r\nX: a\r\n b\r\n'),
    withHeaders('  : a\r\n'),
    withHeaders('Content-Length: 5\r\n 5\r\n'),
  ],
  PartialHeaderLine: ['GET / HTTP/1.1\r\nHost: a', 'GET / HTTP/1.1\r\nHost: a\r'],
  MissingLastEmptyLine: ['GET / HTTP/1.1\r\nHost: a\r\n', 'GET / HTTP/1.1\nHost: a\n'],
  MissingHeaderColon: [
    withHeaders('Host\r\n'),
    withHeaders('GET /b HTTP/1.1\r\n'),
    withHeaders('Content-Length\r\n'),
    withHeaders('Content-Type: a\r\nb\r\n c\r\n'),
  ],
  MissingUri: ['GET HTTP/1.1\r\n\r\n', 'GET\r\n\r\n', 'GET \r\n\r\n', 'GET  \r\n\r\n'],
  BadHeader: [
    withHeaders('X: a\rb\r\n'),
    withHeaders('X: a\r\r\n'),
    withHeaders('X: a\0b\r\n'),
    withHeaders('X\0: a\r\n'),
    withHeaders('\rX: a\r\n'),
    withHeaders('X: a\r\n b\0\r\n'),
    withHeaders('Content-Type: a\r\n b: \0\r\n'),
    withHeaders('\0\r\n'),
    'GET / HTTP/1.1\r\n\r\r\n',
  ],
  BadUri: ['GET /\0 HTTP/1.1\r\n\r\n', 'GET /\r HTTP/1.1\r\n\r\n', 'GET /\rHTTP/1.1\r\n\r\n'],
  BadVersion: [
    'GET / HTTP/2.0\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\n',
    'GET / http/1.1\r\n\r\n',
    'GET / HTTP/1.10\r\n\r\n',
    'GET / HTTP/1.x\r\n\r\n',
    'GET / HTTP/0.8\r\n\r\n',
    'GET / HTTP/1.1\r\r\n\r\n',
    'GET / HTTP/1.1 \xe4\r\n\r\n',
    'GET / x\r\n\r\n',
  ],
  BadMethod: [
    ' / HTTP/1.1\r\n\r\n',
    'G(T / HTTP/1.1\r\n\r\n',
    'GET\t/\tHTTP/1.1\r\n\r\n',
    '\x16\x03\x01\x02\0\x01\r\n\r\n',
    '\r\n\r\n',
    '',
  ],
  BadContentLength: [
    withHeaders('Content-Length: 5,5\r\n'),
    withHeaders('Content-Length: +5\r\n'),
    withHeaders('Content-Length: -5\r\n'),
    withHeaders('Content-Length: 5 5\r\n'),
    withHeaders('Content-Length: 0x5\r\n'),
    withHeaders('Content-Length: 5\x0b\r\n'),
    withHeaders('Content-Length: 18446744073709551616\r\n'),
    withHeaders('Content-Length: 99999999999999999999\r\n'),
    withHeaders('Content_Length: a\r\n'),
    withHeaders('Content-Length: a\r\n', 'POST / HTTP/0.9'),
  ],
  MultipleContentLength: [
    withHeaders('Content-Length: 5\r\nContent-Length: 6\r\n'),
    withHeaders('Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 50\r\n'),
    withHeaders('Content-Length : 5\r\nContent-Length: 6\r\n'),
    withHeaders('A: b\r\n Content-Length: 5\r\nContent-Length: 6\r\n'),
    withHeaders('Content-Length: 5\r\n 6\r\n'),
    withHeaders('Content-Length: 0\r\nContent-Length: 18446744073709551615\r\n'),
  ],
  BadTransferEncoding: [
    withHeaders('Transfer-Encoding: xchunked\r\n'),
    withHeaders('Transfer-Encoding: chunked,\r\n'),
    withHeaders('Transfer-Encoding:\r\n'),
    withHeaders('Transfer-Encoding\r\n'),
    withHeaders('Transfer-Encoding: ;chunked\r\n'),
    withHeaders('Transfer-Encoding: chunked\x0b\r\n'),
    withHeaders('Transfer-Encoding: "chunked"\r\n'),
    withHeaders('Transfer-Encoding: gzip,\r\n chunked\r\n'),
    withHeaders('Transfer_Encoding: x\r\n'),
  ],
  MultipleTransferEncodingChunked: [
    withHeaders('Transfer-Encoding: chunked, chunked\r\n'),
    withHeaders('Transfer-Encoding: chunked\r\nX: y\r\nTransfer-Encoding: CHUNKED\r\n'),
    withHeaders('Transfer-Encoding : chunked\r\nTransfer-Encoding: chunked\r\n'),
    withHeaders('Transfer-Encoding: chunked\r\n chunked\r\n'),
  ],
};

describe('the tier and reason of a request', () => {
  it('Compliant', () => {
    for (const request of COMPLIANT) {
      assert.deepEqual(classify(bytes(request)), { classification: 'Compliant', reason: 'Compliant' }, request);
    }
  });

  for (const [reason, requests] of Object.entries(EXAMPLES)) {
    const classification = TIERS[tierOf(REASON[reason as ReasonName])];
    it(`${reason} is ${classification}`, () => {
      for (const request of requests) {
        assert.deepEqual(classify(bytes(request)), { classification, reason }, JSON.stringify(request));
      }
    });
  }

  it('has the tier of the table', () => {
    const names = (tier: number): string =>
      REASONS.filter(([, of]) => of === tier)
        .map(([name]) => name)
        .join(' ');
    assert.deepEqual([0, 1, 2, 3].map(names), [
      'Compliant',
      'NonCompliantHeader SpaceInUri NonCompliantVersion GetHeadZeroContentLength NonCrLfLineTermination',
      'EmptyHeader AmbiguousUri UndefinedContentLengthSemantics UndefinedTransferEncodingSemantics ' +
        'DuplicateContentLength BothTeClPresent SuspiciousHeader MultilineHeader PartialHeaderLine ' +
        'MissingLastEmptyLine MissingHeaderColon MissingUri',
      'BadHeader BadUri BadVersion BadMethod BadContentLength MultipleContentLength BadTransferEncoding ' +
        'MultipleTransferEncodingChunked',
    ]);
  });

  it('has a counter of its own', () => {
    assert.ok(REASONS.length <= MAX_DESYNC_REASONS);
    assert.equal(DESYNC_COUNTERS + MAX_DESYNC_REASONS, HANDSHAKE_COUNTERS);
    for (const [index, [name]] of REASONS.entries()) assert.equal(REASON[name], index);
  });
});

describe('of several findings', () => {
  const cases: readonly [why: string, request: string, reason: ReasonName][] = [
    ['the higher tier wins, wherever it stands', withHeaders('X: \x01\r\nY: \0\r\nZ: \x01\r\n'), 'BadHeader'],
    ['a later Ambiguous beats an earlier Acceptable', withHeaders('X : a\r\n: b\r\n'), 'EmptyHeader'],
    ['the parse comes before the headers', withHeaders(': a\r\nb\r\n'), 'MissingHeaderColon'],
    ['the parse goes line by line', withHeaders('X: a\r\n b\r\nc\r\n'), 'MultilineHeader'],
    ['the request line comes before the header lines', withHeaders('a\r\n', 'GET HTTP/1.1'), 'MissingUri'],
    ['a line without colon is told before the missing end', 'GET / HTTP/1.1\r\na', 'MissingHeaderColon'],
    ['one header comes after the other', withHeaders('Content_Length: 5\r\n: a\r\n'), 'SuspiciousHeader'],
    ['headers come before framing', withHeaders('X: \0\r\nContent-Length: a\r\n'), 'BadHeader'],
    [
      'the version rules out a body first',
      withHeaders('Content-Length: 5\r\nContent-Length: 5\r\n', 'GET /'),
      'UndefinedContentLengthSemantics',
    ],
    [
      'Transfer-Encoding comes before Content-Length',
      withHeaders('Content-Length: a\r\nTransfer-Encoding: a\r\n'),
      'BadTransferEncoding',
    ],
    [
      'a duplicate comes before the method',
      withHeaders('Content-Length: 5\r\nContent-Length: 5\r\n', 'GET / HTTP/1.1'),
      'DuplicateContentLength',
    ],
    [
      'the method comes before both framings',
      withHeaders('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', 'GET / HTTP/1.1'),
      'UndefinedTransferEncodingSemantics',
    ],
    ['framing comes before the method', withHeaders('Content-Length: a\r\n', 'G(T / HTTP/1.1'), 'BadContentLength'],
    ['the method comes before the version', 'G(T / HTTP/2.0\r\n\r\n', 'BadMethod'],
    ['the version comes before the URI', 'GET /\0 HTTP/2.0\r\n\r\n', 'BadVersion'],
    ['an Acceptable version comes before an Acceptable URI', 'GET /a b HTTP/1.2\r\n\r\n', 'NonCompliantVersion'],
    ['in the URI, too, the worst counts', 'GET /a b\x01\0 HTTP/1.1\r\n\r\n', 'BadUri'],
  ];
  for (const [why, request, reason] of cases) {
    it(why, () => assert.equal(classify(bytes(request)).reason, reason));
  }
});

describe('what a mode does with a tier', () => {
  const table = {
    monitor: ['allow', 'allow', 'allow', 'allow'],
    defensive: ['allow', 'allow', 'allow-then-close', 'refuse'],
    strictest: ['allow', 'refuse', 'refuse', 'refuse'],
  } as const;
  for (const mode of ['monitor', 'defensive', 'strictest'] as const) {
    it(mode, () =>
      assert.deepEqual(
        ([0, 1, 2, 3] as const).map((tier) => action(tier, mode)),
        table[mode],
      ),
    );
  }
});
