/** The reference reader is itself right: what it makes of messages that a person can check by eye. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HTTP_BODY } from '../../src/model/limits.ts';
import { readChunked } from '../support/reference-body.ts';
import { readRequests, readResponse, type RequestReading } from '../support/reference-reader.ts';

function requests(text: string, mode: 'monitor' | 'defensive' | 'strictest' = 'defensive'): RequestReading {
  return readRequests(Buffer.from(text, 'latin1'), mode);
}

describe('requests, one after the other', () => {
  it('each with its body', () => {
    const reading = requests(
      '\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello' +
        'PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\nHost: z\r\n\r\n' +
        'GET /c HTTP/1.1\r\n\r\n',
    );
    assert.deepEqual(reading.end, { kind: 'clean' });
    assert.deepEqual(
      reading.messages.map(({ method, target, framing, body, trailers }) => [method, target, framing, body, trailers]),
      [
        ['POST', '/a', 'length', 'hello', []],
        ['PUT', '/b', 'chunked', 'abcd', [['T', 'u']]],
        ['GET', '/c', 'none', '', []],
      ],
    );
  });

  it('until one ends the connection', () => {
    for (const last of [
      'HTTP/1.0\r\n',
      'HTTP/1.1\r\nConnection: Close\r\n',
      'HTTP/1.1\r\nUpgrade: x\r\nConnection: upgrade\r\n',
    ]) {
      const reading = requests(`GET / ${last}\r\nGET /never HTTP/1.1\r\n\r\n`);
      assert.equal(reading.messages.length, 1);
      assert.equal(reading.end.kind, 'closed');
    }
    assert.equal(requests('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'.repeat(2)).messages.length, 2);
  });

  it('an Ambiguous one is the last, but not in monitor mode', () => {
    const ambiguous =
      'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n';
    assert.deepEqual(
      requests(ambiguous).messages.map(({ target }) => target),
      ['/'],
    );
    assert.deepEqual(
      requests(ambiguous, 'monitor').messages.map(({ target }) => target),
      ['/', '/smuggled'],
    );
    assert.equal(requests(ambiguous, 'strictest').end.kind, 'refused');
  });

  it('nothing is read behind a body that only a look-alike announced, in any mode', () => {
    const doubtful = 'POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n';
    assert.equal(requests(doubtful, 'monitor').messages.length, 1);
    assert.equal(requests(doubtful, 'monitor').end.kind, 'closed');
  });

  it('an unfinished one is told as far as it is there', () => {
    const { messages, unfinished, end } = requests('GET / HTTP/1.1\r\nHo');
    assert.deepEqual(
      { messages, unfinished, end },
      { messages: [], unfinished: undefined, end: { kind: 'unfinished' } },
    );
    assert.equal(requests('POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhello').unfinished?.body, 'hello');
    assert.equal(requests('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello').unfinished?.body, 'hello');
  });

  it('are refused: CONNECT, two Hosts, a long method, what cannot be framed', () => {
    assert.deepEqual(requests('CONNECT a:1 HTTP/1.1\r\n\r\n').end, { kind: 'refused', status: 400, why: 'CONNECT' });
    assert.equal(requests('GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n').end.kind, 'refused');
    assert.equal(requests('POST / HTTP/1.1\r\nContent-Length:\r\n\r\n', 'monitor').end.kind, 'refused');
    const long = requests(`${'M'.repeat(128)} / HTTP/1.1\r\n\r\n`).end;
    assert.equal(long.kind === 'refused' && long.status, 405);
    assert.equal(requests(`${'M'.repeat(127)} / HTTP/1.1\r\n\r\n`).end.kind, 'clean');
  });
});

describe('a chunked body', () => {
  it('is its data, without extensions', () => {
    const { outcome, data, size } = readChunked('5;a="b;c"\r\nhello\r\n0A \t;x\r\n0123456789\r\n000\r\n\r\nGET');
    assert.deepEqual([outcome, data, size], ['complete', 'hello0123456789', 45]);
  });

  const broken = {
    'a sign': '+5\r\nhello\r\n0\r\n\r\n',
    'a prefix': '0x5\r\nhello\r\n0\r\n\r\n',
    'no digit': '\r\nhello',
    'no hexadecimal digit': 'g\r\n',
    'a blank before the size': ' 5\r\nhello',
    'a blank behind the size': '5 \r\nhello',
    'an extension without a semicolon': '5 a\r\nhello',
    'a chunk line that ends in LF': '5\nhello\r\n0\r\n\r\n',
    'an extension with a NUL': '5;\0\r\nhello',
    'an extension with a bare CR': '5;\ra\r\nhello',
    'a size that overflows': 'fffffffffffffffff\r\n',
    'a chunk line that is too long': `5;${'a'.repeat(HTTP_BODY.maxChunkLineBytes)}\r\nhello`,
    'data longer than its size': '5\r\nhello!\r\n0\r\n\r\n',
    'data that ends in LF': '5\r\nhello\n0\r\n\r\n',
    'a trailer without a colon': '0\r\na\r\n\r\n',
    'a trailer with an empty name': '0\r\n: a\r\n\r\n',
    'a trailer with a blank before the colon': '0\r\na : b\r\n\r\n',
    'a folded trailer': '0\r\na: b\r\n c\r\n\r\n',
    'a trailer with a NUL': '0\r\na: \0\r\n\r\n',
    'a trailer that ends in LF': '0\r\na: b\n\r\n',
    'trailers that end in LF': '0\r\n\n',
    'too many trailers': `0\r\n${'a: b\r\n'.repeat(HTTP_BODY.maxTrailers + 1)}\r\n`,
    'trailers that are too long': `0\r\na: ${'b'.repeat(HTTP_BODY.maxTrailerBytes)}\r\n\r\n`,
  };
  for (const [why, text] of Object.entries(broken)) {
    it(`is broken by ${why}`, () => assert.equal(readChunked(text).outcome, 'broken'));
  }
});

describe('a response', () => {
  const read = (text: string, method = 'GET', closed = true): ReturnType<typeof readResponse> =>
    readResponse(Buffer.from(text, 'latin1'), method, closed);

  it('with a length, in chunks, or up to the close', () => {
    const length = read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
    const chunked = read('HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n');
    const toTheClose = read('HTTP/1.0 200\r\n\r\nhi');
    assert.deepEqual([length.end, length.response?.body], ['complete', 'hi']);
    assert.deepEqual(
      [chunked.end, chunked.response?.body, chunked.response?.trailers],
      ['complete', 'hi', [['A', 'b']]],
    );
    assert.deepEqual([toTheClose.end, toTheClose.response?.body], ['spent', 'hi']);
    assert.equal(read('HTTP/1.0 200\r\n\r\nhi', 'GET', false).end, 'unfinished');
  });

  it('without a body to HEAD, with 204 and with 304; bytes behind it spend the connection', () => {
    const head = 'Content-Length: 2\r\n\r\n';
    assert.equal(read(`HTTP/1.1 200 OK\r\n${head}`, 'HEAD').end, 'complete');
    assert.equal(read(`HTTP/1.1 204 No\r\n${head}`).end, 'complete');
    assert.deepEqual(read(`HTTP/1.1 304 No\r\n${head}hi`).response?.body, '');
    assert.equal(read(`HTTP/1.1 304 No\r\n${head}hi`).end, 'spent');
    assert.equal(read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!').end, 'spent');
  });

  it('after interim ones, at most 16', () => {
    const interim = 'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n';
    const final = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
    assert.equal(read(interim.repeat(16) + final).interim.length, 16);
    assert.equal(read(interim.repeat(17) + final).end, 'refused');
    assert.equal(read('HTTP/1.1 101 Switching\r\n\r\n').end, 'refused');
  });

  it('obeys chunked where there is a length too, and spends the connection', () => {
    const both = read('HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    assert.deepEqual([both.end, both.response?.headers], ['spent', [['Transfer-Encoding', 'chunked']]]);
  });

  it('may have several equal lengths, of which one is kept', () => {
    const twice = read('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 00\r\n\r\n');
    assert.deepEqual([twice.end, twice.response?.headers], ['complete', [['Content-Length', '0']]]);
  });

  const refused = {
    'bytes that are no HTTP': 'SSH-2.0-x\r\n\r\n',
    'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
    'a status below 100': 'HTTP/1.1 099 x\r\n\r\n',
    'another version': 'HTTP/2.0 200 OK\r\n\r\n',
    'different lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'an empty length': 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n',
    'a list of lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n',
    'chunked that is not last': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n',
    'a bad chunk size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
    'a NUL in a header': 'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n',
    'a bare CR in a header': 'HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n',
    'a bare LF in a header': 'HTTP/1.1 200 OK\r\nA: b\nSet-Cookie: c\r\n\r\n',
    'an empty header name': 'HTTP/1.1 200 OK\r\n: a\r\n\r\n',
    'a folded header': 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
    'a blank before the colon': 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
    'a header of 64 KB': `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(65_536)}\r\n\r\n`,
    '3,000 headers': `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(3000)}\r\n`,
  };
  for (const [why, text] of Object.entries(refused)) {
    it(`is refused for ${why}`, () => assert.equal(read(text).end, 'refused'));
  }

  it('any three digits from 100 to 999 go through', () => {
    for (const status of [200, 299, 499, 600, 999])
      assert.equal(read(`HTTP/1.1 ${status}\r\n\r\n`).response?.status, status);
  });
});
