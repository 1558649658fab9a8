import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PARSED } from './message-head.ts';
import { isIdempotent, METHOD, RequestHead } from './request-head.ts';

const OUTCOMES = ['complete', 'incomplete', 'odd', 'refused'] as const;

/** Parses `text` as it would lie in a larger buffer. */
function parse(
  text: string,
  { before = '', after = '', vouched = false } = {},
): { outcome: string; head: RequestHead } {
  const bytes = Buffer.from(before + text + after, 'latin1');
  const head = new RequestHead();
  const outcome = head.parse(bytes, before.length, bytes.length, vouched);
  return { outcome: OUTCOMES[outcome]!, head };
}

/** All that a head says, with offsets counted from its start. */
function essence(text: string, before = '', after = ''): unknown {
  const { outcome, head } = parse(text, { before, after });
  if (outcome !== 'complete') return { outcome, refusal: outcome === 'refused' ? head.refusal : undefined };
  const from = before.length;
  const ranges = (list: RequestHead['drops']): [number, number][] =>
    Array.from({ length: list.count }, (_, i) => [list.start(i) - from, list.end(i) - from]);
  const { method, minor, contentLength, chunked, keepAlive, wantsUpgrade, expectContinue, headerCount } = head;
  return {
    outcome,
    plain: [method, minor, contentLength, chunked, keepAlive, wantsUpgrade, expectContinue, headerCount],
    offsets: [head.methodEnd, head.targetStart, head.targetEnd, head.headersStart, head.end].map((at) => at - from),
    host: head.hostLineEnd === 0 ? undefined : [head.hostStart - from, head.hostEnd - from, head.hostLineStart - from],
    userAgent: head.userAgentEnd === 0 ? undefined : [head.userAgentStart - from, head.userAgentEnd - from],
    drops: ranges(head.drops),
    cookies: ranges(head.cookies),
    forwardedFor: ranges(head.forwardedFor),
  };
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
          assert.ok(
            outcome === 'incomplete' || outcome === whole,
            `${outcome} after ${length} bytes, ${whole} at the end`,
          );
          if (whole === 'complete') assert.equal(outcome, 'incomplete');
        }
      }),
    );
  });

  test('never makes the parser throw, or read behind its end', () => {
    const anyBytes = fc.array(fc.constantFrom(...'GET / HTTP/1.1\r\nA:, \t\x00\x7f\xff'.split('')), { maxLength: 60 });
    fc.assert(
      fc.property(anyBytes, (characters) => {
        const { outcome, head } = parse(characters.join(''));
        if (outcome === 'complete') assert.ok(head.end <= characters.length);
      }),
    );
  });

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
    const reused = new RequestHead();
    const full = Buffer.from(
      post('Host: h', 'User-Agent: u', 'Cookie: c', 'Connection: close, a', 'Upgrade: x', 'Expect: 100-continue') +
        post('X-Forwarded-For: 1', 'Transfer-Encoding: chunked', 'A: 1'),
      'latin1',
    );
    const plain = Buffer.from('GET / HTTP/1.1\r\nB: 2\r\n\r\n');
    for (let at = 0; at < full.length; at = reused.end) {
      assert.equal(reused.parse(full, at, full.length, false), PARSED.complete);
      const again = new RequestHead();
      const fresh = new RequestHead();
      again.parse(full, at, full.length, false);
      again.parse(plain, 0, plain.length, false);
      fresh.parse(plain, 0, plain.length, false);
      for (const key of Object.keys(fresh) as (keyof RequestHead)[]) {
        const [a, b] = [again[key], fresh[key]];
        if (typeof a === 'object') continue;
        assert.equal(a, b, key);
      }
      for (const list of ['drops', 'cookies', 'forwardedFor'] as const) assert.equal(again[list].count, 0, list);
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
