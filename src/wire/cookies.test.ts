import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ascii } from '../kit/bytes.ts';
import { attributesOf, CookiePairs } from './cookies.ts';

/** The pairs as text; the field stands between other bytes, which are not its own. */
function pairsOf(field: string): [name: string, value: string][] {
  const bytes = Buffer.from(`x=1;${field};y=2`, 'latin1');
  const pairs = new CookiePairs();
  pairs.begin(bytes, 4, bytes.length - 4);
  const found: [string, string][] = [];
  while (pairs.next()) {
    const name = bytes.toString('latin1', pairs.nameStart, pairs.nameEnd);
    assert.ok(pairs.isNamed(ascii(name)));
    assert.ok(!pairs.isNamed(ascii(`${name}x`)));
    found.push([name, bytes.toString('latin1', pairs.valueStart, pairs.valueEnd)]);
  }
  return found;
}

function attributes(setCookie: string, name = 'SESSION'): string | undefined {
  const bytes = Buffer.from(`;${setCookie};`, 'latin1');
  return attributesOf(bytes, 1, bytes.length - 1, ascii(name));
}

describe('the pairs of a Cookie field', () => {
  for (const [field, expected] of [
    ['', []],
    ['a=1', [['a', '1']]],
    [
      'a=1; b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'a=1;b=2;',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      ' a = 1 \t;\tb= 2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'a="1"; b="',
      [
        ['a', '1'],
        ['b', '"'],
      ],
    ],
    [
      'a=""; b=',
      [
        ['a', ''],
        ['b', ''],
      ],
    ],
    [
      'a; b=2; ;;=3',
      [
        ['b', '2'],
        ['', '3'],
      ],
    ],
    ['a=b=c', [['a', 'b=c']]],
    [
      'a="1;b=2"',
      [
        ['a', '"1'],
        ['b', '2"'],
      ],
    ],
    [
      'a=1; a=2',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
  ] as const) {
    test(`of ${JSON.stringify(field)}`, () => assert.deepEqual(pairsOf(field), expected));
  }

  test('are those that splitting at semicolons gives, whatever the bytes', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'B', '=', ';', ' ', '\t', '"', ',', 'é'), maxLength: 40 });
    fc.assert(fc.property(text, (field) => assert.deepEqual(pairsOf(field), reference(field))));
  });
});

function reference(field: string): [string, string][] {
  return field
    .split(';')
    .filter((pair) => pair.includes('='))
    .map((pair) => {
      const at = pair.indexOf('=');
      const value = pair.slice(at + 1).replaceAll(/^[ \t]+|[ \t]+$/g, '');
      return [pair.slice(0, at).replaceAll(/^[ \t]+|[ \t]+$/g, ''), /^"(.*)"$/.exec(value)?.[1] ?? value];
    });
}

describe("the attributes that are taken over from the application's cookie", () => {
  test('are path, port, domain, secure, httponly, discard, max-age, expires, version, comment, commenturl and samesite', () => {
    const all =
      ';Path=/a;Port="80";Domain=example.com;Secure;HttpOnly;Discard;Max-Age=3;' +
      'Expires=Wed, 21 Oct 2026 07:28:00 GMT;Version=1;Comment=c;CommentURL="http://h/";SameSite=Lax';
    assert.equal(attributes(`SESSION=1${all}`), all);
    assert.equal(attributes('SESSION=1; Priority=High; Partitioned; Path=/; x'), ';Path=/');
  });

  test('have %5F for each underscore in path, and nowhere else', () => {
    assert.equal(attributes('SESSION=a_b; path=/my_path_; domain=a_b'), ';path=/my%5Fpath%5F;domain=a_b');
  });

  test('are none of a Set-Cookie that ends with a semicolon', () => {
    for (const end of [';', '; ', '; Path=/;', '; Path=/; \t']) assert.equal(attributes(`SESSION=1${end}`), undefined);
  });

  test('are none of another cookie', () => {
    for (const field of [
      'OTHER=1',
      'SESSIONS=1',
      'SESSIO=1',
      'session=1',
      'SESSION',
      '',
      'SESSION; a=1',
      '"SESSION"=1',
    ]) {
      assert.equal(attributes(field), undefined);
    }
  });

  test('are empty where the cookie has none', () => {
    for (const field of ['SESSION=1', 'SESSION=', ' SESSION = 1 ']) assert.equal(attributes(field), '');
  });

  test('never contain what could begin another line, whatever a field holds', () => {
    const byte = fc.constantFrom('S', 'p', 'path', '=', ';', ' ', '_', 'secure', '\t', '"', 'é', '%');
    const field = fc.array(byte, { maxLength: 30 }).map((parts) => `SESSION=${parts.join('')}`);
    fc.assert(
      fc.property(field, (setCookie) => {
        const taken = attributes(setCookie);
        assert.equal(taken === undefined, /;[ \t]*$/.test(setCookie));
        for (const attribute of (taken ?? '').split(';').slice(1)) assert.match(attribute, /^(path|secure)\s*(=|$)/i);
      }),
    );
  });
});
