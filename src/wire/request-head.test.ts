import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  assertForgets,
  parseText,
  testHeadParser,
  type HeadParser,
  type Outcome,
} from '../../test/support/head-parsers.ts';
import { isIdempotent, METHOD, RequestHead } from './request-head.ts';

/** The parser; `vouched`: of what the classifier has written anew. */
function parserOf(vouched: boolean): HeadParser<RequestHead> {
  return {
    make: () => new RequestHead(),
    parse: (head, bytes, start, end) => head.parse(bytes, start, end, vouched),
    says: (head, at, list) => ({
      plain: [head.method, head.minor, head.contentLength, head.chunked, head.headerCount],
      client: [head.keepAlive, head.wantsUpgrade, head.passesUpgrade],
      offsets: [head.methodEnd, head.targetStart, head.targetEnd, head.headersStart].map(at),
      upgrade: head.upgradeEnd === 0 ? undefined : [head.upgradeStart, head.upgradeEnd].map(at),
      host: head.hostStart === 0 ? undefined : [head.hostStart, head.hostEnd].map(at),
      userAgent: head.userAgentEnd === 0 ? undefined : [head.userAgentStart, head.userAgentEnd].map(at),
      lists: [head.drops, head.cookies, head.forwardedFor, head.traceIdLines].map(list),
    }),
    refusal: (head) => head.refusal,
  };
}

const PARSER = parserOf(false);

function parse(text: string, { vouched = false } = {}): { outcome: Outcome; head: RequestHead } {
  return parseText(parserOf(vouched), text);
}

function post(...fields: string[]): string {
  return `POST / HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

const NAMES = 'Host user-agent COOKIE Connection Content-Length Transfer-Encoding Expect Upgrade TE X-Forwarded-For '
  .concat('X-Forwarded-Port x-forwarded-proto Keep-Alive Proxy-Connection A Content_Length')
  .split(' ');
const VALUES = [
  '',
  'x',
  '5',
  '05',
  'chunked',
  'gzip, chunked',
  'close',
  'keep-alive, A',
  'upgrade',
  'trailers',
  '\x80',
  'a b',
];

/** Heads of all kinds, most of them right. */
const anyHead = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'CONNECT', 'get', 'M-SEARCH', ''),
    target: fc.constantFrom('/', '/a?b=c', 'http://h/', '*', ''),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', ''),
    fields: fc.array(
      fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(':', ': ', ':\t ', ' : '), fc.constantFrom(...VALUES)),
      { maxLength: 6 },
    ),
    lineEnd: fc.constantFrom('\r\n', '\r\n', '\r\n', '\n'),
  })
  .map(({ method, target, version, fields, lineEnd }) => {
    const lines = [`${method} ${target} ${version}`, ...fields.map((parts) => parts.join('')), '', ''];
    return lines.join(lineEnd);
  });

describe('the head of a request', () => {
  testHeadParser(PARSER, anyHead, 'GET / HTTP/1.1\r\nA:, \t\x00\x7f\xff');

  test('tells the methods apart, and which of them may be sent twice', () => {
    const twice = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'];
    for (const name of [...twice, 'POST', 'PATCH', 'get', 'GETS', 'XPUT', 'DELETED', 'OPTION', 'HEADS']) {
      assert.equal(isIdempotent(parse(`${name} / HTTP/1.1\r\n\r\n`).head.method), twice.includes(name), name);
    }
    assert.equal(parse('HEAD / HTTP/1.1\r\n\r\n').head.method, METHOD.head);
    assert.equal(parse('CONNECT h:1 HTTP/1.1\r\n\r\n').outcome, 'refused');
  });

  const LEFT_TO_THE_CLASSIFIER = [
    'GET / HTTP/1.2\r\n\r\n',
    'GET /\r\n\r\n',
    'GET  / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1 \r\n\r\n',
    'GET / HTTP/1.1\n\n',
    'GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n',
    'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    post('Transfer-Encoding: Chunked'),
    post('Transfer-Encoding: gzip, chunked'),
    post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    post('Content-Length: 5', 'Transfer-Encoding: chunked'),
    post('Transfer-Encoding: chunked', 'Content-Length: 5'),
    post('Content-Length: 5', 'Content-Length: 5'),
    post('Content-Length: 05'),
    post('Content-Length: 1x'),
    post('Content-Length:'),
    post('Content-Length: 1234567890123456'),
    post('Content_Length: 5'),
    post('Transfer.Encoding: chunked'),
    post('Content-Length : 5'),
    post(' folded'),
    post('A: b', ' folded'),
    post('no colon'),
    post(': no name'),
    post('A: \x01'),
  ];
  test('that is not plainly right is left to the classifier', () => {
    for (const text of LEFT_TO_THE_CLASSIFIER) assert.equal(parse(text).outcome, 'odd', JSON.stringify(text));
  });

  test('with names and values that only resemble framing is plainly right', () => {
    const fields = [
      'Content-Lengths: x',
      'X-Content-Length: y',
      'Transfer-Encodings: z',
      'Content-Len: 1',
      'Contents: 2',
    ];
    assert.equal(parse(post(...fields, 'Content-Length: 7')).outcome, 'complete');
    assert.equal(parse(post(...fields, 'Content-Length: 7')).head.contentLength, 7);
  });

  test('written anew by the classifier is taken as it stands, but for what cannot be framed', () => {
    const { outcome, head } = parse(post('A: \x01', 'B{: c', 'Transfer-Encoding: gzip, Chunked'), { vouched: true });
    assert.equal(outcome, 'complete');
    assert.equal(head.chunked, true);
    assert.equal(parse('GET / HTTP/1.1\r\nContent-Length: 007\r\n\r\n', { vouched: true }).head.contentLength, 7);
    for (const fields of [
      ['Transfer-Encoding: gzip'],
      ['Transfer-Encoding: chunked, gzip'],
      ['Transfer-Encoding: chunked, chunked'],
      ['Transfer-Encoding: chunked;x, chunked'],
      ['Transfer-Encoding: chunked', 'Content-Length: 5'],
      ['Content-Length: 5', 'Content-Length: 5'],
      ['Content-Length: 12345678901234567890'],
      ['Host: a', 'Host: a'],
    ]) {
      assert.equal(parse(post(...fields), { vouched: true }).outcome, 'refused', fields.join(' | '));
    }
  });

  test('keeps nothing of the head that was parsed before', () => {
    const fields = ['Host: h', 'User-Agent: u', 'Cookie: c', 'Connection: close, a, upgrade', 'Upgrade: h2c', 'TE: x'];
    const full = post(...fields, 'X-Forwarded-For: 1', 'X-Amzn-Trace-Id: y', 'Transfer-Encoding: chunked', 'A: 1');
    for (const before of [full, post(...fields, 'Content-Length: 5')]) {
      assertForgets(PARSER, before, 'GET / HTTP/1.1\r\nB: 2\r\n\r\n');
    }
  });

  test('in absolute form names the authority that takes the place of Host', () => {
    const authorityOf = (target: string): string | undefined => {
      const text = `GET ${target} HTTP/1.1\r\n\r\n`;
      const { head } = parse(text);
      return head.targetAuthority(Buffer.from(text, 'latin1'));
    };
    assert.equal(authorityOf('http://h'), 'h');
    assert.equal(authorityOf('HTTPS://u:p@h:8443/x@y?z'), 'h:8443');
    assert.equal(authorityOf('http://[::1]:80?q'), '[::1]:80');
    assert.equal(authorityOf('ws+x.y-1://h#f'), 'h');
    for (const target of ['/', '//h/x', '*', 'h:80', '/http://h', '1http://h', 'http:/h', 'mailto:a@b']) {
      assert.equal(authorityOf(target), undefined, target);
    }
  });
});
