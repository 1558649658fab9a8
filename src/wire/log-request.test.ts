import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { written } from '../../test/support/log-line.ts';
import { putNoRequest, requestRoom, RequestWriter } from './log-request.ts';
import { PARSED } from './message-head.ts';
import { Phrase } from './phrase.ts';
import { RequestHead } from './request-head.ts';

const requests = new RequestWriter();

/** What is to be written, byte by byte. */
function escaped(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      const isPlain = byte >= 0x20 && byte < 0x7f && !'"\\'.includes(character);
      return isPlain ? character : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

describe('what a client says, in an access log line', () => {
  const text = (bytes: Uint8Array) => written((to, at) => requests.putText(to, at, Buffer.from(bytes)));

  it('is printable ASCII without quotes and backslashes; what is not is escaped', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => assert.equal(text(bytes), escaped(bytes))));
    for (const byte of new Uint8Array(256).keys())
      assert.equal(text(Uint8Array.of(byte)), escaped(Uint8Array.of(byte)));
  });

  it('is escaped wherever the one byte stands that has to be', () => {
    const plain = fc.array(fc.integer({ min: 0x20, max: 0x7e }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(plain, fc.nat(255), fc.nat(), (bytes, odd, place) => {
        bytes[place % bytes.length] = odd;
        const source = Uint8Array.from(bytes);
        assert.equal(text(source), escaped(source));
      }),
      { numRuns: 2000 },
    );
  });

  it('has no spaces within a word of the request line', () => {
    const head = new RequestHead();
    const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a b\r\n\r\n');
    head.parse(bytes, 0, bytes.length, false);
    const origin = { scheme: new Phrase('http://'), port: new Phrase(':80') };
    const line = written((to, at) => requests.put(to, at, bytes, head, origin, new Phrase('127.0.0.1')));
    assert.match(line, /^"GET http:\/\/a\\x20b:80\/ HTTP\/1\.1" "-"$/);
  });
});

describe('the request in an access log line', () => {
  const origin = { scheme: new Phrase('https://'), port: new Phrase(':443') };
  const request = (text: string): string => {
    const head = new RequestHead();
    const bytes = Buffer.from(text, 'latin1');
    assert.equal(head.parse(bytes, 0, bytes.length, true), PARSED.complete);
    const host = new Phrase('127.0.0.1');
    const line = written((to, at) => requests.put(to, at, bytes, head, origin, host));
    assert.ok(line.length <= requestRoom(head, origin, host));
    return line;
  };

  it('names scheme, host, port of the listener, target and version', () => {
    for (const [head, line] of [
      ['GET / HTTP/1.1\r\nHost: www.example.com\r\n', '"GET https://www.example.com:443/ HTTP/1.1" "-"'],
      ['GET / HTTP/1.0\r\n', '"GET https://127.0.0.1:443/ HTTP/1.0" "-"'],
      ['GET /a?b=c HTTP/1.1\r\nHost: example:8443\r\n', '"GET https://example:443/a?b=c HTTP/1.1" "-"'],
      ['GET / HTTP/1.1\r\nHost: [::1]:8443\r\n', '"GET https://[::1]:443/ HTTP/1.1" "-"'],
      ['GET / HTTP/1.1\r\nHost: [::1]\r\n', '"GET https://[::1]:443/ HTTP/1.1" "-"'],
      ['OPTIONS * HTTP/1.1\r\nHost: h\r\nUser-Agent: x y\r\n', '"OPTIONS https://h:443* HTTP/1.1" "x y"'],
      ['GET http://a/b HTTP/1.1\r\nHost: h\r\n', '"GET https://h:443http://a/b HTTP/1.1" "-"'],
    ] as const) {
      assert.equal(request(`${head}\r\n`), line);
    }
  });

  it('has room reserved for it, however much of it is escaped', () => {
    const many = '"'.repeat(5000);
    assert.equal(request(`GET /${many} HTTP/1.1\r\nHost: ${many}\r\nUser-Agent: ${many}\r\n\r\n`).length, 60_031);
  });

  it('is three dashes where there is none', () => {
    assert.equal(written(putNoRequest), '"- - - " "-"');
  });
});
