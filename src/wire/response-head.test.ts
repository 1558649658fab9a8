import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PARSED } from './message-head.ts';
import { ResponseHead } from './response-head.ts';

const OUTCOMES = ['complete', 'incomplete', 'odd', 'refused'] as const;

function parse(text: string, before = '', after = ''): { outcome: string; head: ResponseHead } {
  const bytes = Buffer.from(before + text + after, 'latin1');
  const head = new ResponseHead();
  return { outcome: OUTCOMES[head.parse(bytes, before.length, bytes.length)]!, head };
}

/** All that a head says, with offsets counted from its start. */
function essence(text: string, before = '', after = ''): unknown {
  const { outcome, head } = parse(text, before, after);
  if (outcome !== 'complete') return outcome;
  const from = before.length;
  const ranges = (list: ResponseHead['drops']): [number, number][] =>
    Array.from({ length: list.count }, (_, i) => [list.start(i) - from, list.end(i) - from]);
  const { status, minor, contentLength, chunked, keepAlive, conflictingLength, headerCount } = head;
  return {
    outcome,
    plain: [status, minor, contentLength, chunked, keepAlive, conflictingLength, headerCount],
    offsets: [head.statusStart, head.statusLineEnd, head.headersStart, head.end].map((at) => at - from),
    lists: [head.drops, head.transferEncodingLines, head.trailerLines, head.setCookies].map(ranges),
  };
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
  test('is read the same wherever it lies, and whatever comes before and behind it', () => {
    const anyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
    fc.assert(
      fc.property(anyHead, anyBytes, anyBytes, (head, before, after) => {
        assert.deepEqual(essence(head, before, after), essence(head));
      }),
    );
  });

  test('is incomplete up to its last byte, or found wrong before: what is right never looks wrong in part', () => {
    fc.assert(
      fc.property(anyHead, (text) => {
        const whole = parse(text).outcome;
        for (let length = 0; length < text.length; length++) {
          const { outcome } = parse(text.slice(0, length));
          if (whole === 'complete') assert.equal(outcome, 'incomplete', `after ${length} bytes`);
          else assert.notEqual(outcome, 'complete', `after ${length} bytes`);
        }
      }),
    );
  });

  test('never makes the parser throw, or read behind its end', () => {
    const anyBytes = fc.array(fc.constantFrom(...'HTTP/1.1 200\r\nA:, \t\x00\x7f\xff'.split('')), { maxLength: 60 });
    fc.assert(
      fc.property(anyBytes, (characters) => {
        const { outcome, head } = parse(characters.join(''));
        if (outcome === 'complete') assert.ok(head.end <= characters.length);
      }),
    );
  });

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
    const full = Buffer.from(
      ok('Connection: close, a', 'Upgrade: x', 'Trailer: t', 'Set-Cookie: c', 'Transfer-Encoding: chunked'),
    );
    const plain = Buffer.from(ok('B: 2'));
    const reused = new ResponseHead();
    const fresh = new ResponseHead();
    assert.equal(reused.parse(full, 0, full.length), PARSED.complete);
    reused.parse(plain, 0, plain.length);
    fresh.parse(plain, 0, plain.length);
    for (const key of Object.keys(fresh) as (keyof ResponseHead)[]) {
      if (typeof fresh[key] !== 'object') assert.equal(reused[key], fresh[key], key);
    }
    for (const list of ['drops', 'trailerLines', 'setCookies', 'transferEncodingLines'] as const) {
      assert.equal(reused[list].count, 0, list);
    }
  });
});
