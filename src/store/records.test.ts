import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sampleLoadBalancer } from '../../test/support/records.ts';
import { decodeRecord, encodeRecord, makeRow, NewerError, StoreError } from './records.ts';

const migrations = {
  'load-balancer': [
    (record: unknown) => ({ ...(record as object), second: true }),
    (record: unknown) => ({ third: record }),
  ],
};

describe('records on disk', () => {
  it('come back as they were', () => {
    const record = sampleLoadBalancer('web');
    assert.deepEqual(decodeRecord(encodeRecord('load-balancer', 'k', record)), {
      kind: 'load-balancer',
      key: 'k',
      record,
    });
  });

  it('are brought up to date step by step, from the version that they were written in', () => {
    const decode = (version: number) =>
      decodeRecord(makeRow('load-balancer', 'k', version, '{"a":1}'), migrations).record;
    assert.deepEqual(decode(1), { third: { a: 1, second: true } });
    assert.deepEqual(decode(2), { third: { a: 1 } });
    assert.deepEqual(decode(3), { a: 1 });
  });

  it('are refused when a newer weir wrote them, and not called damaged', () => {
    for (const [kind, version] of [
      ['load-balancer', 4],
      ['constructor', 1],
    ] as const) {
      assert.throws(() => decodeRecord(makeRow(kind, 'k', version, '{}'), migrations), NewerError);
    }
  });

  it('are refused when any column is not what was written', () => {
    const row = encodeRecord('load-balancer', 'k', sampleLoadBalancer('web'));
    for (const change of [{ key: 'other' }, { version: 0 }, { body: `${row.body} ` }, { checksum: row.checksum + 1 }]) {
      assert.throws(() => decodeRecord({ ...row, ...change }), StoreError);
    }
    assert.throws(() => decodeRecord(makeRow('load-balancer', 'k', 1, '{')), /is not JSON/);
  });
});
