import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decode, encode } from 'cborg';
import fc from 'fast-check';
import { Fault } from '../fault.ts';
import { cloudWatchModel } from '../services/cloudwatch/model.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';

const INPUT = 'GetMetricDataInput';
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function read(body: Uint8Array): unknown {
  const result = decodeCbor(cloudWatchModel, INPUT, body);
  return result instanceof Fault ? result.code : result;
}

describe('CBOR', () => {
  it('has times as tagged seconds, whole or not, and every other value as JSON has it', () => {
    // {"MetricDataQueries": [], "StartTime": 1(1.5), "EndTime": 1(60), "MaxDatapoints": 5, "Other": true}
    const body = Buffer.concat([
      hex('a5'),
      encode('MetricDataQueries'),
      hex('80'),
      encode('StartTime'),
      hex('c1 fb 3ff8000000000000'),
      encode('EndTime'),
      hex('c1 18 3c'),
      encode('MaxDatapoints'),
      hex('05'),
      encode('Other'),
      hex('f5'),
    ]);
    const times = { StartTime: new Date(1500), EndTime: new Date(60_000) };
    assert.deepEqual(read(body), { MetricDataQueries: [], ...times, MaxDatapoints: 5 });
  });

  it('reads maps and lists without a length, as streaming clients write them', () => {
    const body = Buffer.concat([
      hex('bf'),
      ...['MetricDataQueries'].map((name) => encode(name)),
      hex('9f ff'),
      encode('StartTime'),
      hex('c1 00'),
      encode('EndTime'),
      hex('c1 01 ff'),
    ]);
    assert.deepEqual(read(body), { MetricDataQueries: [], StartTime: new Date(0), EndTime: new Date(1000) });
  });

  it('is refused as malformed where it cannot be read', () => {
    assert.equal(read(hex('a1 61')), 'MalformedRequest');
    assert.equal(read(hex('80')), 'MalformedRequest', 'a list is no input');
    assert.equal(read(hex(`${'81'.repeat(5000)}00`)), 'MalformedRequest', 'nested too deep');
    assert.equal(read(Buffer.concat([hex('a2'), encode('a'), hex('01'), encode('a'), hex('02')])), 'MalformedRequest');
    assert.equal(read(encode({ StartTime: 'yesterday' })), 'MalformedRequest');
    assert.deepEqual(read(encode({ ['__proto__']: { StartTime: 1 } })), {}, 'only what is its own is a member');
    assert.equal(Reflect.get({}, 'StartTime'), undefined);
  });

  it('never throws, whatever bytes come', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void read(bytes)));
  });

  it('writes an answer that reads back as it was', () => {
    const output = {
      Label: 'Latency',
      Datapoints: [{ Timestamp: new Date(60_000), Average: 0.25, Sum: 3, ExtendedStatistics: { 'p99.9': 1.5 } }],
    };
    const bytes = encodeCbor(cloudWatchModel, 'GetMetricStatisticsOutput', output);
    const tags = { 1: (content: () => unknown) => new Date(Number(content()) * 1000) };
    assert.deepEqual(decode(bytes, { tags }), output);
    const sum = Buffer.concat([encode('Sum'), hex('fb 4008000000000000')]);
    assert.ok(Buffer.from(bytes).includes(sum), 'a double is one, though it be whole');
  });
});
