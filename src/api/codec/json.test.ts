import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { API } from '../../model/limits.ts';
import { Fault } from '../fault.ts';
import { decodeJson, encodeJson } from './json.ts';
import type { ServiceModel } from './model.ts';

const model: ServiceModel = {
  source: 'a test',
  version: '1',
  xmlNamespace: '',
  operations: {},
  errors: {},
  structures: {
    All: {
      members: {
        Text: { type: 'string' },
        Count: { type: 'integer' },
        Flag: { type: 'boolean' },
        Time: { type: 'timestamp' },
        Bytes: { type: 'blob', sensitive: true },
        Items: { type: 'list', member: { type: 'structure', name: 'Item' } },
      },
      required: ['Text'],
    },
    Item: { members: { Key: { type: 'string' } }, required: ['Key'] },
  },
};

const decode = (body: unknown) => decodeJson(model, 'All', Buffer.from(JSON.stringify(body)));
const messageOf = (result: unknown) => (result instanceof Fault ? `${result.code}: ${result.message}` : 'no fault');

describe('the JSON codec', () => {
  it('reads back what it writes', () => {
    const output = fc.record(
      {
        Text: fc.string({ unit: 'binary' }),
        Count: fc.maxSafeInteger(),
        Flag: fc.boolean(),
        Time: fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
        Bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        Items: fc.array(fc.record({ Key: fc.string() }, { noNullPrototype: true })),
      },
      { requiredKeys: ['Text'], noNullPrototype: true },
    );
    fc.assert(
      fc.property(output, (value) => {
        assert.deepEqual(decodeJson(model, 'All', Buffer.from(encodeJson(model, 'All', value))), value);
      }),
    );
  });

  it('writes times as seconds and bytes as base64', () => {
    const output = { Text: 'a', Time: new Date(1500), Bytes: Buffer.from('x') };
    assert.equal(encodeJson(model, 'All', output), '{"Text":"a","Time":1.5,"Bytes":"eA=="}');
  });

  it('ignores what the model does not know, and takes null for absent', () => {
    assert.deepEqual(decode({ Text: 'a', Other: 1, Count: null }), { Text: 'a' });
  });

  it('touches no prototype, whatever a body names', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const body = `{"Text":"a","${name}":{"Flag":true,"Text":"b"}}`;
      const read = decodeJson(model, 'All', Buffer.from(body));
      assert.deepEqual([JSON.stringify(read), Object.keys(Object.prototype)], ['{"Text":"a"}', []]);
      assert.equal(Object.getPrototypeOf(read), Object.prototype);
    }
    // What it has by inheritance was not given.
    assert.match(messageOf(decodeJson(model, 'All', Buffer.from('{"__proto__":{"Text":"b"}}'))), /must not be null/);
  });

  it('answers any body with a structure or a fault, however deep', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const read = decodeJson(model, 'All', Buffer.from(text));
        assert.ok(read instanceof Fault || typeof read === 'object');
      }),
    );
    for (const [open, close] of [
      ['[', ']'],
      ['{"Items":', '}'],
    ] as const) {
      const deep = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
      assert.ok(decodeJson(model, 'All', Buffer.from(deep)) instanceof Fault);
    }
  });

  it('bounds the length of a list, as the Query codec does', () => {
    const items = (count: number) => ({ Text: 'a', Items: Array.from({ length: count }, () => ({ Key: 'k' })) });
    assert.equal(messageOf(decode(items(API.maxListIndex))), 'no fault');
    assert.match(messageOf(decode(items(API.maxListIndex + 1))), /at 'items' .* at most 2048 members/);
  });

  it("says what is missing, and where, in AWS's form", () => {
    const empty = decodeJson(model, 'All', Buffer.alloc(0));
    assert.match(
      messageOf(empty),
      /^ValidationError: 1 validation error detected: Value null at 'text' .* must not be null$/,
    );
    assert.match(messageOf(decode({ Text: 'a', Items: [{ Key: 'k' }, {}] })), /at 'items\.2\.member\.key'/);
  });

  it('says which kind of value stands where another should, and never the value', () => {
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [[], /^MalformedRequest: Expected an object at '', found a list\.$/],
      [{ Text: 1 }, /a string at 'text', found a value of type number/],
      [{ Text: 'a', Count: '1' }, /a whole number at 'count'/],
      [{ Text: 'a', Count: 1.5 }, /a whole number at 'count'/],
      [{ Text: 'a', Flag: 'SECRET' }, /true or false at 'flag'/],
      [{ Text: 'a', Time: 1e300 }, /seconds since 1970 at 'time'/],
      [{ Text: 'a', Bytes: 'SECRET!' }, /base64 at 'bytes'/],
      [{ Text: 'a', Items: { Key: 'SECRET' } }, /a list at 'items'/],
      [{ Text: 'a', Items: ['SECRET'] }, /an object at 'items\.1\.member'/],
    ];
    for (const [body, message] of cases) {
      assert.match(messageOf(decode(body)), message);
      assert.ok(!messageOf(decode(body)).includes('SECRET'));
    }
    for (const broken of [Buffer.from('{"Text":SECRET'), Buffer.from([0x22, 0xff, 0x22])]) {
      assert.equal(messageOf(decodeJson(model, 'All', broken)), 'MalformedRequest: The body is not JSON in UTF-8.');
    }
  });
});
