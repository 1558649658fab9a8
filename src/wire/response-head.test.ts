import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { assertForgets, parseText, testHeadParser, type HeadParser } from '../../test/support/head-parsers.ts';
import { ResponseHead } from './response-head.ts';

const PARSER: HeadParser<ResponseHead> = {
  make: () => new ResponseHead(),
  parse: (head, bytes, start, end) => head.parse(bytes, start, end),
  says: (head, at, list) => ({
    plain: [head.status, head.minor, head.contentLength, head.chunked, head.headerCount],
    connection: [head.keepAlive, head.conflictingLength],
    length: head.contentLength === -1 ? undefined : [head.lengthLineStart, head.lengthLineEnd].map(at),
    upgrade: head.upgradeEnd === 0 ? undefined : [head.upgradeStart, head.upgradeEnd].map(at),
    offsets: [head.statusStart, head.headersStart].map(at),
    lists: [head.drops, head.transferEncodingLines, head.trailerLines, head.setCookies].map(list),
  }),
};

function parse(text: string): ReturnType<typeof parseText<ResponseHead>> {
  return parseText(PARSER, text);
}

function ok(...fields: string[]): string {
  return `HTTP/1.1 200 OK\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

const NAMES = [
  'Connection',
  'content-length',
  'Transfer-Encoding',
  'SET-COOKIE',
  'Upgrade',
  'Trailer',
  'Keep-Alive',
  'Via',
];
const VALUES = ['', '5', '05', '6', 'chunked', 'gzip, chunked', 'close', 'keep-alive, via', 'a=b', '\x80'];

const anyHead = fc
  .record({
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.9', 'HTTP/2', 'http/1.1'),
    status: fc.constantFrom('200', '304', '100', '999', '20', '2000', '099', ''),
    reason: fc.constantFrom(' OK', ' ', '', ' a b \x80', ' \x01'),
    fields: fc.array(
      fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(':', ': ', ' :'), fc.constantFrom(...VALUES)),
      { maxLength: 6 },
    ),
    lineEnd: fc.constantFrom('\r\n', '\r\n', '\r\n', '\n'),
  })
  .map(({ version, status, reason, fields, lineEnd }) =>
    [`${version} ${status}${reason}`, ...fields.map((parts) => parts.join('')), '', ''].join(lineEnd),
  );

describe('the head of a response', () => {
  testHeadParser(PARSER, anyHead, 'HTTP/1.1 200\r\nA:, \t\x00\x7f\xff');

  test('has a status of three digits from 100 to 999', () => {
    for (let status = 0; status < 1000; status++) {
      const text = `HTTP/1.1 ${String(status).padStart(3, '0')} x\r\n\r\n`;
      const { outcome, head } = parse(text);
      assert.equal(outcome, status < 100 ? 'odd' : 'complete', text);
      if (status >= 100) assert.equal(head.status, status);
    }
  });

  test('obeys chunked where both framing headers are there, and leaves the length out', () => {
    for (const fields of [
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked', 'Content-Length: 5'],
    ]) {
      const text = ok(...fields);
      const { head } = parse(text);
      assert.deepEqual([head.chunked, head.contentLength, head.keepAlive], [true, -1, false]);
      assert.equal(head.drops.count, 1);
      assert.equal(text.slice(head.drops.start(0), head.drops.end(0)), 'Content-Length: 5\r\n');
    }
  });

  test('says whether the connection is kept', () => {
    const cases: readonly (readonly [text: string, kept: boolean])[] = [
      [ok(), true],
      [ok('Connection: close'), false],
      [ok('Connection: keep-alive, CLOSE'), false],
      ['HTTP/1.0 200 OK\r\n\r\n', false],
      ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n', true],
      ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n', false],
    ];
    for (const [text, kept] of cases) assert.equal(parse(text).head.keepAlive, kept, text);
  });

  test('has its dropped lines in ascending order, each within the head', () => {
    fc.assert(
      fc.property(anyHead, (text) => {
        const { outcome, head } = parse(text);
        if (outcome !== 'complete' || head.upgradeEnd !== 0) return;
        for (let i = 0, from = head.headersStart; i < head.drops.count; i++) {
          assert.ok(head.drops.start(i) >= from);
          from = head.drops.start(i);
          assert.ok(head.drops.end(i) <= head.end - 2);
          assert.equal(text.slice(head.drops.end(i) - 2, head.drops.end(i)), '\r\n');
        }
      }),
    );
  });

  test('keeps nothing of the head that was parsed before', () => {
    const full = ok('Connection: close, a', 'Upgrade: x', 'Trailer: t', 'Set-Cookie: c', 'Transfer-Encoding: chunked');
    for (const before of [full, ok('Content-Length: 5', 'Content-Length: 5')])
      assertForgets(PARSER, before, ok('B: 2'));
  });
});
